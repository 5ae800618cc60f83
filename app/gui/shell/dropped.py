"""The window's use of a dropped file or folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from app.checkpoint.folder_kind import is_adapter
from app.core.language import tr
from app.gguf_file.detection import is_gguf_file

Use = Literal["convert", "load", "list", "nothing"]


def use_of(path: Path) -> Use:
    """Return whether a path is converted, loaded, listed among the models, or of no use."""
    if path.is_dir():
        is_checkpoint = (path / "config.json").is_file() or is_adapter(path)
        return "convert" if is_checkpoint else "list"
    return "load" if is_gguf_file(path) else "nothing"


def use_in_words(paths: Sequence[Path]) -> str:
    """Return the effect of a drop in words; the first usable path counts."""
    used = [path for path in paths if use_of(path) != "nothing"]
    if not used:
        name = paths[0].name if paths else ""
        return tr("{name} can't be used: it is neither a GGUF file nor a folder", name=name)
    name = used[0].name
    return {
        "convert": tr("Drop to check and convert {name}", name=name),
        "load": tr("Drop to load {name}", name=name),
        "list": tr("Drop to list the models in {name}", name=name),
        "nothing": "",
    }[use_of(used[0])]
