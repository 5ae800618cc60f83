"""What a conversion is called and what stops it before the converter is even imported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.conversion.conversion_request import ConversionRequest
from app.conversion.pipeline import convert
from app.conversion.sources import source_at
from app.conversion.type_plan import TypePlan
from app.core.errors import AppError, ErrorCode
from app.core.events import Checked, Event
from app.core.levels import level_named
from app.gguf_file.header_writer import PlacedTensor
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint

LEVEL = level_named("Q4_K_M")
PLAN = TypePlan(LEVEL, "llama", {}, 0, (PlacedTensor("token_embd.weight", (1, 256), 12, 144),))
OWN_TYPES = replace(PLAN, has_own_types=True)


def request(source: Path, folder: Path) -> ConversionRequest:
    return ConversionRequest(source=source_at(source), levels=[LEVEL], folder=folder)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("SmolLM2-135M", "SmolLM2-135M-Q4_K_M.gguf"),
        ("my model (1)", "my-model-1-Q4_K_M.gguf"),
        ("CON", "model-Q4_K_M.gguf"),
        ("модель", "модель-Q4_K_M.gguf"),
    ],
)
def test_a_file_is_named_after_its_source_and_level(source: str, name: str, tmp_path: Path) -> None:
    assert request(tmp_path / source, tmp_path).target(PLAN) == tmp_path / name


def test_a_chosen_file_is_taken_as_it_is(tmp_path: Path) -> None:
    chosen = replace(request(tmp_path, tmp_path), file=tmp_path / "mine.gguf")
    assert chosen.target(PLAN) == chosen.target(OWN_TYPES) == tmp_path / "mine.gguf"


def test_a_file_with_types_of_its_own_is_named_by_its_bits(tmp_path: Path) -> None:
    named = request(tmp_path / "model", tmp_path).target(OWN_TYPES)
    assert named == tmp_path / "model-4.50bpw-Q4_K_M.gguf"


def test_a_file_that_is_there_is_told_before_anything_long(tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    file = tmp_path / "tiny-Q4_K_M.gguf"
    file.touch()
    events: list[Event] = []
    with pytest.raises(AppError) as caught:
        convert(request(source, tmp_path), tmp_path / "no converter", events.append)
    assert caught.value.code is ErrorCode.RESULT_EXISTS
    assert events[-1] == Checked("disk", "", ErrorCode.RESULT_EXISTS, {"file": str(file)})


def test_all_checks_are_told_before_the_first_fault(tmp_path: Path) -> None:
    events: list[Event] = []
    with pytest.raises(AppError) as caught:
        convert(request(tmp_path, tmp_path), tmp_path / "no converter", events.append)
    assert caught.value.code is ErrorCode.NOT_A_CHECKPOINT
    told = [(event.subject, event.error) for event in events if isinstance(event, Checked)]
    assert told == [
        ("files", ErrorCode.NOT_A_CHECKPOINT),
        ("weights", ErrorCode.CHECKPOINT_WITHOUT_WEIGHTS),
        ("code", None),
    ]
