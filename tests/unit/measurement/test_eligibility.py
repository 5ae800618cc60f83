"""Headers show what can't be measured or compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.measurement.eligibility import measurable_models
from tests.support.gguf.gguf_files import GgufFile, llama_file, llama_metadata

OTHER_TOKENS = [f"word {number}" for number in range(100)]


def code_of(model: Path, reference: Path | None = None) -> ErrorCode:
    with pytest.raises(AppError) as caught:
        measurable_models(model, reference)
    return caught.value.code


def without_vocabulary() -> GgufFile:
    file = llama_file()
    tokens = {key: value for key, value in file.metadata.items() if "tokenizer" not in key}
    return GgufFile(tokens, file.tensors)


def test_a_model_and_its_reference(tmp_path: Path) -> None:
    model = llama_file().write(tmp_path / "model.gguf")
    reference = llama_file(general__file_type=1).write(tmp_path / "reference.gguf")
    assert [one.path for one in measurable_models(model, reference)] == [model, reference]
    assert [one.path for one in measurable_models(model, None)] == [model]


def test_a_file_without_a_vocabulary_is_no_model_of_text(tmp_path: Path) -> None:
    projector = without_vocabulary().write(tmp_path / "mmproj.gguf")
    assert code_of(projector) is ErrorCode.MODEL_WITHOUT_TEXT


def test_a_model_that_looks_ahead_is_no_model_of_text(tmp_path: Path) -> None:
    model = llama_file(llama__attention__causal=False).write(tmp_path / "embeddings.gguf")
    assert code_of(model) is ErrorCode.MODEL_WITHOUT_TEXT


@pytest.mark.parametrize(
    "tokens", [OTHER_TOKENS, llama_metadata()["tokenizer.ggml.tokens"][:99]], ids=["other", "fewer"]
)
def test_a_reference_with_other_tokens(tmp_path: Path, tokens: list[str]) -> None:
    model = llama_file().write(tmp_path / "model.gguf")
    reference = llama_file(tokenizer__ggml__tokens=tokens).write(tmp_path / "reference.gguf")
    assert code_of(model, reference) is ErrorCode.VOCABULARY_MISFIT


def test_a_damaged_reference(tmp_path: Path) -> None:
    model = llama_file().write(tmp_path / "model.gguf")
    reference = llama_file(llama__attention__head_count=0).write(tmp_path / "reference.gguf")
    assert code_of(model, reference) is ErrorCode.GGUF_DAMAGED
