"""The sampling parameters that a model's file can recommend, with their bounds and keys."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.core.chat_settings import Probability, RepeatPenalty, Temperature, TopK
from app.core.language import tr

_LONGEST_PENALTY = 4096
Reach = Annotated[int, Meta(ge=-1, le=_LONGEST_PENALTY)]
"""A number of last tokens; -1 is all of them."""
Mirostat = Literal[0, 1, 2]
MirostatTau = Annotated[float, Meta(ge=0, le=100)]
MirostatEta = Annotated[float, Meta(ge=0, le=10)]

SAMPLING_KEYS = {
    "temperature": "general.sampling.temp",
    "top_k": "general.sampling.top_k",
    "top_p": "general.sampling.top_p",
    "min_p": "general.sampling.min_p",
    "repeat_penalty": "general.sampling.penalty_repeat",
    "penalty_last_n": "general.sampling.penalty_last_n",
    "xtc_probability": "general.sampling.xtc_probability",
    "xtc_threshold": "general.sampling.xtc_threshold",
    "mirostat": "general.sampling.mirostat",
    "mirostat_tau": "general.sampling.mirostat_tau",
    "mirostat_eta": "general.sampling.mirostat_eta",
}
"""Metadata keys by parameter (gguf-py/gguf/constants.py).

All but the order of the samplers (`general.sampling.sequence`), which is llama.cpp's default.
"""


class RecommendedSampling(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters; those that a file does not recommend are None."""

    temperature: Temperature | None = None
    top_k: TopK | None = None
    top_p: Probability | None = None
    min_p: Probability | None = None
    repeat_penalty: RepeatPenalty | None = None
    penalty_last_n: Reach | None = None
    xtc_probability: Probability | None = None
    xtc_threshold: Probability | None = None
    mirostat: Mirostat | None = None
    mirostat_tau: MirostatTau | None = None
    mirostat_eta: MirostatEta | None = None


def recommendation(name: str, text: str) -> int | float:
    """Parse the value of a parameter.

    Raises:
        ValueError: the reason, as a part of a sentence.
    """
    try:
        read = msgspec.convert({name: text.strip()}, RecommendedSampling, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(_bounds_in_words(name)) from error
    value: int | float | None = getattr(read, name)
    if value is None or not math.isfinite(value):
        raise ValueError(_bounds_in_words(name))
    return value


def _bounds_in_words(name: str) -> str:
    if name == "mirostat":
        return tr("it must be 0, 1 or 2")
    bounds = _BOUNDS[name]
    least, most = f"{bounds.ge:,.7g}", f"{bounds.le:,.7g}"
    if isinstance(bounds, msgspec.inspect.IntType):
        return tr("it must be a whole number from {least} to {most}", least=least, most=most)
    return tr("it must be a number from {least} to {most}", least=least, most=most)


def _numbers() -> dict[str, msgspec.inspect.IntType | msgspec.inspect.FloatType]:
    information = msgspec.inspect.type_info(RecommendedSampling)
    if not isinstance(information, msgspec.inspect.StructType):
        raise TypeError(information)
    return {
        field.name: number
        for field in information.fields
        if isinstance(field.type, msgspec.inspect.UnionType)
        for number in field.type.types
        if isinstance(number, msgspec.inspect.IntType | msgspec.inspect.FloatType)
    }


_BOUNDS = _numbers()
