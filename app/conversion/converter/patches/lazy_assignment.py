"""Make assignments to slices of the converter's lazy tensors lazy, too.

`gguf.lazy` reads the whole tensor for that, and keeps it: conversion/falcon_h1.py scales the rows
of a matrix so. What it calls has no public name.
"""

# ruff: noqa: SLF001

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


@functools.cache
def assign_lazily() -> None:
    """Defer `tensor[index] = value` until the tensor is read."""
    from conversion.base import LazyTorchTensor

    LazyTorchTensor.__setitem__ = _assign


def _assign(tensor: Any, place: Any, value: Any) -> None:
    before = type(tensor)(
        meta=tensor._meta,
        data=tensor._data,
        args=tensor._args,
        kwargs=tensor._kwargs,
        func=tensor._func,
    )

    def assigned(whole: Any) -> Any:
        whole = whole.clone()
        whole[place] = _evaluated_within(value, tensor, whole)
        return whole

    tensor._data, tensor._args, tensor._kwargs, tensor._func = None, (before,), {}, assigned


def _evaluated_within(value: Any, tensor: Any, whole: Any) -> Any:
    """Evaluate a lazy value, with `whole` as the current content of its tensor."""
    from gguf.lazy import LazyBase

    if value is tensor:
        return whole
    if not isinstance(value, LazyBase):
        return value
    if value._data is not None:
        return value._data
    return run_step(value, functools.partial(_evaluated_within, tensor=tensor, whole=whole))


def run_step(lazy: Any, evaluate: Callable[[Any], Any]) -> Any:
    """Run the step that a lazy tensor stands for, with its arguments evaluated by `evaluate`."""
    from gguf.lazy import LazyBase

    arguments = LazyBase._recurse_apply(lazy._args, evaluate)
    return lazy._func(*arguments, **lazy._kwargs)
