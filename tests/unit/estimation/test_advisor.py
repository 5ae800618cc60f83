"""The advice over made-up machines: it fits, it has reasons, and every sentence is whole."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from app.core.load_options import LoadOptions
from app.estimation.advisor import READING_SPEED, USES, Advice, Use, advise
from app.estimation.model_profile import ModelProfile
from app.estimation.predictions import LevelPrediction, predict_levels
from app.estimation.quality import Quality
from app.estimation.speed import PredictedSpeed
from tests.support.profiles import ALL_LEVELS, GB, checkpoint_profile, made_machine

Rows = tuple[LevelPrediction, ...]
MACHINES = {
    "no GPU, 16 GB": made_machine(ram_gb=16),
    "no GPU, 4 GB": made_machine(ram_gb=4),
    "8 GB GPU": made_machine(8),
    "24 GB GPU": made_machine(24),
    "two of 24 GB": made_machine(24, 24, ram_gb=64),
    "unified 16 GB": made_machine(16, ram_gb=16, shares_memory=True),
}
SMALL, USUAL, LARGE = {"parameters": 0.6e9, "layers": 28}, {}, {"parameters": 70e9, "layers": 80}
EXPERTS = {"parameters": 30e9, "layers": 48, "expert_part": 0.9}


def advice_for(
    machine: str, model: dict[str, float], use: Use = "chat", bandwidth: float = 0
) -> Advice:
    profile = checkpoint_profile(MACHINES[machine], **model)
    return advise(with_speed(predict_levels(profile, LoadOptions()), bandwidth), profile, use)


def with_speed(rows: Rows, bandwidth: float) -> Rows:
    """Each byte is read once for a token; 0 leaves the speed unknown."""
    if not bandwidth:
        return rows
    return tuple(
        replace(row, speed=PredictedSpeed(100.0, bandwidth / (row.profile.size_bytes or 1)))
        for row in rows
    )


@pytest.mark.parametrize(
    ("machine", "model", "level", "words"),
    [
        ("no GPU, 16 GB", USUAL, "Q4_K_M", "good quality, fits in RAM (10.55 GB to spare)"),
        ("no GPU, 16 GB", SMALL, "Q6_K", "Small models lose more at lower levels"),
        ("no GPU, 16 GB", EXPERTS, "Q3_K_S", "The best that fits here"),
        ("no GPU, 16 GB", LARGE, "", "No level fits"),
        ("8 GB GPU", USUAL, "Q6_K", "fits entirely on the GPU (1.04 GB to spare)"),
        ("8 GB GPU", EXPERTS, "Q4_K_M", "except the experts of 36 layers"),
        ("8 GB GPU", LARGE, "Q3_K_M", "13 of 81 layers fit on the GPU, the rest in RAM"),
        ("24 GB GPU", USUAL, "Q6_K", "fits entirely on the GPU (17.04 GB to spare)"),
        ("24 GB GPU", LARGE, "Q4_K_M", "layers fit on the GPU, the rest in RAM"),
        ("two of 24 GB", LARGE, "Q4_K_M", "fits entirely on 2 GPUs"),
        ("unified 16 GB", USUAL, "Q6_K", "fits entirely on the GPU"),
    ],
)
def test_chat(machine: str, model: dict[str, float], level: str, words: str) -> None:
    advice = advice_for(machine, model)
    assert advice.level == level
    assert words in advice.sentence


@pytest.mark.parametrize(
    ("use", "level", "words"),
    [
        ("long_context", "IQ4_XS", "Room for a context of 22,784 of the model's 131,072 tokens"),
        ("edge", "Q4_0", "choose a smaller model"),
        ("quality", "F16", "The best quality that fits here"),
        ("smallest", "Q2_K", "the smallest file (3.16 GB)"),
        ("server", "", "safetensors"),
    ],
)
def test_other_uses(use: Use, level: str, words: str) -> None:
    advice = advice_for("8 GB GPU", USUAL, use)
    assert advice.level == level
    assert words in advice.sentence


def test_a_phone_has_room_for_a_small_model() -> None:
    advice = advice_for("no GPU, 4 GB", SMALL, "edge")
    assert (advice.level, "smaller model" in advice.sentence) == ("Q4_0", False)


def test_all_of_the_context_may_have_room() -> None:
    advice = advice_for("two of 24 GB", USUAL, "long_context")
    assert "the model's full context of 131,072 tokens" in advice.sentence


@pytest.mark.parametrize(
    ("bandwidth", "level", "words"),
    [
        (100 * GB, "Q6_K", "about 15 tokens/s"),
        (40 * GB, "Q5_K_M", "about 7.0 tokens/s"),
        (10 * GB, "IQ4_XS", "about 2.2 tokens/s. The fastest here without much loss"),
    ],
)
def test_a_reply_is_written_as_fast_as_it_is_read(bandwidth: float, level: str, words: str) -> None:
    advice = advice_for("no GPU, 16 GB", USUAL, bandwidth=bandwidth)
    assert advice.level == level
    assert words in advice.sentence


def test_a_disturbed_speed_is_called_rough() -> None:
    profile = checkpoint_profile(MACHINES["24 GB GPU"])
    rows = with_speed(predict_levels(profile, LoadOptions()), 100 * GB)
    rough = [replace(row, speed=replace(row.speed, is_disturbed=True)) for row in rows if row.speed]
    assert "tokens/s (a rough figure, measured" in advise(rough, profile).sentence
    assert "rough figure" not in advise(rows, profile).sentence


def test_the_best_quality_is_read_at_a_pace_where_that_is_possible() -> None:
    assert advice_for("24 GB GPU", USUAL, "quality", 100 * GB).level == "Q8_0"
    slow = advice_for("24 GB GPU", USUAL, "quality", GB)
    assert (slow.level, "slower than reading speed" in slow.sentence) == ("F16", True)


def test_a_quality_of_this_model_counts_most() -> None:
    profile = checkpoint_profile(MACHINES["24 GB GPU"], **SMALL)

    def advice(loss: float) -> Advice:
        quality = Quality("measured", loss, loss, loss, "measured here")
        levels = tuple(replace(level, quality=quality) for level in profile.levels)
        return advise(predict_levels(replace(profile, levels=levels), LoadOptions()), profile)

    assert advice(0.02).level
    assert "good quality" in advice(0.02).sentence
    assert "clearly worse replies" in advice(0.5).sentence


def test_without_memory_figures_the_size_decides() -> None:
    profile = checkpoint_profile(MACHINES["8 GB GPU"])
    blind = replace(profile, samples=())
    advice = advise(predict_levels(blind, LoadOptions()), blind)
    assert advice.level == "Q4_K_M"
    assert advice.sentence.endswith("so its memory use is unknown.")
    nothing = replace(profile, levels=())
    assert advise((), nothing).level == ""
    unknown = replace(profile.levels[0], size_bytes=None, weights=None, problem="No such tensor.")
    odd = replace(profile, levels=(unknown,))
    assert advise(predict_levels(odd, LoadOptions()), odd).level == ""


def test_one_level_is_recommended_as_it_is() -> None:
    profile = checkpoint_profile(MACHINES["8 GB GPU"], levels=("Q4_0",))
    assert advise(predict_levels(profile, LoadOptions()), profile).level == "Q4_0"


@pytest.mark.parametrize(("machine", "use"), list(product(MACHINES, USES)))
@pytest.mark.parametrize("bandwidth", [0, 5 * GB, 900 * GB], ids=["unknown", "slow", "fast"])
def test_every_advice_holds(machine: str, use: Use, bandwidth: float) -> None:
    for model, levels in product((SMALL, USUAL, EXPERTS, LARGE), (ALL_LEVELS, ALL_LEVELS[-1:])):
        profile = checkpoint_profile(MACHINES[machine], levels=levels, **model)
        rows = with_speed(predict_levels(profile, LoadOptions()), bandwidth)
        advice = advise(rows, profile, use)
        require_true(advice, rows, profile)


def test_a_level_that_another_beats_in_all_is_never_advised() -> None:
    """As SmolLM2's weights have it, which lie on a grid of 4 bits."""
    profile = checkpoint_profile(
        MACHINES["no GPU, 16 GB"], levels=("Q4_1", "Q6_K", "Q8_0"), **SMALL
    )
    figures = {"Q4_1": (0.001, 7.4), "Q6_K": (0.007, 6.8), "Q8_0": (0.0004, 5.0)}
    rows = tuple(
        replace(
            row,
            profile=replace(row.profile, quality=own_quality(figures[row.profile.level][0])),
            speed=PredictedSpeed(100.0, figures[row.profile.level][1]),
        )
        for row in predict_levels(profile, LoadOptions())
    )
    assert advise(rows, profile).level == "Q4_1"
    assert advise(rows, profile, "smallest").level == "Q4_1"


