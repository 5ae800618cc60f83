"""What the converter's failures are called, and whose fault they are said to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.conversion.converter.converter_errors import (
    _describe,
    reporting_converter_errors,
    reporting_tokenizer_errors,
)
from app.core.errors import AppError, ErrorCode


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("rotary_pct"), "it finds no “rotary_pct” in config.json"),
        (
            KeyError("could not find any of: ['n_ctx', 'n_positions']"),
            "it finds no “n_ctx” or “n_positions” in config.json",
        ),
        (KeyError("SpeechForCausalLM"), "it has no entry for SpeechForCausalLM"),
        (KeyError(), "KeyError"),
        (ValueError("first\nsecond"), "first"),
        (AssertionError(), "the weights are not in the expected form"),
        (
            RecursionError("maximum recursion depth exceeded"),
            "it fails to handle this architecture: it calls itself without end",
        ),
    ],
)
def test_a_failure_is_one_line(error: Exception, words: str) -> None:
    assert _describe(error) == words


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyError("<|user|>"), ErrorCode.TOKEN_MISSING, "<|user|>"),
        (KeyError("[gMASK]"), ErrorCode.TOKEN_MISSING, "[gMASK]"),
        (KeyError("tokenizer_class"), ErrorCode.TOKENIZER_UNKNOWN, "in its files"),
        (AssertionError(), ErrorCode.TOKENIZER_UNKNOWN, "in the expected form"),
    ],
)
def test_a_failure_at_the_tokenizer_is_the_tokenizers(
    error: Exception, code: ErrorCode, words: str, tmp_path: Path
) -> None:
    (tmp_path / "tokenizer.json").touch()
    with pytest.raises(AppError) as raised, reporting_tokenizer_errors(tmp_path):
        raise error
    assert raised.value.code is code
    assert words in " ".join(map(str, raised.value.details.values()))


@pytest.mark.parametrize(
    ("tensor", "code", "words"),
    [
        ("model.layers.0.mlp.up_proj.SCB", ErrorCode.QUANTIZATION_UNSUPPORTED, "bitsandbytes"),
        ("model.layers.0.mlp.up_proj.qzeros", ErrorCode.QUANTIZATION_UNSUPPORTED, "GPTQ"),
        ("value_head.weight", ErrorCode.TENSOR_UNKNOWN, "value_head.weight"),
    ],
)
def test_a_tensor_without_a_place_is_named(tensor: str, code: ErrorCode, words: str) -> None:
    with pytest.raises(AppError) as raised, reporting_converter_errors():
        raise ValueError(f"Can not map tensor '{tensor}'")
    assert raised.value.code is code
    assert words in " ".join(map(str, raised.value.details.values()))


def test_a_tokenizers_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AppError) as raised, reporting_converter_errors():
        (tmp_path / "tokenizer.json").read_text()
    assert raised.value.code is ErrorCode.TOKENIZER_MISSING
    assert raised.value.details == {"folder": str(tmp_path), "file": "tokenizer.json"}


def test_a_damaged_file_of_the_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").touch()
    with pytest.raises(AppError) as raised, reporting_tokenizer_errors(tmp_path):
        raise RuntimeError("Internal: could not parse ModelProto")
    assert raised.value.code is ErrorCode.WEIGHTS_DAMAGED
    assert raised.value.details["file"] == "tokenizer.model"
