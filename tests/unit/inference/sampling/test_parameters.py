"""What a model's makers recommend."""

from __future__ import annotations

import msgspec
import pytest

from app.core.events import SamplingDefault
from app.inference.sampling.parameters import (
    SamplingParameters,
    default_sampling,
    reported_defaults,
)
from app.inference.server.completions.text_request import CompletionRequest


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
            "general.sampling.xtc_probability": 0.5,
            "general.sampling.xtc_threshold": 0.2,
            "general.sampling.mirostat": 2,
            "general.sampling.mirostat_tau": 4.0,
            "general.sampling.mirostat_eta": 0.2,
        }
    ) == SamplingParameters(
        temperature=0.6,
        top_k=20,
        top_p=0.9,
        min_p=0,
        repeat_penalty=1.05,
        penalty_last_n=256,
        xtc_probability=0.5,
        xtc_threshold=0.2,
        mirostat=2,
        mirostat_tau=4.0,
        mirostat_eta=0.2,
    )


def test_a_client_overrides_what_the_file_says() -> None:
    defaults = default_sampling({"general.sampling.temp": 0.6, "general.sampling.top_k": 20})
    asked = msgspec.json.decode(b'{"temperature": 0.0, "prompt": ""}', type=CompletionRequest)
    sampling = asked.sampling(defaults)
    assert (sampling.temperature, sampling.top_k) == (0.0, 20)


@pytest.mark.parametrize("value", [-1, 6.0, float("nan"), float("inf"), "hot", True, None, [0.5]])
def test_what_makes_no_sense_counts_as_not_given(value: object) -> None:
    metadata = {"general.sampling.temp": value, "general.sampling.top_k": 5}
    assert default_sampling(metadata) == SamplingParameters(top_k=5)


def test_reported_defaults_say_what_the_file_recommends() -> None:
    metadata = {"general.sampling.temp": 0.6, "general.sampling.top_k": "many"}
    usual = SamplingParameters()
    assert reported_defaults(metadata) == {
        "temperature": SamplingDefault(0.6, True),
        "top_p": SamplingDefault(usual.top_p, False),
        "top_k": SamplingDefault(usual.top_k, False),
        "min_p": SamplingDefault(usual.min_p, False),
        "repeat_penalty": SamplingDefault(usual.repeat_penalty, False),
    }