@pytest.mark.parametrize(
    ("figures", "level"),
    [
        # As SmolLM2's weights have it: 6 MB more, and nearly lossless.
        ({"Q4_0": (92, 0.3), "Q4_1": (98, 0.002), "Q8_0": (145, 0.001)}, "Q4_1"),
        ({"Q4_0": (92, 0.3), "Q4_1": (98, 0.2), "Q8_0": (145, 0.001)}, "Q4_0"),
        ({"Q4_0": (92, 0.3), "Q4_1": (110, 0.002)}, "Q4_0"),
        ({"Q4_0": (92, 0.05), "Q4_1": (98, 0.002)}, "Q4_0"),
        ({"IQ4_XS": (90, 0.01), "Q4_0": (92, 0.3), "Q4_1": (98, 0.002)}, "Q4_1"),
    ],
    ids=["far better", "hardly better", "larger", "good anyway", "the best of several"],
)
def test_a_phone_gets_a_far_better_level_of_about_the_same_size(
    figures: dict[str, tuple[int, float]], level: str
) -> None:
    profile = checkpoint_profile(MACHINES["no GPU, 4 GB"], levels=tuple(figures), **SMALL)
    rows = []
    for row in predict_levels(profile, LoadOptions()):
        megabytes, loss = figures[row.profile.level]
        quality = own_quality(loss)
        size_bytes = megabytes * 1_000_000
        rows.append(
            replace(row, profile=replace(row.profile, quality=quality, size_bytes=size_bytes))
        )
    advice = advise(rows, profile, "edge")
    assert advice.level == level
    assert ("far less loss" in advice.sentence) == (level != "Q4_0")
    require_true(advice, tuple(rows), profile)


