"""The tensors in a checkpoint's safetensors files, by name."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open

from app.checkpoint.weight_files import WEIGHTS_SUFFIX, list_weights, locate, named_ranges
from app.sensitivity.unavailable import gradients_unavailable


class StoredTensors:
    """The stored tensors of a checkpoint's folder."""

    def __init__(self, folder: Path) -> None:
        """Read the headers.

        Raises:
            AppError: `gradients_unavailable` for pickle files, and what `list_weights` raises.
        """
        files = [locate(folder, name) for name in list_weights(folder).names]
        if any(file.suffix != WEIGHTS_SUFFIX for file in files):
            raise gradients_unavailable("its weights are not in safetensors files")
        self._files = {name: file for file in files for name in named_ranges(file)}

    def names(self) -> frozenset[str]:
        """Return the names of all tensors."""
        return frozenset(self._files)

    def size_bytes(self) -> int:
        """Return the size of all weight files."""
        return sum(file.stat().st_size for file in set(self._files.values()))

    def read(self, name: str) -> torch.Tensor:
        """Return a tensor's values, widened to float32.

        Raises:
            AppError: `gradients_unavailable` if they are no floating-point numbers.
        """
        with safe_open(self._files[name], framework="pt") as file:
            stored: torch.Tensor = file.get_tensor(name)
        if not stored.dtype.is_floating_point:
            raise gradients_unavailable("its weights are quantized already")
        return stored.to(torch.float32)
