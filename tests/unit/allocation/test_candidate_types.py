"""The types to try for tensors, and the stored matrices that tensors are made of."""

from __future__ import annotations

from functools import partial
from math import prod
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from app.allocation.budget import TargetSize
from app.allocation.candidate_types import candidate_types, stored_matrices
from app.allocation.mix import size_in_type
from app.checkpoint.weight_files import named_ranges
from app.conversion.layout.layout import LaidOutTensor, Layout, WeightRange
from app.conversion.layout.stored_rows import StoredRows
from app.conversion.type_choices import NO_CHOICES, TypeChoices
from app.conversion.type_plan import TypePlan
from app.core.levels import level_named
from app.gguf_file.header_writer import PlacedTensor
from app.gguf_file.tensor_types import TENSOR_TYPES, TYPE_NUMBERS, type_name
from app.sensitivity.requests import Place

_F32, Q4_0 = 0, TYPE_NUMBERS["q4_0"]
CODEBOOK = {"iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s"}
SHAPES = {
    "token_embd.weight": (64, 512),
    "blk.0.attn_q.weight": (64, 512),
    "blk.0.attn_v.weight": (64, 288),
    "blk.0.ssm_out.weight": (64, 512),
    "output.weight": (64, 512),
}


def types_for(bits: float, choices: TypeChoices = NO_CHOICES) -> dict[str, set[str]]:
    """Return the names of the types to try for tensors of these shapes."""
    made = (
        LaidOutTensor(name, shape, _F32, 4 * prod(shape), load=partial(np.zeros, shape, np.float32))
        for name, shape in SHAPES.items()
    )
    layout = Layout("llama", {}, tuple(made))
    tensors = tuple(
        PlacedTensor(name, shape, Q4_0, size_in_type(Q4_0, prod(shape)))
        for name, shape in SHAPES.items()
    )
    plan = TypePlan(level_named("Q4_0"), "llama", {}, 1000, tensors)
    found = candidate_types(layout, plan, choices, TargetSize(bits_per_weight=bits))
    return {name: {type_name(number) for number in types} for name, types in found.items()}


def test_only_small_files_get_types_without_a_kernel_and_only_in_layers() -> None:
    small, usual = types_for(3.4), types_for(3.6)
    assert small["blk.0.attn_q.weight"] >= CODEBOOK
    assert usual["blk.0.attn_q.weight"] == small["blk.0.attn_q.weight"] - CODEBOOK
    assert all(
        TENSOR_TYPES[TYPE_NUMBERS[kind]].has_kernel for types in usual.values() for kind in types
    )
    for name in ("token_embd.weight", "output.weight"):
        assert small[name] == usual[name] >= {"q2_K", "q8_0"}
    # Rows of 288 weights are no multiple of 256, and outputs of recurrent blocks are never low.
    assert small["blk.0.attn_v.weight"] == usual["blk.0.attn_v.weight"] >= {"q4_0", "q8_0"}
    assert (
        small["blk.0.ssm_out.weight"] == usual["blk.0.ssm_out.weight"] == {"q5_1", "q6_K", "q8_0"}
    )


def test_a_tensor_whose_type_the_user_names_has_no_types_to_try() -> None:
    named = types_for(2.5, TypeChoices(overrides=(("attn_q", "q6_k"),)))
    assert set(SHAPES) - set(named) == {"blk.0.attn_q.weight"}


def laid_out(name: str, file: Path, matrices: list[str], shape: tuple[int, ...]) -> LaidOutTensor:
    ranges = named_ranges(file)
    places = [ranges[matrix] for matrix in matrices]
    return LaidOutTensor(
        name=name,
        shape=shape,
        type_number=_F32,
        size_bytes=4 * int(np.prod(shape)),
        load=lambda: np.zeros(shape, np.float32),
        stored=tuple(StoredRows(file, begin, 4, 8, _F32) for begin, _ in places),
        reads=frozenset(WeightRange(file, begin, end - begin) for begin, end in places),
    )


def test_experts_have_their_places_and_shared_matrices_have_none(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    names = [*(f"experts.{number}.up" for number in range(12)), "query", "key_and_value"]
    save_file({name: np.zeros((4, 8), np.float32) for name in names}, file)
    experts = [f"experts.{number}.up" for number in range(12)]
    tensors = (
        laid_out("blk.0.ffn_up_exps.weight", file, experts, (12, 4, 8)),
        laid_out("blk.0.attn_q.weight", file, ["query"], (4, 8)),
        laid_out("blk.0.attn_k.weight", file, ["key_and_value"], (2, 8)),
        laid_out("blk.0.attn_v.weight", file, ["key_and_value"], (2, 8)),
    )
    expected = {
        f"experts.{number}.up": Place("blk.0.ffn_up_exps.weight", number) for number in range(12)
    }
    expected["query"] = Place("blk.0.attn_q.weight")
    assert stored_matrices(Layout("llama", {}, tensors)) == expected
