"""Lay out NVFP4 weights without reading them: the converter would read them all and keep them.

It packs each weight with its scales (`_nvfp4_pack` in conversion/base.py) as soon as it meets it.
Here that waits until the tensor is written. What it calls has no public name.
"""

# ruff: noqa: SLF001

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

_READ_AT_ONCE = ".linear_attn."
"""Their rows are moved by an index on their device (conversion/qwen.py); lazy ones have none."""
_BLOCKS_OF_SUPER_BLOCK = 4
_BLOCK_WEIGHTS = 16
_SUPER_BLOCK_BYTES = 36
"""Four blocks of 16 weights in 4 bits, each with a scale of 8 bits."""


def leave_blocks_unread(model: Any) -> None:
    """Make the converter lay out a model's NVFP4 weights, if it has any, without reading them."""
    import torch

    _respect_marks()
    _stack_lazily()
    tensors = model.model_tensors
    for name in [name for name in tensors if name.endswith((".weight", ".weight_packed"))]:
        scale_name = f"{name.removesuffix('_packed')}_scale"
        load, load_scale = tensors[name], tensors.get(scale_name)
        if load_scale is None or load().dtype is not torch.uint8 or _READ_AT_ONCE in name:
            continue
        if load_scale().dtype is torch.float8_e4m3fn:
            tensors[name] = _marked(load)
            tensors[scale_name] = _marked(load_scale)
    model._nvfp4_pack = functools.partial(_pack_lazily, model._nvfp4_pack)


def _marked(load: Callable[[], Any]) -> Callable[[], Any]:
    def load_marked() -> Any:
        lazy = load()
        lazy.stays_unread = True
        return lazy

    return load_marked


@functools.cache
def _respect_marks() -> None:
    """Keep a marked tensor lazy where the converter would make it eager."""
    from conversion.base import LazyTorchTensor

    to_eager = LazyTorchTensor.to_eager
    LazyTorchTensor.to_eager = staticmethod(
        lambda lazy: lazy if "stays_unread" in getattr(lazy, "__dict__", {}) else to_eager(lazy)
    )


def _pack_lazily(
    pack: Callable[[Any, Any], tuple[Any, list[int]]], weight: Any, scale: Any
) -> tuple[Any, list[int]]:
    from gguf import LazyNumpyTensor
    from gguf.lazy import LazyBase

    if not isinstance(weight, LazyBase):
        return pack(weight, scale)
    rows, blocks = scale.shape
    super_blocks = blocks // _BLOCKS_OF_SUPER_BLOCK
    shape = (rows, super_blocks * _SUPER_BLOCK_BYTES)
    packed = LazyNumpyTensor(
        meta=LazyNumpyTensor.meta_with_dtype_and_shape(np.uint8, shape),
        args=(weight, scale),
        func=lambda numbers, scales: pack(numbers, scales)[0],
    )
    # The converter copies what it stacks, so that it can let go of what that lay in.
    packed.copy = lambda: packed
    return packed, [rows, super_blocks * _BLOCKS_OF_SUPER_BLOCK * _BLOCK_WEIGHTS]


@functools.cache
def _stack_lazily() -> None:
    """Make numpy stack lazy arrays into a lazy array."""
    from gguf import LazyNumpyTensor

    def stack(
        _: Any,
        function: Callable[..., Any],
        __: Sequence[type],
        arguments: tuple[Any, ...],
        options: Mapping[str, Any],
    ) -> Any:
        if function is not np.stack:
            return NotImplemented
        (parts,) = arguments
        shape = (len(parts), *parts[0].shape)
        meta = LazyNumpyTensor.meta_with_dtype_and_shape(parts[0].dtype, shape)
        return LazyNumpyTensor(meta=meta, args=(parts,), kwargs=dict(options), func=np.stack)

    LazyNumpyTensor.__array_function__ = stack
