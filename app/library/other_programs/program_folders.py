"""Folders in which other programs keep their models, by operating system."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HUGGING_FACE, OLLAMA = "Hugging Face", "Ollama"


@dataclass(frozen=True)
class ProgramFolder:
    """A folder of models that belongs to another program."""

    program: str
    folder: Path


def program_folders() -> tuple[ProgramFolder, ...]:
    """Return the folders of other programs that exist on this machine."""
    known = known_folders(os.environ, Path.home(), sys.platform)
    return tuple(one for one in known if one.folder.is_dir())


def known_folders(
    environment: Mapping[str, str], home: Path, system: str
) -> tuple[ProgramFolder, ...]:
    """Return where the programs would keep their models on a `system`, as in `sys.platform`."""
    cache, data = _user_folders(environment, home, system)
    hub = Path(environment.get("HF_HOME") or home / ".cache" / "huggingface") / "hub"
    found: Mapping[str, tuple[Path, ...]] = {
        HUGGING_FACE: (_chosen(environment, "HF_HUB_CACHE") or hub,),
        "LM Studio": (home / ".lmstudio" / "models", home / ".cache" / "lm-studio" / "models"),
        OLLAMA: tuple(_ollama_folders(environment, home, system)),
        "llama.cpp": (_chosen(environment, "LLAMA_CACHE") or cache / "llama.cpp",),
        "GPT4All": (data / "nomic.ai" / "GPT4All",),
        "Jan": tuple(_jan_folders(environment, home, data, system)),
    }
    return tuple(
        ProgramFolder(program, folder) for program, folders in found.items() for folder in folders
    )


def _user_folders(environment: Mapping[str, str], home: Path, system: str) -> tuple[Path, Path]:
    """Return the user's folders for caches and for data."""
    if system == "darwin":
        return home / "Library" / "Caches", home / "Library" / "Application Support"
    if system == "win32":
        local = _chosen(environment, "LOCALAPPDATA") or home / "AppData" / "Local"
        return local, local
    cache = _chosen(environment, "XDG_CACHE_HOME") or home / ".cache"
    return cache, _chosen(environment, "XDG_DATA_HOME") or home / ".local" / "share"


def _ollama_folders(environment: Mapping[str, str], home: Path, system: str) -> Iterator[Path]:
    yield _chosen(environment, "OLLAMA_MODELS") or home / ".ollama" / "models"
    if system == "linux":
        # Its service has a user of its own.
        yield Path("/usr/share/ollama/.ollama/models")


def _jan_folders(
    environment: Mapping[str, str], home: Path, data: Path, system: str
) -> Iterator[Path]:
    if system == "win32":
        data = _chosen(environment, "APPDATA") or home / "AppData" / "Roaming"
    roots = [data / "Jan" / "data"]
    if system == "linux":
        configuration = _chosen(environment, "XDG_CONFIG_HOME") or home / ".config"
        roots.append(configuration / "Jan" / "data")
    for root in roots:
        yield root / "llamacpp" / "models"
        yield root / "models"
    yield home / "jan" / "models"


def _chosen(environment: Mapping[str, str], name: str) -> Path | None:
    value = environment.get(name)
    return Path(value).expanduser() if value else None
