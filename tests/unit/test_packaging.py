"""What goes into the packaged program: its version, its papers, what its Debian package needs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging"))

import commands
import debian
import program

from app import __version__

ROOT = Path(__file__).resolve().parents[2]


def test_the_version_is_the_programs_own() -> None:
    assert program.version_of(ROOT) == __version__


def test_a_debian_package_asks_for_the_libraries_that_the_folder_lacks(tmp_path: Path) -> None:
    (tmp_path / "_internal").mkdir()
    for name in ("libxcb-cursor.so.0", "libz.so.1"):
        (tmp_path / "_internal" / name).touch()
    needed = debian.depends_of(tmp_path)
    assert "libegl1" in needed
    assert not {"libxcb-cursor0", "zlib1g"} & set(needed)
    assert needed[0].startswith("libc6 (>= ")


def test_the_files_of_the_debian_package_are_there() -> None:
    # The root's papers are added where they are.
    named = [ROOT / source for source in debian.FILES if "/" in source]
    assert [file for file in named if not file.is_file()] == []


@pytest.mark.skipif(sys.platform == "win32", reason="make is not there")
def test_make_knows_every_command() -> None:
    lines = (ROOT / "Makefile").read_text("utf-8").splitlines()
    (known,) = (line for line in lines if line.startswith("COMMANDS = "))
    assert set(known.split()[2:]) == set(commands.COMMANDS)
