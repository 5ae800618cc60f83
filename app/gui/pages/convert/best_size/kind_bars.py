"""The types of a file, by kind of tensor, as parts of bars."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from app.core.allocation_events import ChosenShare
from app.core.language import tr
from app.core.sizes import format_bytes
from app.gguf_file.tensor_types import TENSOR_TYPES, TYPE_NUMBERS

_HUES = {1: 4, 2: 4, 3: 3, 4: 0, 5: 2, 6: 1}
"""The hues of types by the number in their names; all others have the last one."""
_LAST_HUE = 5


@dataclass(frozen=True)
class KindBar:
    """The tensors of one kind, such as `ffn_down`, with their types from few bits to many."""

    kind: str
    parts: tuple[ChosenShare, ...]

    @property
    def size_bytes(self) -> int:
        """The size of all its tensors."""
        return sum(part.size_bytes for part in self.parts)

    @property
    def words(self) -> str:
        """All of it as a text."""
        parts = ", ".join(share_in_words(part) for part in self.parts)
        return f"{self.kind}: {parts}"


@dataclass(frozen=True)
class TypeLook:
    """How a type is painted: one of the theme's colors for shares, and a pattern.

    Types with as many bits have one hue and differ in their patterns, from 0 on.
    """

    hue: int
    pattern: int


def kind_bars(shares: Sequence[ChosenShare]) -> tuple[KindBar, ...]:
    """Return a bar for each kind, the largest first."""
    kinds: dict[str, list[ChosenShare]] = defaultdict(list)
    for share in shares:
        kinds[share.kind].append(share)
    bars = (KindBar(kind, tuple(sorted(found, key=_bits))) for kind, found in kinds.items())
    return tuple(sorted(bars, key=lambda bar: -bar.size_bytes))


def type_looks(shares: Sequence[ChosenShare]) -> dict[str, TypeLook]:
    """Return how each type is painted, from few bits to many."""
    patterns: dict[int, int] = defaultdict(int)
    looks = {}
    for share in sorted(shares, key=_bits):
        if share.type in looks:
            continue
        hue = _hue(share.type)
        looks[share.type] = TypeLook(hue, patterns[hue])
        patterns[hue] += 1
    return looks


def share_in_words(share: ChosenShare) -> str:
    """Return the number, the type and the size of some tensors."""
    size = format_bytes(share.size_bytes)
    return tr("{count} × {type} ({size})", count=share.tensors, type=share.type, size=size)


def _bits(share: ChosenShare) -> tuple[float, str]:
    kind = TENSOR_TYPES[TYPE_NUMBERS[share.type]]
    return kind.block_bytes / kind.block_size, share.type


def _hue(name: str) -> int:
    found = re.search(r"\d+", name)
    return _HUES.get(int(found[0]), _LAST_HUE) if found else _LAST_HUE
