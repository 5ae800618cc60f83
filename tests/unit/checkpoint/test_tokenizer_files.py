"""A tokenizer's damaged files are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.checkpoint.tokenizer_files import require_sound_tokenizer_files
from app.core.errors import AppError, ErrorCode

_PIECE = b"\x0a" + b"\x0e" + b"\x0a\x07<token>\x15" + bytes(4)
_LONG = b"\x12" + b"\xc8\x01" + bytes(200)
SOUND = {
    "tokenizer.model": _PIECE * 3 + _LONG,
    "added_tokens.json": b'{"<|user|>": 7}',
    "chat_template.jinja": "{{ „messages“ }}".encode(),
}


def test_sound_files_pass(tmp_path: Path) -> None:
    require_sound_tokenizer_files(tmp_path)
    for name, content in SOUND.items():
        (tmp_path / name).write_bytes(content)
    require_sound_tokenizer_files(tmp_path)


def test_a_tokenizer_of_tiktoken_is_left_to_the_converter(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(b"IQ== 0\nIg== 1\n")
    require_sound_tokenizer_files(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("tokenizer.model", b"", ErrorCode.WEIGHTS_DAMAGED),
        ("tokenizer.model", _PIECE * 3 + _LONG[:-1], ErrorCode.WEIGHTS_DAMAGED),
        ("tokenizer.model", _PIECE * 3 + _LONG[:2], ErrorCode.WEIGHTS_DAMAGED),
        ("tokenizer.model", _PIECE[:5], ErrorCode.WEIGHTS_DAMAGED),
        ("added_tokens.json", b'["<|user|>"]', ErrorCode.CONFIG_DAMAGED),
        ("added_tokens.json", b'{"<|user|>": "seven"}', ErrorCode.CONFIG_DAMAGED),
        ("chat_template.jinja", b"{{ '\xff' }}", ErrorCode.CONFIG_DAMAGED),
    ],
)
def test_a_damaged_file_is_named(
    name: str, content: bytes, code: ErrorCode, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AppError) as raised:
        require_sound_tokenizer_files(tmp_path)
    assert raised.value.code is code
    assert raised.value.details["file"] == name
