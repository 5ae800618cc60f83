"""Build a Debian package of the program's folder."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from console import run_step
from system import packages_of

_CONTROL = """\
Package: gristmill
Version: {version}
Architecture: {architecture}
Maintainer: The Gristmill authors <maintainers@gristmill.invalid>
Installed-Size: {kibibytes}
Depends: {depends}
Section: science
Priority: optional
Description: From a Hugging Face repository to a GGUF file to a reply
 Gristmill downloads language models, converts them to GGUF, tells beforehand how large, fast and
 good they will be, and chats with them, on your own machine.
"""
# The place of each file in the installed system.
FILES = {
    "packaging/gristmill.desktop": "usr/share/applications/gristmill.desktop",
    "packaging/gristmill.metainfo.xml": "usr/share/metainfo/io.github.gristmill.metainfo.xml",
    "packaging/gristmill-mime.xml": "usr/share/mime/packages/gristmill.xml",
    "resources/app_icon.svg": "usr/share/icons/hicolor/scalable/apps/gristmill.svg",
    "resources/app_icon_small.svg": "usr/share/icons/hicolor/16x16/apps/gristmill.svg",
    "LICENSE": "usr/share/doc/gristmill/copyright",
    "THIRD_PARTY_NOTICES.md": "usr/share/doc/gristmill/THIRD_PARTY_NOTICES.md",
}
_FOUND = re.compile(r"^\s*(\S+) => (/\S+)", re.MULTILINE)
_PROGRAMS = ("gristmill", "gristmill-window")


def is_available() -> bool:
    """Return whether a Debian package can be built here."""
    return shutil.which("dpkg-deb") is not None


def make_package(root: Path, folder: Path, version: str, log: Path) -> Path:
    """Build a package of the program in `folder`, next to it.

    Raises:
        SetupError: dpkg-deb failed.
    """
    architecture = _output_of("dpkg", "--print-architecture")
    package = folder.with_name(f"gristmill_{version}_{architecture}.deb")
    # Next to the folder, so that its files can be linked instead of copied.
    with tempfile.TemporaryDirectory(prefix="deb-", dir=folder.parent) as temporary:
        tree = Path(temporary)
        tree.chmod(0o755)
        _lay_out(root, folder, tree)
        control = tree / "DEBIAN" / "control"
        control.parent.mkdir()
        control.write_text(
            _CONTROL.format(
                version=version,
                architecture=architecture,
                kibibytes=_kibibytes(tree),
                depends=", ".join(depends_of(folder)),
            ),
            "utf-8",
        )
        command = ["dpkg-deb", "--root-owner-group", "-Zzstd", "--build", str(tree), str(package)]
        run_step(f"Building {package.name} (10 s)", command, log)
    return package


def depends_of(folder: Path) -> list[str]:
    """Return the Debian packages of libraries that Qt loads and that the folder doesn't contain."""
    brought = folder / "_internal"
    files = (*brought.glob("libQt6*"), *brought.glob("PySide6/Qt/plugins/platforms/*.so"))
    listing = _output_of("ldd", *map(str, files), LD_LIBRARY_PATH=str(brought))
    _, c_library = platform.libc_ver()
    return [f"libc6 (>= {c_library})", *packages_of(found_elsewhere(listing, brought))]


def found_elsewhere(listing: str, folder: Path) -> list[str]:
    """Return the libraries that `ldd` found outside of `folder`."""
    found = _FOUND.findall(listing)
    return sorted({name for name, path in found if not Path(path).is_relative_to(folder)})


def _lay_out(root: Path, folder: Path, tree: Path) -> None:
    program = tree / "usr" / "lib" / "gristmill"
    shutil.copytree(folder, program, symlinks=True, copy_function=os.link)
    commands = tree / "usr" / "bin"
    commands.mkdir()
    for name in _PROGRAMS:
        (commands / name).symlink_to(f"../lib/gristmill/{name}")
    for source, place in FILES.items():
        if (root / source).is_file():
            (tree / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / source, tree / place)


def _kibibytes(tree: Path) -> int:
    return sum(path.lstat().st_size for path in tree.rglob("*")) // 1024


def _output_of(*command: str, **variables: str) -> str:
    environment = {**os.environ, **variables}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return said.stdout.strip()
