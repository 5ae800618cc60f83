from __future__ import annotations

from pathlib import Path

import pytest

from app.core.openable import is_link, openable


@pytest.mark.parametrize("link", ["gristmill://owner/name", "GRISTMILL://owner/name@v1"])
def test_a_link_stays_as_it_is(link: str) -> None:
    assert openable(link) == link
    assert is_link(link)


def test_a_file_gets_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert openable("model.GGUF") == str(tmp_path / "model.GGUF")
    file = tmp_path / "a model.gguf"
    assert openable(file.as_uri()) == str(file)


@pytest.mark.parametrize("argument", ["convert", "--version", "model.txt", "file:///model.txt", ""])
def test_anything_else_is_not_for_the_window(argument: str) -> None:
    assert openable(argument) is None
