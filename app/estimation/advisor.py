"""Recommend a level for a use, with the reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from app.core.levels import DEFAULT_LEVEL
from app.core.sizes import GIGABYTE, format_bytes, format_pace
from app.estimation.fit import Plan
from app.estimation.grades import Grade, grade_of, loss_of, weights_in
from app.estimation.model_profile import ModelProfile
from app.estimation.predictions import LevelPrediction
from app.estimation.speed_caveats import BESIDE_OTHER_WORK

Use = Literal["chat", "long_context", "edge", "quality", "smallest", "server"]
USES: tuple[Use, ...] = get_args(Use)
READABLE_PACE = 7.0
"""Tokens per second that people read: about 300 words a minute."""

_SMALL_MODEL = 3e9
"""Models with fewer weights lose more with the same bits."""
_PHONE_BYTES = 4 * GIGABYTE
"""What a phone with 8 GB has left for a model."""
_PHONE_LEVEL = "Q4_0"
_SURPASSED = frozenset({"Q4_0", "Q4_1", "Q5_0", "Q5_1", "IQ4_NL"})
"""Others of their size have less loss in most models."""
_POINTLESS = "F32"
"""No model is trained in 32 bits any more."""
_IN_WORDS = {
    Grade.NEARLY_LOSSLESS: "nearly without loss",
    Grade.GOOD: "good quality",
    Grade.NOTICEABLE_LOSS: "with a noticeable loss of quality",
    Grade.CLEARLY_WORSE: "with clearly worse replies than the original",
}


@dataclass(frozen=True)
class Advice:
    """What to take; `level` is empty where none can be advised, and the sentence says why.

    `alternatives` are sentences about other levels that would do.
    """

    use: Use
    level: str
    sentence: str
    alternatives: tuple[str, ...] = ()


def advise(rows: Sequence[LevelPrediction], profile: ModelProfile, use: Use = "chat") -> Advice:
    """The level to take for a use, among those of an prediction.

    It is never one that another beats: no larger, no slower here and with no more loss, and better
    in one of these. Only a phone has a speed of its own.
    """
    sized = [row for row in rows if row.profile.size_bytes is not None]
    if use == "server":
        return Advice(use, "", _for_a_server(rows))
    if sized and use in _BY_SIZE:
        return _BY_SIZE[use](sized, profile, use)
    fitting = [row for row in sized if row.plan is not None and row.plan.verdict != "too_large"]
    if fitting:
        return _BY_FIT.get(use, _balanced)(fitting, profile, use)
    return _without_fit(sized, use)


def _balanced(fitting: Sequence[LevelPrediction], profile: ModelProfile, use: Use) -> Advice:
    """As good as is read at a pleasant pace; whole on devices before anything else."""
    wanted = _wanted_grade(fitting, profile)
    choices = _preferred(fitting)
    good = _at_least(choices, wanted)
    for pleasant in (
        [row for row in good if _is_whole(row) and _has_pace(row)],
        [row for row in good if row.speed is not None and _has_pace(row)],
        [row for row in good if row.speed is None],
    ):
        if pleasant:
            chosen = _thriftiest(pleasant)
            words = _sentence(chosen, profile, _reason(chosen, profile))
            return Advice(use, chosen.profile.level, words, _others(chosen, good, profile))
    if good:
        fastest = min(good, key=_size)
        words = _sentence(fastest, profile, "the fastest without much loss here")
        return Advice(use, fastest.profile.level, words, _others(fastest, good, profile))
    best = min(choices, key=loss_of)
    words = _sentence(best, profile, "the best that fits here; a smaller model may be better")
    return Advice(use, best.profile.level, words)


def _longest(fitting: Sequence[LevelPrediction], profile: ModelProfile, use: Use) -> Advice:
    """The one with the most room for keys and values; of several, the best."""
    choices = _preferred(fitting)
    good = _at_least(choices, _wanted_grade(fitting, profile)) or choices
    most = max(_room(row) for row in good)
    chosen = _thriftiest([row for row in good if _room(row) == most])
    trained = profile.shape.trained_context
    reason = f"room for a context of {most:,} tokens"
    if trained:
        reason += ", all" if most >= trained else f" of the {trained:,}"
        reason += " that the model was trained for"
    return Advice(use, chosen.profile.level, _sentence(chosen, profile, reason))


def _best(fitting: Sequence[LevelPrediction], profile: ModelProfile, use: Use) -> Advice:
    """The least loss at a pace that can be read, else the least loss."""
    choices = _preferred(fitting)
    readable = [row for row in choices if _has_pace(row)]
    chosen = min(readable or choices, key=lambda row: (loss_of(row), _size(row)))
    reason = "the least loss that fits here"
    reason += "" if readable else ", though slower than one reads"
    return Advice(use, chosen.profile.level, _sentence(chosen, profile, reason))


def _smallest(sized: Sequence[LevelPrediction], profile: ModelProfile, use: Use) -> Advice:
    chosen = min(_unbeaten(sized), key=_size)
    words = f"{chosen.profile.level}: the smallest file, {format_bytes(_size(chosen))}"
    grade = grade_of(chosen)
    words += f", {_IN_WORDS[grade]}" if grade is not None else ""
    good = _at_least(_preferred(sized), _wanted_grade(sized, profile))
    better = min(good, key=_size, default=chosen)
    others: tuple[str, ...] = ()
    if better is not chosen:
        size = format_bytes(_size(better))
        others = (f"{better.profile.level}: the smallest without much loss, {size}.",)
    return Advice(use, chosen.profile.level, f"{words}.", others)


def _for_a_phone(sized: Sequence[LevelPrediction], _: ModelProfile, use: Use) -> Advice:
    level = next((row for row in sized if row.profile.level == _PHONE_LEVEL), None)
    chosen = level or min(_unbeaten(sized), key=_size)
    words = f"{chosen.profile.level}: {format_bytes(_size(chosen))}"
    if level is not None:
        words += ", in simple 4 bits that llama.cpp computes fastest on the chips of phones"
    if _size(chosen) > _PHONE_BYTES:
        words += (
            f"; more than the {format_bytes(_PHONE_BYTES)} that a phone with 8 GB has left, so "
            "take a smaller model"
        )
    return Advice(use, chosen.profile.level, f"{words}.")


_Choice = Callable[[Sequence[LevelPrediction], ModelProfile, Use], Advice]
_BY_SIZE: dict[Use, _Choice] = {"smallest": _smallest, "edge": _for_a_phone}
_BY_FIT: dict[Use, _Choice] = {"long_context": _longest, "quality": _best}


def _for_a_server(rows: Sequence[LevelPrediction]) -> str:
    kept = next((row.profile.level for row in rows if row.profile.level == "Q8_0"), "")
    words = (
        "On a GPU server, vLLM and SGLang take the checkpoint's safetensors files themselves, or "
        "FP8, AWQ or GPTQ weights that llmcompressor makes of them; GGUF is for llama.cpp"
    )
    return f"{words}, where {kept} is nearly without loss." if kept else f"{words}."


def _without_fit(sized: Sequence[LevelPrediction], use: Use) -> Advice:
    """Nothing fits, or nothing is known of memory; then the size is all there is to go by."""
    planned = [(row, row.plan) for row in sized if row.plan is not None]
    if planned:
        return _too_large(planned, use)
    unknown = "The memory that it needs is unknown."
    problem = next((row.problem for row in sized if row.problem), unknown)
    usual = next((row for row in sized if row.profile.level == DEFAULT_LEVEL), None)
    if usual is None:
        return Advice(use, "", f"No level can be advised. {problem}")
    better = [row for row in _unbeaten(sized) if row is usual or _beats(row, usual)]
    level = min(better, key=_size).profile.level
    return Advice(use, level, f"{level}: a good balance of size and quality. {problem}")


def _too_large(planned: Iterable[tuple[LevelPrediction, Plan]], use: Use) -> Advice:
    least, plan = min(planned, key=lambda pair: pair[1].missing_bytes)
    words = (
        f"No level fits: {least.profile.level} comes nearest, and "
        f"{format_bytes(plan.missing_bytes)} more would have to be free. "
        "Take a smaller model, or a smaller context."
    )
    return Advice(use, "", words)


def _sentence(row: LevelPrediction, profile: ModelProfile, reason: str = "") -> str:
    """One sentence of what is known: where the level lies, its quality, its speed, the reason."""
    grade = grade_of(row)
    parts = [] if row.plan is None else [_where(row.plan, profile)]
    if grade is not None:
        parts.append(_IN_WORDS[grade])
    if row.speed is not None:
        pace = f"about {format_pace(row.speed.generation_tokens_per_second)} tokens/s"
        parts.append(f"{pace} ({BESIDE_OTHER_WORK})" if row.speed.is_disturbed else pace)
    if reason:
        parts.append(reason)
    return f"{row.profile.level}: {', '.join(parts)}."


def _reason(row: LevelPrediction, profile: ModelProfile) -> str:
    is_needed = _is_small(profile) and grade_of(row) == Grade.NEARLY_LOSSLESS
    return "as a small model loses more with fewer bits" if is_needed else ""


def _where(plan: Plan, profile: ModelProfile) -> str:
    whole = profile.shape.layers + 1
    if plan.verdict == "on_processor":
        return f"fits in RAM with {format_bytes(plan.spare_bytes)} to spare"
    devices = "GPU" if len(plan.layers) == 1 else f"{len(plan.layers)} GPUs"
    if plan.verdict == "on_devices":
        return f"fits whole on the {devices} with {format_bytes(plan.spare_bytes)} to spare"
    if plan.gpu_layers < whole:
        words = f"{plan.gpu_layers} of {whole} layers fit on the {devices}, the others in RAM"
        return f"{words} with the experts" if plan.experts_on_cpu else words
    return f"fits on the {devices} but for the experts of {plan.experts_on_cpu} layers, kept in RAM"


def _others(
    chosen: LevelPrediction, good: Iterable[LevelPrediction], profile: ModelProfile
) -> tuple[str, ...]:
    """The neighbors in size that are as good as is wanted."""
    others = [row for row in good if row is not chosen]
    smaller = [row for row in others if _size(row) < _size(chosen)]
    larger = [row for row in others if _size(row) > _size(chosen)]
    near = [*sorted(smaller, key=_size)[-1:], *sorted(larger, key=_size)[:1]]
    return tuple(_sentence(row, profile) for row in near)


def _wanted_grade(rows: Sequence[LevelPrediction], profile: ModelProfile) -> Grade:
    """What a small model loses is in a quality of its own, but not in the typical one."""
    is_own = any(_has_own_quality(row) for row in rows)
    return Grade.NEARLY_LOSSLESS if _is_small(profile) and not is_own else Grade.GOOD


def _is_small(profile: ModelProfile) -> bool:
    weights = weights_in(profile.levels)
    return weights is not None and weights < _SMALL_MODEL


def _preferred(rows: Sequence[LevelPrediction]) -> Sequence[LevelPrediction]:
    """Those that no other beats, and of them not those that are seldom the best of their size.

    That is known better where the quality is this model's own.
    """
    unbeaten = _unbeaten(rows)
    usual = [
        row for row in unbeaten if row.profile.level not in _SURPASSED or _has_own_quality(row)
    ]
    return [row for row in usual if row.profile.level != _POINTLESS] or usual or unbeaten


def _unbeaten(rows: Sequence[LevelPrediction]) -> list[LevelPrediction]:
    return [row for row in rows if not any(_beats(other, row) for other in rows)]


def _beats(one: LevelPrediction, other: LevelPrediction) -> bool:
    """Whether one is at least as good in size, quality and speed, and better in one of them.

    Two that are unknown are taken for equal; an unknown one beside a known one may be anything.
    """
    ours, theirs = _figures(one), _figures(other)
    if len(ours) != len(theirs) or (one.quality is None) != (other.quality is None):
        return False
    return ours != theirs and all(our <= their for our, their in zip(ours, theirs, strict=True))


def _figures(row: LevelPrediction) -> tuple[float, ...]:
    """What is the better the smaller it is."""
    slowness = () if row.speed is None else (-row.speed.generation_tokens_per_second,)
    return (_size(row), loss_of(row), *slowness)


def _has_own_quality(row: LevelPrediction) -> bool:
    return row.quality is not None and row.quality.kind != "typical"


def _at_least(rows: Iterable[LevelPrediction], wanted: Grade) -> list[LevelPrediction]:
    graded = ((row, grade_of(row)) for row in rows)
    return [row for row, grade in graded if grade is not None and grade <= wanted]


def _thriftiest(rows: Sequence[LevelPrediction]) -> LevelPrediction:
    """The best; but nearly without loss is enough, and in RAM alone each bit costs speed."""
    usual = next((row for row in rows if row.profile.level == DEFAULT_LEVEL), None)
    if usual is not None and not _is_whole(usual) and usual.speed is None:
        return usual
    enough = [row for row in rows if grade_of(row) == Grade.NEARLY_LOSSLESS]
    return min(enough, key=_size) if enough else min(rows, key=loss_of)


def _is_whole(row: LevelPrediction) -> bool:
    return row.plan is not None and row.plan.verdict == "on_devices"


def _has_pace(row: LevelPrediction) -> bool:
    """Whether it is read as fast as people read; what is not known is taken for fast."""
    return row.speed is None or row.speed.generation_tokens_per_second >= READABLE_PACE


def _room(row: LevelPrediction) -> int:
    return row.plan.largest_context if row.plan is not None else 0


def _size(row: LevelPrediction) -> int:
    return row.profile.size_bytes or 0
