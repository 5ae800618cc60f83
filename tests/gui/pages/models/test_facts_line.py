"""The facts of a model in words, and the filter that searches them."""

from __future__ import annotations

import msgspec
import pytest

from app.core.errors import ErrorCode
from app.core.events import CheckpointListed, ModelListed
from app.core.model_facts import Marks, Measured, ModelFacts, Verification
from app.gui.pages.models.facts_line import facts_in_words, matches

MODEL = ModelListed(
    "/m/Grain-Q4_K_M.gguf",
    *("Grain", "Q4_K_M", "llama", 10**9, 10**9, 8192),
    header=ModelFacts(
        bits_per_weight=4.853,
        license="apache-2.0",
        quantized_by="bartowski",
        origin="bartowski/Grain-GGUF",
        base_model="acme/Grain",
    ),
    projector="/m/mmproj.gguf",
    program="LM Studio",
    marks=Marks("Bread", ("code",)),
    verification=Verification("verified", "2026-11-29", ("0" * 64,)),
    measured=Measured(12.345, 41.7, 0.01234),
)


def test_every_fact_has_words() -> None:
    assert facts_in_words(MODEL).split("  ·  ") == [
        "Grain",
        "llama",
        "4.85 bits per weight",
        "no chat template",
        "license: apache-2.0",
        "quantized by bartowski",
        "from bartowski/Grain-GGUF",
        "with projector",
        "belongs to LM Studio",
        "42 tokens/s measured",
        "perplexity 12.345",
        "KL divergence 0.0123",
        "verified on 2026-11-29",
        "#code",
    ]


def test_an_outdated_measurement_is_left_out() -> None:
    outdated = msgspec.structs.replace(MODEL.measured, is_current=False)
    words = facts_in_words(msgspec.structs.replace(MODEL, measured=outdated))
    assert "measured" not in words
    assert "perplexity" not in words


def test_only_what_was_measured_is_said() -> None:
    speed = msgspec.structs.replace(MODEL, measured=Measured(tokens_per_second=41.7))
    assert "42 tokens/s measured" in facts_in_words(speed)
    assert "perplexity" not in facts_in_words(speed)


def test_little_is_said_about_a_model_of_which_little_is_known() -> None:
    model = ModelListed("/m/x.gguf", "x", "", "llama", 1, 1, 1, header=ModelFacts(0, True))
    assert facts_in_words(model) == "llama"
    assert facts_in_words(CheckpointListed("/c/a/b", "a/b", 1)) == "Convert it to chat with it"


def test_a_fault_is_the_only_fact() -> None:
    details: dict[str, str | int | float] = {"file": "x.gguf", "reason": "it is empty"}
    model = ModelListed("/x.gguf", "x", "", "", 1, 0, 0, ErrorCode.GGUF_DAMAGED, details)
    assert facts_in_words(model).startswith("x.gguf is damaged: it is empty.")


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        ("", True),
        ("  grain  ", True),
        ("BREAD code", True),
        ("#code", True),
        ("#bread", False),
        ("llama q4_k", True),
        ("studio bartowski apache", True),
        ("bread rye", False),
    ],
)
def test_all_words_of_the_filter_must_be_in_the_facts(words: str, is_found: bool) -> None:
    assert matches(MODEL, words) == is_found