def own_quality(loss: float) -> Quality:
    return Quality("probed", loss, loss, loss, "probed in the weights")


@pytest.mark.parametrize("seed", range(40))
def test_no_advice_is_beaten_whatever_the_table(seed: int) -> None:
    chance = random.Random(seed)
    profile = checkpoint_profile(
        MACHINES[chance.choice(list(MACHINES))], levels=ALL_LEVELS, **USUAL
    )
    # Few different figures, so that many are equal; some are unknown.
    losses, speeds = (0.0, 0.004, 0.03, 0.1, 0.5), (2.0, 6.9, 7.0, 30.0)
    rows = []
    for row in predict_levels(profile, LoadOptions()):
        quality = None if chance.random() < 0.2 else own_quality(chance.choice(losses))
        speed = (
            None
            if chance.random() < 0.2
            else PredictedSpeed(chance.random(), chance.choice(speeds))
        )
        plan = None if seed % 8 == 0 else row.plan
        size_bytes = round((row.profile.size_bytes or 0) * chance.choice((0.9, 1.0, 1.1)), -8)
        level = replace(row.profile, quality=quality, size_bytes=size_bytes)
        rows.append(replace(row, profile=level, speed=speed, plan=plan))
    chance.shuffle(rows)
    for use in USES:
        advice = advise(rows, profile, use)
        # A phone has a speed of its own.
        if advice.level and use != "edge":
            (advised_row,) = (row for row in rows if row.profile.level == advice.level)
            can_be = [row for row in rows if may_be_advised(row, rows, use)]
            assert not [row.profile.level for row in can_be if beats(row, advised_row)], use


def may_be_advised(row: LevelPrediction, rows: Sequence[LevelPrediction], use: Use) -> bool:
    fits = [one for one in rows if one.plan is not None and one.plan.verdict != "too_large"]
    return use == "smallest" or not fits or row in fits


def beats(one: LevelPrediction, other: LevelPrediction) -> bool:
    if one.quality is None or other.quality is None or (one.speed is None) != (other.speed is None):
        return False
    assert one.profile.size_bytes is not None
    assert other.profile.size_bytes is not None
    signs = (
        other.profile.size_bytes - one.profile.size_bytes,
        other.quality.kl_divergence - one.quality.kl_divergence,
        pace(one) - pace(other),
    )
    return min(signs) >= 0 and max(signs) > 0


def pace(row: LevelPrediction) -> float:
    return row.speed.generation_tokens_per_second if row.speed else 0.0


def require_true(advice: Advice, rows: Rows, profile: ModelProfile) -> None:
    for sentence in (advice.sentence, *advice.alternatives):
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert not {"  ", ", ,", "None", ",."} & set(sentence.split(" ")), sentence
    if not advice.level:
        fits = [row for row in rows if row.plan and row.plan.verdict != "too_large"]
        assert advice.use == "server" or not fits
        return
    (row,) = (row for row in rows if row.profile.level == advice.level)
    assert advice.sentence.startswith(f"{advice.level} — ")
    if advice.use in {"smallest", "edge"}:
        return
    assert row.plan is not None
    assert row.plan.verdict != "too_large"
    if "entirely on" in advice.sentence:
        assert row.plan.verdict == "on_devices"
    if "slower" not in advice.sentence and "fastest" not in advice.sentence and row.speed:
        is_readable = row.speed.generation_tokens_per_second >= READING_SPEED
        assert is_readable or advice.use == "long_context" or "best that" in advice.sentence
