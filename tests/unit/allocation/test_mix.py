"""Types chosen for a budget: exact sizes, fixed tensors, and comparison with plain levels."""

from __future__ import annotations

import pytest

from app.allocation.budget import TargetSize
from app.allocation.mix import (
    choose_types,
    mix_of_plan,
    nearest_plan,
    require_room,
    size_in_type,
)
from app.conversion.type_plan import TypePlan
from app.core.errors import AppError, ErrorCode
from app.core.levels import level_named
from app.gguf_file.header_writer import PlacedTensor
from app.gguf_file.tensor_types import TYPE_NUMBERS
from app.native.quantization import row_size_bytes

Q2_K, Q4_K, Q6_K, F32 = (TYPE_NUMBERS[name] for name in ("q2_K", "q4_K", "q6_K", "f32"))
HEADER = 1000


def plan(type_number: int, level: str = "Q4_K_M") -> TypePlan:
    tensors = [
        PlacedTensor(name, (4, 256), type_number, size_in_type(type_number, 4 * 256))
        for name in ("blk.0.attn_q.weight", "blk.0.ffn_up.weight")
    ]
    norm = PlacedTensor("output_norm.weight", (256,), F32, 1024)
    return TypePlan(level_named(level), "llama", {}, HEADER, (*tensors, norm))


HARMS = {
    "blk.0.attn_q.weight": {Q2_K: 0.4, Q4_K: 0.1, Q6_K: 0.01},
    "blk.0.ffn_up.weight": {Q2_K: 0.05, Q4_K: 0.02, Q6_K: 0.001},
}


@pytest.mark.parametrize("number", [Q2_K, Q4_K, Q6_K, TYPE_NUMBERS["q5_0"], TYPE_NUMBERS["q8_0"]])
def test_sizes_of_types_are_ggmls(number: int) -> None:
    assert size_in_type(number, 3 * 512) == 3 * row_size_bytes(number, 512)


def test_bits_go_where_they_matter_most() -> None:
    # 4 x 256 weights take 336, 576 or 864 bytes in Q2_K, Q4_K and Q6_K, padded to 352, 576, 864.
    mix = choose_types(plan(Q4_K), HARMS, 1024 + 864 + 352)
    assert mix.types == {"blk.0.attn_q.weight": Q6_K, "blk.0.ffn_up.weight": Q2_K}
    assert mix.size_bytes == 1024 + 864 + 352
    assert mix.harm == pytest.approx(0.06)


def test_a_tensor_of_unknown_harm_keeps_the_plans_type() -> None:
    harms = {"blk.0.attn_q.weight": HARMS["blk.0.attn_q.weight"]}
    mix = choose_types(plan(Q4_K), harms, 1024 + 576 + 864)
    assert mix.types == {"blk.0.attn_q.weight": Q6_K}
    assert mix.size_bytes == 1024 + 576 + 864


def test_a_target_that_is_too_small_names_the_smallest_file() -> None:
    with pytest.raises(AppError) as caught:
        choose_types(plan(Q4_K), HARMS, 1024 + 700)
    assert caught.value.code is ErrorCode.TARGET_TOO_SMALL
    assert caught.value.details == {"needed_bytes": HEADER + 1024 + 2 * 352}


def test_a_plain_level_is_a_mix_unless_a_type_was_not_measured() -> None:
    of_plan = mix_of_plan(plan(Q4_K), HARMS)
    assert of_plan is not None
    assert of_plan.harm == pytest.approx(0.12)
    assert of_plan.size_bytes == 1024 + 2 * 576
    assert mix_of_plan(plan(TYPE_NUMBERS["q5_K"]), HARMS) is None


def test_the_nearest_plan_is_nearest_in_size() -> None:
    plans = [plan(Q2_K, "Q2_K"), plan(Q4_K), plan(Q6_K, "Q6_K")]
    assert [nearest_plan(plans, one.size_bytes + 90).level.name for one in plans] == [
        "Q2_K",
        "Q4_K_M",
        "Q6_K",
    ]


def test_a_target_counts_the_header_only_if_it_is_a_size_of_the_file() -> None:
    assert TargetSize(file_bytes=5000).tensor_bytes(8000, HEADER) == 4000
    assert TargetSize(bits_per_weight=4.5).tensor_bytes(8000, HEADER) == 4500


def test_a_size_has_bits_as_a_number_of_bits_has_a_size() -> None:
    assert TargetSize(file_bytes=5000).bits(8000, HEADER) == pytest.approx(4)
    assert TargetSize(bits_per_weight=4.5).bits(8000, HEADER) == pytest.approx(4.5)


def test_a_size_below_the_smallest_types_is_refused_before_harms_are_known() -> None:
    types = {name: tuple(harms) for name, harms in HARMS.items()}
    require_room(plan(Q4_K), types, 1024 + 2 * 352)
    with pytest.raises(AppError) as caught:
        require_room(plan(Q4_K), types, 1024 + 2 * 352 - 1)
    assert caught.value.details == {"needed_bytes": HEADER + 1024 + 2 * 352}
