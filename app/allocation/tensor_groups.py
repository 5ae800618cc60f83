"""Groups of tensors that matter about as much: those of one kind in one third of the layers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

_LAYER = re.compile(r"^blk\.(?P<layer>\d+)\.")
_BANDS = 3


def kind_of(name: str) -> str:
    """Return a tensor's name without the number of its layer, such as `ffn_down`."""
    return _LAYER.sub("", name).removesuffix(".weight")


def grouped(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the names of tensors in groups, in a fixed order."""
    listed = sorted(names)
    layers = 1 + max(map(_layer_of, listed), default=0)
    groups: dict[tuple[str, int], list[str]] = defaultdict(list)
    for name in listed:
        groups[kind_of(name), _BANDS * _layer_of(name) // layers].append(name)
    return [tuple(groups[key]) for key in sorted(groups)]


def _layer_of(name: str) -> int:
    match = _LAYER.match(name)
    return int(match["layer"]) if match else 0
