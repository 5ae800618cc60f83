"""Build the packaged program: a folder, an archive and, on Debian, a package."""

from __future__ import annotations

import re
import shutil
import sys
import tarfile
from pathlib import Path

import debian
from console import run_step, say
from environment import Environment

NAME = "gristmill"
_LEGAL_FILES = ("LICENSE", "THIRD_PARTY_NOTICES.md")
# A higher level takes minutes longer and makes the archive no smaller.
_COMPRESSION = 6
_VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)


def make_program(environment: Environment) -> None:
    """Build everything in `dist` and print the results.

    Raises:
        SetupError: a step failed.
    """
    root = environment.root
    folder = root / "dist" / NAME
    run_step(
        "Building the program's folder (about 3 minutes)",
        [str(environment.python), "-m", "PyInstaller", "--noconfirm", str(root / "build.spec")],
        environment.log("package"),
    )
    for name in _LEGAL_FILES:
        if (root / name).is_file():
            shutil.copy2(root / name, folder / name)
    made = [folder, _archive(folder, version_of(root))]
    if debian.is_available():
        made.append(debian.make_package(root, folder, version_of(root), environment.log("debian")))
    for path in made:
        say(f"built {path.relative_to(root)} ({_megabytes(path)} MB)")


def version_of(root: Path) -> str:
    """Read the program's version from `app/__init__.py`."""
    found = _VERSION.search((root / "app" / "__init__.py").read_text("utf-8"))
    if found is None:
        raise ValueError("app/__init__.py names no version")
    return found[1]


def _archive(folder: Path, version: str) -> Path:
    archive = folder.with_name(f"{NAME}-{version}-{sys.platform}.tar.gz")
    say(f"Compressing it to {archive.name} (half a minute)")
    with tarfile.open(archive, "w:gz", compresslevel=_COMPRESSION) as file:
        file.add(folder, f"{NAME}-{version}", filter=_owned_by_nobody)
    return archive


def _owned_by_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return the entry with root as its owner, instead of the account that built it."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def _megabytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return round(sum(file.lstat().st_size for file in files if not file.is_dir()) / 1e6)
