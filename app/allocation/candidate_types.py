"""The types that a tensor may get, and where its weights are stored."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from app.allocation.budget import TargetSize
from app.checkpoint.weight_files import named_ranges
from app.conversion.layout.layout import LaidOutTensor, Layout
from app.conversion.type_choices import TypeChoices
from app.conversion.type_plan import TypePlan
from app.gguf_file.tensor_types import FLOATING_TYPES, TENSOR_TYPES, TYPE_NUMBERS, GgmlType
from app.sensitivity.requests import LAYERS, Place

_TYPES = tuple(
    TENSOR_TYPES[TYPE_NUMBERS[name]]
    for name in (
        *("q2_K", "q3_K", "iq4_xs", "q4_K", "q5_K", "q6_K"),
        *("iq4_nl", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0"),
    )
)
"""Those with a kernel: ggml takes 25 to 90 times as long for the others."""
_CODEBOOK_TYPES = tuple(
    TENSOR_TYPES[TYPE_NUMBERS[name]] for name in ("iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s")
)
"""Those that only small files need, for matrices of layers."""
_CODEBOOK_BITS = 3.5
"""The average bits per weight below which they are worth their time."""
_NEVER_LOW = ("ssm_out.weight",)
"""The outputs of recurrent blocks: their errors add up over a text."""
_HIGH_BITS = 6
_BITS = 8


def candidate_types(
    layout: Layout, plan: TypePlan, choices: TypeChoices, target: TargetSize
) -> dict[str, tuple[int, ...]]:
    """Return the types to try for each tensor that llama.cpp quantizes.

    Args:
        layout: The model.
        plan: Its plan at any quantized level: it tells which tensors llama.cpp leaves as they are.
        choices: The user's choices: tensors whose types they name are left out.
        target: The size of the file: only a small one gets the types that take long.
    """
    shapes = {tensor.name: tensor.shape for tensor in plan.tensors}
    is_small = target.bits(layout.parameters, plan.header_size_bytes) < _CODEBOOK_BITS
    return {
        name: tuple(kind.number for kind in _allowed(name, shapes[name][-1], is_small=is_small))
        for name in quantized_types(layout, plan)
        if not choices.name_type_of(name)
    }


def quantized_types(layout: Layout, plan: TypePlan) -> dict[str, int]:
    """Return the types of the tensors that a plan quantizes, by their names."""
    before = {tensor.name: tensor.type_number for tensor in layout.tensors}
    return {
        tensor.name: tensor.type_number
        for tensor in plan.tensors
        if tensor.type_number != before[tensor.name] and tensor.type_number not in FLOATING_TYPES
    }


def _allowed(name: str, width: int, *, is_small: bool) -> Iterable[GgmlType]:
    # Embeddings have no importance, and the harm of an output is measured on all of its rows.
    for kind in (*_CODEBOOK_TYPES, *_TYPES) if is_small and name.startswith(LAYERS) else _TYPES:
        is_low = _BITS * kind.block_bytes / kind.block_size < _HIGH_BITS
        if width % kind.block_size == 0 and not (is_low and name.endswith(_NEVER_LOW)):
            yield kind


def stored_matrices(layout: Layout) -> dict[str, Place]:
    """Return what the stored matrices become that make a tensor, or one expert of it, alone."""
    made_of = {tensor.name: _matrices_of(tensor) for tensor in layout.tensors}
    names = {
        (file, begin): name
        for file in {file for matrices in made_of.values() for file, _ in matrices}
        for name, (begin, _) in named_ranges(file).items()
    }
    found = [
        (names[matrix], Place(tensor, expert))
        for tensor, matrices in made_of.items()
        for expert, matrix in enumerate(matrices)
    ]
    uses = Counter(name for name, _ in found)
    return {name: place for name, place in found if uses[name] == 1}


def _matrices_of(tensor: LaidOutTensor) -> list[tuple[Path, int]]:
    """Return the files and offsets of a tensor's matrices, expert after expert."""
    experts = math.prod(tensor.shape[:-2])
    if experts > 1 and len(tensor.stored) == experts:
        return [(rows.path, rows.offset) for rows in tensor.stored]
    if tensor.reads is not None and len(tensor.reads) == 1:
        return [(place.file, place.offset) for place in tensor.reads]
    return []
