"""Measured answers are kept as long as they are true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from app.allocation import kept_answers
from app.allocation.kept_answers import answer_to, kept_answer
from app.sensitivity.requests import (
    CheckpointTokens,
    ComparedModels,
    ComparisonRequest,
    QuantizedModel,
    Sensitivity,
    SensitivityRequest,
)

ANSWER = Sensitivity({"blk.0.ffn_up.weight": {12: 0.25}}, {}, {})


@pytest.fixture(name="request_")
def _request(tmp_path: Path) -> SensitivityRequest:
    """Return a request that was answered."""
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    source = CheckpointTokens(str(tmp_path), {}, [[1, 2, 3]], threads=1)
    request = SensitivityRequest(source, {"blk.0.ffn_up.weight": (12,)})
    assert answer_to(request, Sensitivity, lambda: ANSWER) == ANSWER
    return request


def test_any_number_of_threads_finds_the_answer(request_: SensitivityRequest) -> None:
    source = msgspec.structs.replace(request_.source, threads=7)
    same = msgspec.structs.replace(request_, source=source)
    assert kept_answer(same, Sensitivity) == ANSWER


def _other_weights(request: SensitivityRequest) -> SensitivityRequest:
    (Path(request.source.checkpoint) / "model.safetensors").write_bytes(b"other weights")
    return request


def _other_text(request: SensitivityRequest) -> SensitivityRequest:
    return msgspec.structs.replace(
        request, source=msgspec.structs.replace(request.source, tokens=[[1, 2, 4]])
    )


def _corrected(request: SensitivityRequest) -> SensitivityRequest:
    return msgspec.structs.replace(request, corrects=True)


@pytest.mark.parametrize("change", [_other_weights, _other_text, _corrected])
def test_other_questions_are_measured(
    request_: SensitivityRequest, change: Callable[[SensitivityRequest], SensitivityRequest]
) -> None:
    assert kept_answer(change(request_), Sensitivity) is None


def test_another_version_of_the_program_measures_anew(
    request_: SensitivityRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_answers, "__version__", "99.0")
    assert kept_answer(request_, Sensitivity) is None


def test_the_engine_has_answers_of_its_own(request_: SensitivityRequest) -> None:
    assert kept_answer(request_, Sensitivity, "engine") is None


def test_files_that_will_be_gone_are_not_remembered(request_: SensitivityRequest) -> None:
    model = QuantizedModel({}, rounded={"blk.0.ffn_up.weight": "folder"})
    request = ComparisonRequest(request_.source, (model,))
    answer_to(request, ComparedModels, lambda: ComparedModels(5.0, ()))
    assert kept_answer(request, ComparedModels) is None
