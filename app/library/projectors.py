"""Projectors: files that let a model see or hear, found next to it by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from app.gguf_file.shards import stem_of

_MARK = "mmproj"
_MOST_PROJECTORS = 100
_LEVEL = re.compile(r"(?i)[-._](?:i?q\d\w*|bf16|f16|f32|fp16|mxfp4\w*|ud)$")


def is_projector_name(name: str) -> bool:
    """Return whether a file name is one of a projector."""
    return _MARK in name.casefold()


def projectors_of(models: Sequence[str], projectors: Sequence[str]) -> dict[str, str]:
    """Pair the models of a folder with its projectors, by file names; some may have none.

    A projector goes with the models whose names begin like its own; one that is named after no
    model goes with the only one in its folder, at whatever levels.
    """
    if not projectors:
        return {}
    named = {_bare(name): name for name in projectors[:_MOST_PROJECTORS]}
    bare = {model: _bare(model) for model in models}
    unnamed = named.pop("", "") if len(set(bare.values())) == 1 else ""
    paired = ((model, _longest_match(name, named) or unnamed) for model, name in bare.items())
    return {model: projector for model, projector in paired if projector}


def _longest_match(model: str, named: Mapping[str, str]) -> str:
    alike = [own for own in named if own and (model.startswith(own) or own.startswith(model))]
    return named[max(alike, key=len)] if alike else ""


def _bare(name: str) -> str:
    """Return a file name without level, shard number and the mark of a projector."""
    stem = stem_of(PurePath(name)).casefold()
    stem = re.sub(rf"[-._]?{_MARK}(?:-model)?[-._]?", "-", stem).strip("-._")
    while (shorter := _LEVEL.sub("", f"-{stem}").lstrip("-")) != stem:
        stem = shorter
    return stem
