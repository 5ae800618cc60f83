"""The steps of setup, each done once per project file, backend and processor."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import engine
import system
from console import SetupError, say
from environment import Environment, requirements_of, stamp_key

_BACKEND = "backend"
_COMMANDS_WITHOUT_TOOLS = ("run", "setup", "package")


def set_up(environment: Environment, backend: str | None, command: str) -> None:
    """Do the steps that `command` needs and that are not done yet.

    Raises:
        SetupError: a step failed.
    """
    chosen = backend or environment.noted(_BACKEND) or engine.default_backend()
    key = stamp_key(environment.root, chosen, engine.processor(), os.environ.get("CMAKE_ARGS", ""))
    if not environment.is_done("packages", key):
        _install_program(environment, chosen)
        environment.note(_BACKEND, chosen)
        environment.note("packages", key)
    opens_window = command == "run" and uses_x11(os.environ)
    libraries = "window libraries" if opens_window else "libraries"
    if not environment.is_done(libraries, key):
        log = environment.log("system")
        system.require_qt_libraries(environment.python, log, opens_window=opens_window)
        environment.note(libraries, key)
    if command not in _COMMANDS_WITHOUT_TOOLS and not environment.is_done("tools", key):
        _, tools, _ = requirements_of(environment.root)
        environment.install_pinned("tools", "Installing the tools for the tests (20 s)", tools)
        environment.note("tools", key)
    if command == "package" and not environment.is_done("packager", key):
        _, _, packager = requirements_of(environment.root)
        environment.install_pinned("packager", "Installing PyInstaller (10 s)", packager)
        environment.note("packager", key)
    _prepare_data(environment, key, command)


def uses_x11(variables: Mapping[str, str]) -> bool:
    """Return whether Qt would use X11, according to the environment variables."""
    chosen = variables.get("QT_QPA_PLATFORM", "")
    return chosen == "xcb" or not (chosen or variables.get("WAYLAND_DISPLAY"))


def _install_program(environment: Environment, backend: str) -> None:
    log = environment.log("system")
    system.require_venv(log)
    system.require_compiler(log)
    environment.create()
    wheel = engine.engine_wheel(environment.python, backend, environment.log("engine"))
    environment.install(
        "engine-install",
        f"Installing the engine for {backend} (5 s)",
        *("--no-deps", "--force-reinstall", str(wheel)),
    )
    needed, _, _ = requirements_of(environment.root)
    environment.install_pinned(
        "packages", "Installing the Python packages (1.2 GB, about 2 minutes)", needed
    )
    environment.install(
        "program",
        "Installing the program (10 s)",
        *("--no-deps", "--editable", str(environment.root)),
    )


def _prepare_data(environment: Environment, key: str, command: str) -> None:
    """Fetch the converter and the starter model; for `run`, also test the engine."""
    in_this_folder = f"{key} {os.environ.get('GRISTMILL_HOME', '')}"
    if not environment.is_done("components", in_this_folder):
        say("Downloading the converter and the starter model (190 MB, about a minute)")
        if _program(environment, "setup"):
            environment.note("components", in_this_folder)
        elif command != "run":
            raise SetupError("the converter and the starter model could not be downloaded")
    if command == "run" and not environment.is_done("self-test", in_this_folder):
        say("Testing the engine on this machine (a few seconds)")
        # If the engine doesn't work, the window reports the reason itself.
        if _program(environment, "self-test"):
            environment.note("self-test", in_this_folder)


def _program(environment: Environment, verb: str) -> bool:
    command = [str(environment.python), "-m", "app", verb]
    return subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0
