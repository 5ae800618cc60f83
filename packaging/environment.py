"""The virtual environment of the checkout: its packages, and the setup steps already done."""

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
        """Folder of the environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """Interpreter of the environment."""
        return self.program("python")

    def program(self, name: str) -> Path:
        """Return the path of a program installed in the environment."""
        if sys.platform == "win32":
            return self.folder / "Scripts" / f"{name}.exe"
        return self.folder / "bin" / name

    def log(self, step: str) -> Path:
        """Return the log file of a step, outside of the environment, which may be recreated."""
        return self.root / "build" / "setup" / f"{step}.log"

    def create(self) -> None:
        """Create the environment, unless a working one exists.

        Raises:
            SetupError: it can't be created.
        """
        if self._works():
            return
        say("Creating the virtual environment .venv (10 s)")
        make = [sys.executable, "-m", "venv", "--clear", str(self.folder)]
        made = subprocess.run(make, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            reason = " ".join((made.stdout + made.stderr).split())
            raise SetupError(f"the virtual environment can't be created: {reason}")

    def install(self, step: str, title: str, *arguments: str) -> None:
        """Install packages with pip.

        Raises:
            SetupError: pip failed.
        """
        command = [str(self.python), "-m", "pip", "install", *arguments]
        run_step(title, command, self.log(step))

    def install_pinned(self, step: str, title: str, requirements: Sequence[str]) -> None:
        """Install packages in the pinned versions.

        Raises:
            SetupError: pip failed.
        """
        pins = self.root / "packaging" / "constraints.txt"
        self.install(step, title, "--constraint", str(pins), *requirements)

    def is_done(self, step: str, key: str) -> bool:
        """Return whether `step` was done with this `key`."""
        return self.noted(step) == key

    def noted(self, step: str) -> str:
        """Return the key that `step` was last done with, or an empty string."""
        return self._notes().get(step, "")

    def note(self, step: str, key: str) -> None:
        """Record that `step` was done with `key`."""
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
    """Return a key of the project file, the pinned versions, the Python and further inputs."""
    digest = hashlib.sha256(json.dumps([sys.version, *facts]).encode())
    for file in (root / "pyproject.toml", root / "packaging" / "constraints.txt"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def requirements_of(root: Path) -> tuple[list[str], list[str], list[str]]:
    """Return the requirements in `pyproject.toml`: of the program, its tests, and its packaging."""
    with (root / "pyproject.toml").open("rb") as file:
        project: dict[str, Any] = tomllib.load(file)
    groups = project["dependency-groups"]
    return project["project"]["dependencies"], groups["dev"], groups["package"]
