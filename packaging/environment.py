"""The virtual environment in the checkout: what is installed in it, and what is done already."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console import SetupError, run_step, say


@dataclass(frozen=True)
class Environment:
    """The virtual environment of the checkout at `root`."""

    root: Path

    @property
    def folder(self) -> Path:
        """The environment's own folder."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.program("python")

    def program(self, name: str) -> Path:
        """A program that is installed in it."""
        if sys.platform == "win32":
            return self.folder / "Scripts" / f"{name}.exe"
        return self.folder / "bin" / name

    def log(self, step: str) -> Path:
        """The log file of a step; beside the environment, which may be made anew."""
        return self.root / "build" / "setup" / f"{step}.log"

    def create(self) -> None:
        """Make the environment, unless there is one that works.

        Raises:
            SetupError: it can't be made.
        """
        if self._works():
            return
        say("Making the virtual environment .venv (10 s)")
        make = [sys.executable, "-m", "venv", "--clear", str(self.folder)]
        made = subprocess.run(make, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            reason = " ".join((made.stdout + made.stderr).split())
            raise SetupError(f"the virtual environment can't be made: {reason}")

    def install(self, step: str, title: str, *arguments: str) -> None:
        """Install packages with pip.

        Raises:
            SetupError: it failed.
        """
        command = [str(self.python), "-m", "pip", "install", *arguments]
        run_step(title, command, self.log(step))

    def install_pinned(self, step: str, title: str, requirements: Sequence[str]) -> None:
        """Install packages in the versions that the program is tested with.

        Raises:
            SetupError: it failed.
        """
        pins = self.root / "packaging" / "constraints.txt"
        self.install(step, title, "--constraint", str(pins), *requirements)

    def is_done(self, step: str, key: str) -> bool:
        """Whether `step` was done with the same `key`."""
        return self.noted(step) == key

    def noted(self, step: str) -> str:
        """The key that `step` was done with last, or nothing."""
        return self._notes().get(step, "")

    def note(self, step: str, key: str) -> None:
        """Note that `step` is done with `key`."""
        notes = {**self._notes(), step: key}
        new = self._notes_file.with_suffix(".new")
        new.write_text(json.dumps(notes, indent=2) + "\n", "utf-8")
        new.replace(self._notes_file)

    @property
    def _notes_file(self) -> Path:
        return self.folder / "setup.json"

    def _notes(self) -> dict[str, str]:
        try:
            notes: dict[str, str] = json.loads(self._notes_file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return notes

    def _works(self) -> bool:
        if not self.python.exists():
            return False
        asked = [str(self.python), "-m", "pip", "--version"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def stamp_key(root: Path, *facts: str) -> str:
    """A key that changes with the project file, the pinned versions, the Python or a fact."""
    digest = hashlib.sha256(json.dumps([sys.version, *facts]).encode())
    for file in (root / "pyproject.toml", root / "packaging" / "constraints.txt"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def requirements_of(root: Path) -> tuple[list[str], list[str], list[str]]:
    """What `pyproject.toml` asks for: for the program, for its tests and checks, to package it."""
    with (root / "pyproject.toml").open("rb") as file:
        project: dict[str, Any] = tomllib.load(file)
    groups = project["dependency-groups"]
    return project["project"]["dependencies"], groups["dev"], groups["package"]
