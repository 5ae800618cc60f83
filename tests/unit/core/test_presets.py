"""A preset's file: what was written is read, and everything else is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.core.load_options import LoadOptions
from app.core.presets import Preset, read_preset, unique_name, write_preset

PRESET = Preset(name="länger <b>", options=LoadOptions(context=32768, device_shares=(3.0, 0.5)))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "new" / "preset.json"
    write_preset(file, PRESET)
    assert read_preset(file) == PRESET
    assert json.loads(file.read_bytes())["version"] == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\xff" * 512,
        b"[1]",
        b"{}",
        b'{"version": 1, "name": "a"}',
        b'{"version": 2, "name": "a", "options": {}}',
        b'{"version": 1, "name": "", "options": {}}',
        b'{"version": 1, "name": "a", "options": {"context": 255}}',
        b'{"version": 1, "name": "a", "options": {"threads": 1025}}',
        b'{"version": 1, "name": "a", "options": {"device_shares": [1e999]}}',
        b'{"version": 1, "name": "a", "options": {"cache_type_k": "q2_k"}}',
        b'{"version": 1, "name": "a", "options": ' + b"[" * 100_000,
        b" " * (2**20 + 1) + b'{"version": 1, "name": "a", "options": {}}',
    ],
    ids=[
        "empty", "binary", "list", "bare", "no-options", "newer", "no-name", "context", "threads",
        "infinite", "type", "deep", "long",
    ],
)  # fmt: skip
def test_what_is_no_preset_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "preset.json"
    file.write_bytes(content)
    with pytest.raises(AppError) as caught:
        read_preset(file)
    assert caught.value.code is ErrorCode.PRESET_INVALID
    assert caught.value.details["file"] == "preset.json"


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "absent.json"):
        with pytest.raises(AppError) as caught:
            read_preset(place)
        assert caught.value.code is ErrorCode.FILE_UNREADABLE


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert unique_name("a", ()) == "a"
    assert unique_name("a", {"a"}) == "a (2)"
    assert unique_name("a", {"a", "a (2)"}) == "a (3)"
