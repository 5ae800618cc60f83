"""Documents of a checkpoint are looked at as strictly as the converter reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.checkpoint.documents import read_document, require_document
from app.core.errors import AppError, ErrorCode


@pytest.mark.parametrize(
    "content", [b"{}", b'{"a": [1, {"b": null}]}', b'{"a": NaN, "b": Infinity}']
)
def test_what_python_reads_is_a_document(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_bytes(content)
    require_document(file)
    assert read_document(file).keys() <= {"a", "b"}


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"a": [1, 2}', b'{"a": "\xff"}', b'{"a": 1} x', b'{"a": ' + b"[" * 10**5],
)
def test_what_is_none_is_refused_with_the_same_words(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_bytes(content)
    told = []
    for look in (require_document, read_document):
        with pytest.raises(AppError) as caught:
            look(file)
        assert caught.value.code is ErrorCode.CONFIG_DAMAGED
        told.append(caught.value.details)
    assert told[0] == told[1]
