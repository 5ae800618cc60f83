"""Each page of the window is opened by a child; a page that doesn't open is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.jobs.window_check import check_window

ROOT = Path(__file__).parents[3]


def test_every_page_opens() -> None:
    assert check_window() == ("chat", "models", "hub", "convert", "measure", "settings")


@pytest.mark.parametrize(
    ("icon", "page"), [("send", "chat"), ("copy", "convert"), ("key", "settings")]
)
def test_a_page_that_raises_is_named(
    icon: str, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app").symlink_to(ROOT / "app", target_is_directory=True)
    shutil.copytree(ROOT / "resources", tmp_path / "resources")
    (tmp_path / "resources" / "icons" / f"{icon}.svg").unlink()
    # Children start from the program in this folder.
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(AppError) as caught:
        check_window()
    assert caught.value.code is ErrorCode.WINDOW_BROKEN
    assert caught.value.details["page"] == page
    assert f"{icon}.svg" in str(caught.value.details["reason"])
