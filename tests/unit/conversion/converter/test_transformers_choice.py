from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.conversion.converter.transformers_choice import Transformers, transformers_for, trying_both
from app.core.errors import AppError, ErrorCode
from app.jobs.restart import RestartRequested


@pytest.mark.parametrize(
    ("config", "tokenizer", "expected"),
    [
        ({}, {}, "pinned"),
        ({"transformers_version": "4.57.6"}, {}, "pinned"),
        ({"transformers_version": "4.38.0.dev0"}, {}, "pinned"),
        ({"transformers_version": "5.0.0"}, {}, "own"),
        ({"transformers_version": "5.0.0.dev0"}, {}, "own"),
        ({"transformers_version": "10.1"}, {}, "own"),
        ({"transformers_version": "unknown"}, {}, "pinned"),
        ({"transformers_version": 5}, {}, "pinned"),
        ({"rope_parameters": {"rope_theta": 1e4}}, {}, "own"),
        ({"rope_parameters": {}, "transformers_version": "4.57.6"}, {}, "pinned"),
        ({"transformers_version": "4.57.6"}, {"tokenizer_class": "TokenizersBackend"}, "own"),
        ({"transformers_version": "4.57.6"}, {"tokenizer_class": "GPT2Tokenizer"}, "pinned"),
    ],
)
def test_the_version_is_the_one_that_saved_the_checkpoint(
    config: dict[str, object],
    tokenizer: dict[str, object],
    expected: Transformers,
    tmp_path: Path,
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    assert transformers_for(tmp_path) == expected


@pytest.mark.parametrize("content", [None, "", "[1]", "{"])
def test_files_that_can_not_be_read_name_no_version(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    assert transformers_for(tmp_path) == "pinned"


def starts_over(first: AppError, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail with the first version, and go on as the process that takes this one's place."""
    with pytest.raises(RestartRequested) as again, trying_both("pinned"):
        raise first
    for name, value in again.value.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GRISTMILL_STARTED_OVER", "1")


def test_the_second_try_takes_the_other_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts_over(AppError(ErrorCode.CONVERTER_FAILED, reason="first"), monkeypatch)
    assert transformers_for(tmp_path) == "own"


@pytest.mark.parametrize(
    ("reason", "blamed"),
    [
        ("it finds no “n_ctx”", "first"),
        ("Transformers does not recognize this architecture", "second"),
        ("Tokenizer class X does not exist or is not currently imported.", "second"),
    ],
)
def test_the_fault_of_the_version_that_the_checkpoint_was_made_for_is_told(
    reason: str, blamed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = AppError(ErrorCode.CONVERTER_FAILED, reason=reason)
    second = AppError(ErrorCode.TOKENIZER_UNKNOWN, reason="another")
    starts_over(first, monkeypatch)
    with pytest.raises(AppError) as told, trying_both("own"):
        raise second
    expected = first if blamed == "first" else second
    assert (told.value.code, told.value.details) == (expected.code, expected.details)


@pytest.mark.parametrize("code", [ErrorCode.DISK_FULL, ErrorCode.WEIGHTS_DAMAGED])
def test_what_no_version_can_mend_is_told_at_once(code: ErrorCode) -> None:
    with pytest.raises(AppError) as told, trying_both("pinned"):
        raise AppError(code)
    assert told.value.code is code


def test_a_source_that_is_read_without_it_starts_nothing_over() -> None:
    with pytest.raises(AppError), trying_both(None):
        raise AppError(ErrorCode.CHECKPOINT_REJECTED, reason="")
