"""Reduce an adapter to the one alpha that GGUF allows: differences go into each module's B."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from app.checkpoint.lora_scaling import LoraScaling, module_of

_ENDS_OF_A = (".lora_A.weight", ".lora_embedding_A")
_ENDS_OF_B = (".lora_B.weight", ".lora_embedding_B")


class SharedScaling:
    """The scaling of an adapter; `alpha` and `norms` are known after the script has read it.

    `norms` are tensors that llama.cpp's script keeps, and its engine passes over.
    """

    def __init__(self, scaling: LoraScaling) -> None:
        self._scaling = scaling
        self.alpha = scaling.alpha
        self.norms: list[str] = []

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Equalize the scaling of the modules of adapters that are read inside the block."""
        import safetensors.torch
        import torch

        usual = safetensors.torch.load_file, torch.load
        safetensors.torch.load_file = self._reading(usual[0])
        torch.load = self._reading(usual[1])
        try:
            yield
        finally:
            safetensors.torch.load_file, torch.load = usual

    def _reading(self, load: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(load)
        def read(*arguments: Any, **options: Any) -> Any:
            return self._evened(load(*arguments, **options))

        return read

    def _evened(self, tensors: dict[str, Any]) -> dict[str, Any]:
        ranks = {
            module: int(tensor.shape[0])
            for name, tensor in tensors.items()
            if name.endswith(_ENDS_OF_A) and (module := module_of(name))
        }
        self.alpha, factors = self._scaling.shared(ranks)
        self.norms = [name for name in tensors if module_of(name) is None and "norm" in name]
        return {name: _times(tensor, _factor(name, factors)) for name, tensor in tensors.items()}


def _factor(name: str, factors: dict[str, float]) -> float:
    return factors.get(module_of(name) or "", 1.0) if name.endswith(_ENDS_OF_B) else 1.0


def _times(tensor: Any, factor: float) -> Any:
    return tensor if factor == 1 else tensor.float() * factor
