"""Find the stored tensors that each parameter of a model of transformers is made of.

transformers renames stored tensors and stacks those of experts as it loads a checkpoint; its own
table of conversions tells how.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Matrices = tuple[tuple[str, ...], ...]
"""Names of stored tensors: for each expert, those whose rows follow each other."""


def parameter_sources(model: Any, stored: Iterable[str]) -> dict[str, Matrices]:
    """Return the stored tensors of each parameter and buffer, by their names in the model.

    One that is stored as it is has a single expert with a single tensor. Parameters that are made
    in another way are left out.
    """
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import (
        WeightConverter,
        WeightRenaming,
        dot_natural_key,
        rename_source_key,
    )

    mapping = get_model_conversion_mapping(model)
    renamings = [step for step in mapping if isinstance(step, WeightRenaming)]
    converters = [step for step in mapping if isinstance(step, WeightConverter)]
    parts = {pattern: step for step in converters for pattern in step.source_patterns}
    values, base = model.state_dict(), model.base_model_prefix
    sources: dict[str, Matrices] = {}
    stacked: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in sorted(stored, key=dot_natural_key):
        target, pattern = rename_source_key(name, renamings, converters, base, values)
        if pattern is None:
            sources.setdefault(target, ((name,),))
        elif _stacks_experts(parts[pattern]):
            stacked[target][pattern].append(name)
    for target, by_pattern in stacked.items():
        order = parts[next(iter(by_pattern))].source_patterns
        columns = [by_pattern[pattern] for pattern in order if pattern in by_pattern]
        if len({len(names) for names in columns}) == 1:
            sources[target] = tuple(zip(*columns, strict=True))
    return sources


def _stacks_experts(converter: Any) -> bool:
    """Return whether a conversion stacks experts, and joins the rows of their matrices at most."""
    from transformers.core_model_loading import Concatenate, MergeModulelist

    match converter.operations:
        case [MergeModulelist(dim=0)] | [MergeModulelist(dim=0), Concatenate(dim=1)]:
            return True
    return False
