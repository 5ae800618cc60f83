"""The files that come with the program are found wherever its modules lie."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.core import resources
from app.core.resources import packaged_folders, resource

ROOT = Path(__file__).parents[3]


def test_a_resource_is_found_by_the_names_of_its_folders() -> None:
    assert resource("icons", "chat.svg") == ROOT / "resources" / "icons" / "chat.svg"
    assert resource("icons", "chat.svg").is_file()


def test_the_folder_need_not_be_a_package(tmp_path: Path) -> None:
    # As PyInstaller lays it out.
    for module in ("app/__init__.py", "app/core/__init__.py", "app/core/resources.py"):
        (tmp_path / module).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / module, tmp_path / module)
    (tmp_path / "resources" / "icons").mkdir(parents=True)
    (tmp_path / "resources" / "icons" / "chat.svg").write_text("<svg/>")
    reads = "from app.core.resources import resource; print(resource('icons', 'chat.svg'))"
    said = subprocess.run(
        [sys.executable, "-c", reads], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(said.stdout.strip()).read_text() == "<svg/>"


def test_only_the_packaged_program_brings_folders_along(monkeypatch: pytest.MonkeyPatch) -> None:
    assert packaged_folders("converter") == []
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert packaged_folders("converter") == [ROOT / "converter"]


@pytest.mark.parametrize("way", ["importlib.resources", "import resources", "_MEIPASS", '"frozen"'])
def test_no_module_looks_for_its_files_in_another_way(way: str) -> None:
    own = Path(resources.__file__)
    modules = [file for file in (ROOT / "app").rglob("*.py") if file != own]
    assert [file for file in modules if way in file.read_text("utf-8")] == []
