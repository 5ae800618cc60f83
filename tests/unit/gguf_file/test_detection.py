"""A GGUF file is told by what is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.gguf_file.detection import is_gguf_file


@pytest.mark.parametrize("name", ["model.gguf", "model", "model.bin", "MODEL.GGUF"])
def test_a_file_of_any_name(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(b"GGUF\3")
    assert is_gguf_file(file)


def test_what_is_none(tmp_path: Path) -> None:
    (tmp_path / "X.GGUF").mkdir()
    (tmp_path / "weights.bin").write_bytes(b"PK\3\4")
    assert not is_gguf_file(tmp_path / "X.GGUF")
    assert not is_gguf_file(tmp_path / "weights.bin")
    assert not is_gguf_file(tmp_path / "absent.gguf")
