"""Measure prompt processing and generation speed, like llama-bench (its tests pp512 and tg128).

llama.cpp, tools/llama-bench/llama-bench.cpp: random tokens, a warm-up run, and the average speed of
several runs. Writing is reading one token at a time, without sampling.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.machine.contention import MAX_CONTENTION, Contention
from app.measurement.chunk_reader import Reader

_PROMPT_TOKENS = 512
_GENERATED_TOKENS = 128
_RUNS = 3


@dataclass(frozen=True)
class MeasuredSpeed:
    """Tokens per second while reading a prompt and while writing a reply.

    With `is_disturbed` other programs kept the processor busy meanwhile.
    """

    prompt: float
    generation: float
    is_disturbed: bool = False


def measure_speed(reader: Reader) -> MeasuredSpeed:
    """Time a prompt of 512 tokens, and generating 128 tokens from an empty context.

    A smaller context limits both.
    """
    chance = random.Random(0)  # noqa: S311 - any tokens do
    tokens = [chance.randrange(reader.vocabulary.size) for _ in range(_PROMPT_TOKENS)]
    prompt = tokens[: reader.context_tokens]
    generated = prompt[:_GENERATED_TOKENS]

    def read() -> None:
        reader.read(0, prompt)

    def write() -> None:
        for position, token in enumerate(generated):
            reader.read(position, [token])

    _seconds(reader, read)
    contention = Contention()
    return MeasuredSpeed(
        prompt=statistics.fmean(len(prompt) / _seconds(reader, read) for _ in range(_RUNS)),
        generation=statistics.fmean(len(generated) / _seconds(reader, write) for _ in range(_RUNS)),
        is_disturbed=contention.share() > MAX_CONTENTION,
    )


def _seconds(reader: Reader, work: Callable[[], None]) -> float:
    reader.forget()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
