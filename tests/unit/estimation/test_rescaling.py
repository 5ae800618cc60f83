"""The weights of levels that are planned with other types than those that were looked at."""

from __future__ import annotations

from dataclasses import replace

from app.core.events import LevelPlanned
from app.core.load_options import LoadOptions
from app.estimation.model_profile import LevelProfile
from app.estimation.predictions import predict_levels
from app.estimation.quality import quality_of_level
from app.estimation.rescaling import resized
from app.estimation.speed import TypedWeights
from tests.support.profiles import checkpoint_profile, made_machine

_BARE = checkpoint_profile(made_machine(8), levels=("Q2_K", "Q4_K_M"))
_TYPED = TypedWeights(layers=({"q4_K": 800},), experts=({},), output={"q6_K": 400})
PROFILE = replace(
    _BARE,
    levels=tuple(
        replace(level, quality=quality_of_level(level.level), typed=_TYPED)
        for level in _BARE.levels
    ),
)
SIZES = {level.level: level.size_bytes or 0 for level in PROFILE.levels}


def planned(level: str, size_bytes: int) -> LevelPlanned:
    return LevelPlanned(level, size_bytes, 4.0, "")


def total(level: LevelProfile) -> int:
    weights = level.weights
    assert weights is not None
    return weights.input_bytes + sum(weights.layer_bytes) + weights.output_bytes


def test_a_level_of_the_same_size_is_kept() -> None:
    (level,) = resized(PROFILE, [planned("Q4_K_M", SIZES["Q4_K_M"])]).levels
    assert level is PROFILE.levels[1]


def test_another_size_scales_the_nearest_level() -> None:
    size = SIZES["Q4_K_M"] * 11 // 10
    (level,) = resized(PROFILE, [planned("Q4_K_M", size)]).levels
    assert (level.size_bytes, level.is_exact) == (size, False)
    assert abs(total(level) - 1.1 * total(PROFILE.levels[1])) < 100


def test_a_level_that_was_not_known_goes_by_its_neighbor() -> None:
    (level,) = resized(PROFILE, [planned("IQ1_S", SIZES["Q2_K"] // 2)]).levels
    assert abs(total(level) - total(PROFILE.levels[0]) / 2) < 100
    (row,) = predict_levels(replace(PROFILE, levels=(level,)), LoadOptions())
    assert row.plan is not None


def test_a_level_that_was_not_known_has_its_typical_quality_and_a_speed() -> None:
    (level,) = resized(PROFILE, [planned("IQ1_S", SIZES["Q2_K"] // 2)]).levels
    assert level.quality == quality_of_level("IQ1_S", has_importance=True)
    assert level.typed == TypedWeights(layers=({"q4_K": 400},), experts=({},), output={"q6_K": 200})


def test_types_of_ones_own_go_by_the_level_of_that_size() -> None:
    (level,) = resized(PROFILE, [planned("Q4_K_M", SIZES["Q2_K"] + 1)]).levels
    assert level.quality == quality_of_level("Q2_K")


def test_a_model_without_a_quality_gets_none() -> None:
    (level,) = resized(_BARE, [planned("IQ1_S", SIZES["Q2_K"] // 2)]).levels
    assert level.quality is None


def test_without_any_weights_nothing_is_made_up() -> None:
    bare = replace(PROFILE, levels=(LevelProfile("Q2_K", 5, is_exact=True, bits_per_weight=None),))
    (level,) = resized(bare, [planned("Q4_K_M", 9)]).levels
    assert (level.size_bytes, level.weights) == (9, None)
