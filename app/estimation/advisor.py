"""Recommend a level for a use, with the reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from app.core.language import tr
from app.core.levels import DEFAULT_LEVEL
from app.core.sizes import GIGABYTE, format_bytes
from app.estimation.fit import Plan
from app.estimation.grades import Grade, grade_of, loss_of, parameter_count
from app.estimation.level_sentence import GRADE_WORDS, describe_level
from app.estimation.model_profile import ModelProfile
from app.estimation.predictions import LevelPrediction

Use = Literal["chat", "long_context", "edge", "quality", "smallest", "server"]
USES: tuple[Use, ...] = get_args(Use)
READING_SPEED = 7.0
"""Reading speed in tokens per second: about 300 words a minute."""

_SMALL_MODEL = 3e9
"""Models with fewer weights lose more at the same number of bits."""
_PHONE_BYTES = 4 * GIGABYTE
"""Memory that a phone with 8 GB has left for a model."""
_PHONE_LEVEL = "Q4_0"
_HARDLY_LARGER = 1.1
"""The size ratio up to which another level counts as being as large as the phone's level."""
_FAR_BETTER = 0.25
"""The loss ratio up to which another level is worth a slower computation."""
_SERVER_LEVEL = "Q8_0"
_SURPASSED = frozenset({"Q4_0", "Q4_1", "Q5_0", "Q5_1", "IQ4_NL"})
"""Other levels of the same size lose less in most models."""
_POINTLESS = "F32"
"""Models are no longer trained in 32 bits."""


@dataclass(frozen=True)
class Advice:
    """A recommended level; `level` is empty if there is none, and the sentence says why.

    `alternatives` are sentences about other suitable levels.
    """

    use: Use
    level: str
    sentence: str
    alternatives: tuple[str, ...] = ()


