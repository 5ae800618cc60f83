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


def test_a_debian_package_asks_for_the_libraries_that_the_folder_lacks() -> None:
    listing = """/dist/gristmill/_internal/libQt6Gui.so.6:
\tlinux-vdso.so.1 (0x00007ffd5a5f2000)
\tlibEGL.so.1 => /lib/x86_64-linux-gnu/libEGL.so.1 (0x00007f1c1c000000)
\tlibz.so.1 => /dist/gristmill/_internal/libz.so.1 (0x00007f1c1b000000)
"""
    elsewhere = debian.found_elsewhere(listing, Path("/dist/gristmill/_internal"))
    assert elsewhere == ["libEGL.so.1"]


def test_the_files_of_the_debian_package_are_there() -> None:
    # The root's papers are added where they are.
    named = [ROOT / source for source in debian.FILES if "/" in source]
    assert [file for file in named if not file.is_file()] == []


@pytest.mark.skipif(sys.platform == "win32", reason="make is not there")
def test_make_knows_every_command() -> None:
    lines = (ROOT / "Makefile").read_text("utf-8").splitlines()
    (known,) = (line for line in lines if line.startswith("COMMANDS = "))
    assert set(known.split()[2:]) == set(commands.COMMANDS)
