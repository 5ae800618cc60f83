"""Find weight files with any name: the converter looks only for model*.safetensors."""

from __future__ import annotations

import functools
from pathlib import Path

from app.checkpoint.weight_files import WEIGHTS_SUFFIX, list_weights
from app.core.errors import AppError


@functools.cache
def find_weights_of_any_name() -> None:
    """Make the converter find the weight files that `list_weights` finds."""
    from conversion import ModelBase

    find = ModelBase.get_model_part_names

    def find_of_any_name(folder: Path, prefix: str, suffix: str) -> list[str]:
        names: list[str] = find(folder, prefix, suffix)
        return names if names or suffix != WEIGHTS_SUFFIX else _others(folder)

    ModelBase.get_model_part_names = staticmethod(find_of_any_name)


def _others(folder: Path) -> list[str]:
    try:
        return list(list_weights(folder).names)
    except AppError:
        # An adapter's base needs none, and a checkpoint may have pickles.
        return []
