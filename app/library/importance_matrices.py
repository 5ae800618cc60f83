"""Importance matrices made along with models: `NAME.imatrix.gguf` next to `NAME-LEVEL.gguf`."""

from __future__ import annotations

from pathlib import Path

from app.core.levels import FORMAT_PRESERVING_LEVELS, LEVELS, SPECIAL_LEVELS
from app.gguf_file.detection import SUFFIX
from app.gguf_file.shards import stem_of

MATRIX_SUFFIX = ".imatrix.gguf"
_LEVELS = frozenset(level.name for level in (*LEVELS, *SPECIAL_LEVELS, *FORMAT_PRESERVING_LEVELS))


def unshared_matrices(model: Path) -> tuple[Path, ...]:
    """Return the matrices made along with a model, unless another one shares their source."""
    source = _source_of(model)
    matrix = model.with_name(f"{source}{MATRIX_SUFFIX}")
    if not source or not matrix.is_file():
        return ()
    siblings = model.parent.glob(f"*{SUFFIX}")
    is_shared = any(
        _source_of(file) == source and stem_of(file) != stem_of(model) for file in siblings
    )
    return () if is_shared else (matrix,)


def _source_of(model: Path) -> str:
    source, _, level = stem_of(model).rpartition("-")
    return source if level in _LEVELS else ""
