"""The types of a file's tensors as patterns for the tensors of another model."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Protocol

from app.gguf_file.tensor_types import INTEGER_TYPES, type_name
from app.gguf_file.type_patterns import escaped_name

_ANY_LAYER = r"\d+"
_LAYER = re.compile(_ANY_LAYER)
_MATRIX = 2
_Kind = tuple[str, str]
"""The name of a tensor before and after the number of its layer."""

Recipe = tuple[tuple[str, str], ...]
"""Pairs of a regular expression for names and a type in lower case, such as `q6_k`."""


class TypedTensor(Protocol):
    """A tensor of a file, or of one that is planned: its name, its shape and ggml's type."""

    @property
    def name(self) -> str:
        """The name."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of its dimensions, in either order."""

    @property
    def type_number(self) -> int:
        """Its type as ggml's number."""


def recipe_of(tensors: Iterable[TypedTensor]) -> Recipe:
    """Return patterns; the first one that matches a tensor's name gives it its type.

    Tensors that differ from most layers of their kind are named by layer. The last pattern of a
    kind matches all other layers, so that it also holds for models with more of them. Vectors
    and tables of numbers, which no level quantizes, are left out.
    """
    kinds: dict[_Kind, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for tensor in tensors:
        if len(tensor.shape) < _MATRIX or tensor.type_number in INTEGER_TYPES:
            continue
        before, layer, after = _parts(tensor.name)
        kinds[before, after][type_name(tensor.type_number).lower()].append(layer)
    return tuple(line for kind, layers in kinds.items() for line in _lines(kind, layers))


def _parts(name: str) -> tuple[str, str, str]:
    """Return what stands before the layer's number, the number, and the rest of the name."""
    layer = _LAYER.search(name)
    return (name[: layer.start()], layer[0], name[layer.end() :]) if layer else (name, "", "")


def _lines(kind: _Kind, layers: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    before, after = map(escaped_name, kind)
    usual = max(layers, key=lambda name: len(layers[name]))
    for name, own in layers.items():
        if name != usual:
            layers_of_type = own[0] if len(own) == 1 else f"(?:{'|'.join(own)})"
            yield f"^{before}{layers_of_type}{after}$", name
    has_layers = any(layers[usual])
    yield f"^{before}{_ANY_LAYER if has_layers else ''}{after}$", usual