def advise(rows: Sequence[LevelPrediction], profile: ModelProfile, use: Use = "chat") -> Advice:
    """Recommend one of the predicted levels for a use.

    Another level never beats it: none is at least as small, as fast here and as good, and better in
    one of these. Only for phones the speed on this machine doesn't count.
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
    """Recommend good quality at a comfortable reading speed, preferably all on devices."""
    wanted = _wanted_grade(fitting, profile)
    choices = _preferred(fitting)
    good = _at_least(choices, wanted)
    for comfortable in (
        [row for row in good if _is_whole(row) and _has_pace(row)],
        [row for row in good if row.speed is not None and _has_pace(row)],
        [row for row in good if row.speed is None],
    ):
        if comfortable:
            chosen = _smallest_sufficient(comfortable)
            sentence = describe_level(chosen, profile, _reason(chosen, profile))
            return Advice(use, chosen.profile.level, sentence, _others(chosen, good, profile))
    if good:
        fastest = min(good, key=_size)
        sentence = describe_level(fastest, profile, tr("The fastest here without much loss."))
        return Advice(use, fastest.profile.level, sentence, _others(fastest, good, profile))
    best = min(choices, key=loss_of)
    reason = tr("The best that fits here, but a smaller model may work better.")
    return Advice(use, best.profile.level, describe_level(best, profile, reason))


def _longest(fitting: Sequence[LevelPrediction], profile: ModelProfile, use: Use) -> Advice:
    """Recommend the level with the most room for the KV cache; of several, the best."""
    choices = _preferred(fitting)
    good = _at_least(choices, _wanted_grade(fitting, profile)) or choices
    most = max(_room(row) for row in good)
    chosen = _smallest_sufficient([row for row in good if _room(row) == most])
    trained = profile.shape.trained_context
    if not trained:
        reason = tr("Room for a context of {tokens} tokens.", tokens=f"{most:,}")
    elif most >= trained:
        reason = tr("Room for the model's full context of {tokens} tokens.", tokens=f"{most:,}")
    else:
        reason = tr(
            "Room for a context of {tokens} of the model's {trained} tokens.",
            tokens=f"{most:,}",
            trained=f"{trained:,}",
        )
    return Advice(use, chosen.profile.level, describe_level(chosen, profile, reason))


def _best(fitting: Sequence[LevelPrediction], profile: ModelProfile, use: Use) -> Advice:
    """Recommend the least loss at reading speed, or else the least loss at any speed."""
    choices = _preferred(fitting)
    at_reading_speed = [row for row in choices if _has_pace(row)]
    chosen = min(at_reading_speed or choices, key=lambda row: (loss_of(row), _size(row)))
    reason = tr("The best quality that fits here, but slower than reading speed.")
    if at_reading_speed:
        reason = tr("The best quality that fits here.")
    return Advice(use, chosen.profile.level, describe_level(chosen, profile, reason))


def _smallest(sized: Sequence[LevelPrediction], profile: ModelProfile, use: Use) -> Advice:
    chosen = min(_unbeaten(sized), key=_size)
    level, size, grade = chosen.profile.level, format_bytes(_size(chosen)), grade_of(chosen)
    if grade is None:
        sentence = tr("{level} — the smallest file ({size}).", level=level, size=size)
    else:
        sentence = tr(
            "{level} — the smallest file ({size}), {grade}.",
            level=level,
            size=size,
            grade=GRADE_WORDS[grade],
        )
    good = _at_least(_preferred(sized), _wanted_grade(sized, profile))
    better = min(good, key=_size, default=chosen)
    others: tuple[str, ...] = ()
    if better is not chosen:
        others = (
            tr(
                "{level} — the smallest without much quality loss ({size}).",
                level=better.profile.level,
                size=format_bytes(_size(better)),
            ),
        )
    return Advice(use, level, sentence, others)


def _for_a_phone(sized: Sequence[LevelPrediction], _: ModelProfile, use: Use) -> Advice:
    phone = next((row for row in sized if row.profile.level == _PHONE_LEVEL), None)
    better = _far_better(sized, phone) if phone else None
    chosen = better or phone or min(_unbeaten(sized), key=_size)
    parts = [tr("{level} — {size}", level=chosen.profile.level, size=format_bytes(_size(chosen)))]
    if better is not None:
        parts.append(
            tr("about the size of {level}, but with far less loss here", level=_PHONE_LEVEL)
        )
    elif phone is not None:
        parts.append(tr("a simple 4-bit format that llama.cpp computes fastest on phone chips"))
    if _size(chosen) > _PHONE_BYTES:
        limit = format_bytes(_PHONE_BYTES)
        parts.append(
            tr(
                "more than the {limit} a phone with 8 GB has free: choose a smaller model",
                limit=limit,
            )
        )
    return Advice(use, chosen.profile.level, f"{', '.join(parts)}.")


def _far_better(sized: Sequence[LevelPrediction], phone: LevelPrediction) -> LevelPrediction | None:
    """Return the level of about a phone level's size that loses the least, if that is far less.

    Figures of different kinds, such as a typical and a probed one, can't be compared.
    """
    wanted = grade_of(phone)
    if phone.quality is None or wanted is None or wanted <= Grade.GOOD:
        return None
    near = [
        row
        for row in sized
        if row.quality is not None
        and row.quality.kind == phone.quality.kind
        and _size(row) <= _HARDLY_LARGER * _size(phone)
        and loss_of(row) <= _FAR_BETTER * loss_of(phone)
    ]
    return min(near, key=lambda row: (loss_of(row), _size(row)), default=None)


_Choice = Callable[[Sequence[LevelPrediction], ModelProfile, Use], Advice]
_BY_SIZE: dict[Use, _Choice] = {"smallest": _smallest, "edge": _for_a_phone}
_BY_FIT: dict[Use, _Choice] = {"long_context": _longest, "quality": _best}


def _for_a_server(rows: Sequence[LevelPrediction]) -> str:
    sentence = tr(
        "On a GPU server, vLLM and SGLang load the checkpoint's safetensors files directly, or "
        "FP8, AWQ or GPTQ weights made with llmcompressor; GGUF is for llama.cpp."
    )
    if not any(row.profile.level == _SERVER_LEVEL for row in rows):
        return sentence
    return f"{sentence} {tr('There, {level} is nearly lossless.', level=_SERVER_LEVEL)}"


def _without_fit(sized: Sequence[LevelPrediction], use: Use) -> Advice:
    """Advise by size when nothing fits, or when memory needs are unknown."""
    planned = [(row, row.plan) for row in sized if row.plan is not None]
    if planned:
        return _too_large(planned, use)
    unknown = tr("Its memory use is unknown.")
    problem = next((row.problem for row in sized if row.problem), unknown)
    usual = next((row for row in sized if row.profile.level == DEFAULT_LEVEL), None)
    if usual is None:
        return Advice(use, "", tr("No level can be recommended. {problem}", problem=problem))
    better = [row for row in _unbeaten(sized) if row is usual or _beats(row, usual)]
    level = min(better, key=_size).profile.level
    sentence = tr(
        "{level} — a good balance of size and quality. {problem}", level=level, problem=problem
    )
    return Advice(use, level, sentence)


def _too_large(planned: Iterable[tuple[LevelPrediction, Plan]], use: Use) -> Advice:
    least, plan = min(planned, key=lambda pair: pair[1].missing_bytes)
    sentence = tr(
        "No level fits: {level} comes closest, but {size} more memory would have to be free. "
        "Choose a smaller model or a smaller context.",
        level=least.profile.level,
        size=format_bytes(plan.missing_bytes),
    )
    return Advice(use, "", sentence)


def _reason(row: LevelPrediction, profile: ModelProfile) -> str:
    is_needed = _is_small(profile) and grade_of(row) == Grade.NEARLY_LOSSLESS
    return tr("Small models lose more at lower levels.") if is_needed else ""


def _others(
    chosen: LevelPrediction, good: Iterable[LevelPrediction], profile: ModelProfile
) -> tuple[str, ...]:
    """Describe the next smaller and the next larger good level."""
    others = [row for row in good if row is not chosen]
    smaller = [row for row in others if _size(row) < _size(chosen)]
    larger = [row for row in others if _size(row) > _size(chosen)]
    near = [*sorted(smaller, key=_size)[-1:], *sorted(larger, key=_size)[:1]]
    return tuple(describe_level(row, profile) for row in near)


def _wanted_grade(rows: Sequence[LevelPrediction], profile: ModelProfile) -> Grade:
    """Return the worst acceptable grade; small models' typical figures flatter, their own don't."""
    is_own = any(_has_own_quality(row) for row in rows)
    return Grade.NEARLY_LOSSLESS if _is_small(profile) and not is_own else Grade.GOOD


def _is_small(profile: ModelProfile) -> bool:
    weights = parameter_count(profile.levels)
    return weights is not None and weights < _SMALL_MODEL


def _preferred(rows: Sequence[LevelPrediction]) -> Sequence[LevelPrediction]:
    """Return the unbeaten levels, except those that are seldom the best for their size.

    A quality found for this very model decides better than that rule.
    """
    unbeaten = _unbeaten(rows)
    usual = [
        row for row in unbeaten if row.profile.level not in _SURPASSED or _has_own_quality(row)
    ]
    return [row for row in usual if row.profile.level != _POINTLESS] or usual or unbeaten


def _unbeaten(rows: Sequence[LevelPrediction]) -> list[LevelPrediction]:
    return [row for row in rows if not any(_beats(other, row) for other in rows)]


def _beats(one: LevelPrediction, other: LevelPrediction) -> bool:
    """Return whether one is as good in size, quality and speed, and better in one of them.

    Two unknown figures count as equal; a known and an unknown one can't be compared.
    """
    ours, theirs = _figures(one), _figures(other)
    if len(ours) != len(theirs) or (one.quality is None) != (other.quality is None):
        return False
    return ours != theirs and all(our <= their for our, their in zip(ours, theirs, strict=True))


def _figures(row: LevelPrediction) -> tuple[float, ...]:
    """Return figures for which smaller is better."""
    slowness = () if row.speed is None else (-row.speed.generation_tokens_per_second,)
    return (_size(row), loss_of(row), *slowness)


def _has_own_quality(row: LevelPrediction) -> bool:
    return row.quality is not None and row.quality.kind != "typical"


def _at_least(rows: Iterable[LevelPrediction], wanted: Grade) -> list[LevelPrediction]:
    graded = ((row, grade_of(row)) for row in rows)
    return [row for row, grade in graded if grade is not None and grade <= wanted]


def _smallest_sufficient(rows: Sequence[LevelPrediction]) -> LevelPrediction:
    """Return the smallest nearly lossless level, else the best.

    In RAM each bit costs speed: while the speed is unknown, the default level is the safe choice.
    """
    usual = next((row for row in rows if row.profile.level == DEFAULT_LEVEL), None)
    if usual is not None and not _is_whole(usual) and usual.speed is None:
        return usual
    enough = [row for row in rows if grade_of(row) == Grade.NEARLY_LOSSLESS]
    return min(enough, key=_size) if enough else min(rows, key=loss_of)


def _is_whole(row: LevelPrediction) -> bool:
    return row.plan is not None and row.plan.verdict == "on_devices"


def _has_pace(row: LevelPrediction) -> bool:
    """Return whether it writes at reading speed; unknown speeds count as fast."""
    return row.speed is None or row.speed.generation_tokens_per_second >= READING_SPEED


def _room(row: LevelPrediction) -> int:
    return row.plan.largest_context if row.plan is not None else 0


def _size(row: LevelPrediction) -> int:
    return row.profile.size_bytes or 0
