"""What a model's makers recommend."""

from __future__ import annotations

import pytest

from app.inference.sampling.parameters import SamplingParameters, default_sampling


def test_a_file_may_say_nothing() -> None:
    assert default_sampling({"general.name": "mill"}) == SamplingParameters()


def test_what_the_file_says_is_the_default() -> None:
    assert default_sampling(
        {
            "general.sampling.temp": 0.6,
            "general.sampling.top_k": 20,
            "general.sampling.top_p": 0.9,
            "general.sampling.min_p": 0.0,
            "general.sampling.penalty_repeat": 1.05,
            "general.sampling.penalty_last_n": 256,
            "general.sampling.mirostat": 2,
        }
    ) == SamplingParameters(
        temperature=0.6, top_k=20, top_p=0.9, min_p=0, repeat_penalty=1.05, penalty_last_n=256
    )


@pytest.mark.parametrize("value", [-1, 6.0, float("nan"), float("inf"), "hot", True, None, [0.5]])
def test_what_makes_no_sense_counts_as_not_given(value: object) -> None:
    metadata = {"general.sampling.temp": value, "general.sampling.top_k": 5}
    assert default_sampling(metadata) == SamplingParameters(top_k=5)
