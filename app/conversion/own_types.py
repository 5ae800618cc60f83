"""Files whose types the user named, all of them: no level tells what they are like."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.conversion.layout.layout import Layout
from app.conversion.type_choices import TypeChoices
from app.conversion.type_plan import HollowFile, TypePlan, plan_types
from app.core.levels import LEVELS, Level


def own_plan(
    layout: Layout, hollow: HollowFile, levels: Iterable[Level], choices: TypeChoices
) -> TypePlan | None:
    """Return the plan of the only file that these types allow, whatever the level.

    Its header names the level that is nearest in size, then in types. None if any type depends on
    the level.

    Raises:
        AppError: what `plan_types` raises.
    """
    offered = [level for level in levels if level in LEVELS]
    if not choices.overrides or not offered:
        return None
    own = plan_types(layout, hollow, offered[0], choices)
    if not own.has_own_types:
        return None
    usual = replace(choices, overrides=(), output_type=None, embedding_type=None)
    plain = (plan_types(layout, hollow, level, usual) for level in offered)
    nearest = min(plain, key=lambda plan: _distance(plan, own))
    # Of the plan, only the header depends on the level.
    return replace(own, level=nearest.level, metadata=nearest.metadata)


def _distance(one: TypePlan, other: TypePlan) -> tuple[int, int]:
    """Return by how many bytes two plans differ, and in how many tensors."""
    pairs = zip(one.tensors, other.tensors, strict=True)
    return (
        abs(one.tensors_bytes - other.tensors_bytes),
        sum(first.type_number != second.type_number for first, second in pairs),
    )


def name_with_bits(usual: str, level: Level, bits_per_weight: float) -> str:
    """Return the usual name of a file with its average bits.

    The level comes last, as the Hub expects.
    """
    ending = f"-{level.name}.gguf"
    return f"{usual.removesuffix(ending)}-{bits_per_weight:.2f}bpw{ending}"
