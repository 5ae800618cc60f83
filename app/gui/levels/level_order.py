"""Order of levels in their table: by the bits in their names, then by size."""

from __future__ import annotations

import re

from app.core.events import LevelPlanned
from app.core.levels import FORMAT_PRESERVING_LEVELS, LEVELS, SPECIAL_LEVELS

_ORDER = (*SPECIAL_LEVELS, *LEVELS, *FORMAT_PRESERVING_LEVELS)
_RANKS = {level.name: rank for rank, level in enumerate(_ORDER)}
_BITS = re.compile(r"(?:I?Q|MXFP)(\d)")
_GROUPS, _LARGEST = {"1": 0, "2": 0, "3": 0, "4": 1, "5": 2}, 3
"""Groups of levels by the bits in their names; all others are the largest."""


def group_of(planned: LevelPlanned) -> int:
    """Return the number of the group that a level belongs to."""
    bits = _BITS.match(planned.level)
    return _GROUPS.get(bits[1], _LARGEST) if bits else _LARGEST


def sort_key(planned: LevelPlanned) -> tuple[int, int, int]:
    """Return the key by which levels are sorted."""
    return group_of(planned), planned.size_bytes, _RANKS[planned.level]
