"""The packaged program: its version, its legal files, the dependencies of its Debian package."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import PySide6
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging"))

import commands
import debian
import program

from app import __version__

ROOT = Path(__file__).resolve().parents[2]


def test_the_version_is_the_programs_own() -> None:
    assert program.version_of(ROOT) == __version__


def test_every_folder_of_modules_is_a_package() -> None:
    # setuptools and PyInstaller leave out folders without an __init__.py.
    folders = {module.parent for module in (ROOT / "app").rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_a_debian_package_asks_for_the_libraries_that_the_folder_lacks() -> None:
    listing = """/dist/gristmill/_internal/libQt6Gui.so.6:
\tlinux-vdso.so.1 (0x00007ffd5a5f2000)
\tlibEGL.so.1 => /lib/x86_64-linux-gnu/libEGL.so.1 (0x00007f1c1c000000)
\tlibz.so.1 => /dist/gristmill/_internal/libz.so.1 (0x00007f1c1b000000)
"""
    elsewhere = debian.found_elsewhere(listing, Path("/dist/gristmill/_internal"))
    assert elsewhere == ["libEGL.so.1"]


def test_the_files_of_the_debian_package_are_there() -> None:
    # LICENSE and the notices in the root are optional.
    named = [ROOT / source for source in debian.FILES if "/" in source]
    assert [file for file in named if not file.is_file()] == []


@pytest.mark.skipif(not debian.is_available(), reason="dpkg-deb is not there")
def test_a_debian_package_puts_the_programs_and_their_papers_in_place(tmp_path: Path) -> None:
    folder = tmp_path / "dist" / "gristmill"
    (folder / "_internal").mkdir(parents=True)
    (library,) = (Path(PySide6.__path__[0]) / "Qt" / "lib").glob("libQt6Gui.so.6")
    (folder / "_internal" / library.name).symlink_to(library)
    for name in ("gristmill", "gristmill-window"):
        (folder / name).touch(mode=0o755)
    package = debian.make_package(ROOT, folder, "1.2.3", tmp_path / "log")
    assert "1.2.3\n" in said_by("dpkg-deb", "--field", str(package), "Version")
    assert "libegl1" in said_by("dpkg-deb", "--field", str(package), "Depends")
    subprocess.run(["dpkg-deb", "--extract", str(package), str(tmp_path / "root")], check=True)
    programs = tmp_path / "root" / "usr" / "bin"
    assert {file.name for file in programs.iterdir()} == {"gristmill", "gristmill-window"}
    assert all(file.is_file() for file in programs.iterdir())
    for source, place in debian.FILES.items():
        assert (tmp_path / "root" / place).is_file() == (ROOT / source).is_file()


@pytest.mark.skipif(shutil.which("appstreamcli") is None, reason="appstreamcli is not there")
def test_the_metadata_for_software_catalogs_is_valid() -> None:
    file = ROOT / "packaging" / "gristmill.metainfo.xml"
    assert "successful" in said_by("appstreamcli", "validate", "--no-net", str(file))


def said_by(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="make is not there")
def test_make_knows_every_command() -> None:
    lines = (ROOT / "Makefile").read_text("utf-8").splitlines()
    (known,) = (line for line in lines if line.startswith("COMMANDS = "))
    assert set(known.split()[2:]) == set(commands.COMMANDS)
