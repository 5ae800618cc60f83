"""Requirements on the system: a compiler, the venv module and, on Linux, libraries for Qt."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from console import SetupError, run_step, say

# The Debian package of each library that Qt's platform plugins link to.
DEBIAN_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libOpenGL.so.0": "libopengl0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libz.so.1": "zlib1g",
}
_NOT_FOUND = re.compile(r"^\s*(\S+) => not found", re.MULTILINE)
_OPENS_A_WINDOW = "from PySide6.QtWidgets import QApplication; QApplication([])"
_VISUAL_STUDIO = "Microsoft.VisualStudio.Component.VC.Tools.x86.x64"


def require_venv(log: Path) -> None:
    """Make sure that this Python can create a virtual environment with pip.

    Raises:
        SetupError: it can't, and packages can't be installed here.
    """
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    _install_or_explain("Python's venv module", [package], log)


def require_compiler(log: Path) -> None:
    """Make sure that there are a C and a C++ compiler.

    Raises:
        SetupError: one is missing, and packages can't be installed here.
    """
    if sys.platform == "win32":
        if not _has_visual_studio():
            raise SetupError(
                "a C++ compiler is missing: winget install Microsoft.VisualStudio.2022.BuildTools "
                '--override "--wait --passive --add Microsoft.VisualStudio.Workload.VCTools '
                '--includeRecommended"'
            )
    elif not (find_compiler("CC") and find_compiler("CXX")):
        if sys.platform == "darwin":
            raise SetupError("a C++ compiler is missing: xcode-select --install")
        _install_or_explain("a C++ compiler", ["gcc", "g++"], log)


def find_compiler(variable: str) -> str | None:
    """Return the compiler that CMake would use; `variable` is CC or CXX."""
    names = {"CC": ("cc", "gcc", "clang"), "CXX": ("c++", "g++", "clang++")}[variable]
    chosen = os.environ.get(variable)
    found = (shutil.which(name) for name in ([chosen] if chosen else names))
    return next(filter(None, found), None)


def require_qt_libraries(python: Path, log: Path, *, opens_window: bool) -> None:
    """Make sure that Qt can start; libraries that only a window needs are required only for one.

    Raises:
        SetupError: it can't, and packages can't be installed here.
    """
    if sys.platform != "linux":
        return
    absent = missing_libraries(python)
    if absent and _may_install():
        # If this fails, the line below names the command.
        with suppress(SetupError):
            _install(packages_of(absent), log)
        absent = missing_libraries(python)
    if absent:
        line = missing_line(absent, has_apt=_has_apt())
        if opens_window or not _starts_without_window(python):
            raise SetupError(line)
        say(line)
    elif not _starts_without_window(python):
        raise SetupError(
            f"Qt can't start; run this to see the reason: {python} -c '{_OPENS_A_WINDOW}'"
        )


def missing_libraries(python: Path) -> list[str]:
    """Return the missing shared libraries that Qt's widgets and platform plugins link to."""
    folder = next((python.parent.parent / "lib").glob("python*/site-packages/PySide6"))
    plugins = folder / "Qt" / "plugins" / "platforms"
    files = [folder / "QtWidgets.abi3.so", folder / "QtNetwork.abi3.so"]
    files += [plugins / f"lib{name}.so" for name in ("qxcb", "qoffscreen", "qwayland")]
    present = [str(file) for file in files if file.is_file()]
    listed = subprocess.run(
        [shutil.which("ldd") or "ldd", *present], capture_output=True, text=True, check=False
    )
    return not_found(listed.stdout)


def not_found(listing: str) -> list[str]:
    """Return the libraries that `ldd` did not find, without duplicates, sorted."""
    return sorted(set(_NOT_FOUND.findall(listing)))


def packages_of(libraries: Sequence[str]) -> list[str]:
    """Return the Debian packages of libraries, without duplicates; skip unknown libraries."""
    return sorted({DEBIAN_PACKAGES[name] for name in libraries if name in DEBIAN_PACKAGES})


def missing_line(libraries: Sequence[str], *, has_apt: bool) -> str:
    """Return one line that names the missing libraries and the command to run."""
    missing = f"system libraries are missing ({', '.join(libraries)})"
    packages = packages_of(libraries)
    if has_apt and packages:
        return f"{missing}: sudo apt-get install -y {' '.join(packages)}"
    return f"{missing}: install them with your package manager"


def _install_or_explain(what: str, packages: Sequence[str], log: Path) -> None:
    if not _may_install():
        command = f"sudo apt-get install -y {' '.join(packages)}"
        advice = command if _has_apt() else "install it with your package manager"
        raise SetupError(f"{what} is missing: {advice}")
    _install(packages, log)


def _may_install() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and _has_apt()


def _has_apt() -> bool:
    return shutil.which("apt-get") is not None


def _install(packages: Sequence[str], log: Path) -> None:
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run_step("Reading the list of system packages (about 10 s)", ["apt-get", "update"], log, quiet)
    run_step(
        f"Installing system packages (under a minute): {' '.join(packages)}",
        ["apt-get", "install", "-y", "--no-install-recommends", *packages],
        log,
        quiet,
    )


def _starts_without_window(python: Path) -> bool:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    tried = subprocess.run(
        [str(python), "-c", _OPENS_A_WINDOW], env=environment, capture_output=True, check=False
    )
    return tried.returncode == 0


def _has_visual_studio() -> bool:
    if shutil.which("cl") or os.environ.get("CXX"):
        return True
    programs = Path(os.environ.get("PROGRAMFILES(X86)", "C:/Program Files (x86)"))
    locator = programs / "Microsoft Visual Studio" / "Installer" / "vswhere.exe"
    if not locator.is_file():
        return False
    query = [str(locator), "-latest", "-products", "*", "-requires", _VISUAL_STUDIO]
    found = subprocess.run(
        [*query, "-property", "installationPath"], capture_output=True, check=False
    )
    return bool(found.stdout.strip())
