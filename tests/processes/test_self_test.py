"""The verb `self-test`: what it says where everything is there, and where something is not."""

from __future__ import annotations

import re
from pathlib import Path

from app.core.errors import ErrorCode
from app.jobs.outcome import EXIT_FAILED
from tests.support.machine.verbs import run_verb, sentence_of


def test_what_is_there_is_listed(converter: Path, starter: Path) -> None:
    ended = run_verb("self-test")
    assert ended.status == 0
    engine, devices, with_converter, with_starter = ended.lines
    assert re.fullmatch(r"engine +\d+\.\d+\.\d+, (full setting|safe setting: without .+)", engine)
    assert re.fullmatch(r"devices +CPU \(.+\).*", devices)
    assert str(converter) in with_converter
    assert str(starter) in with_starter


def test_a_starter_model_that_was_deleted_is_no_fault(converter: Path) -> None:
    ended = run_verb("self-test")
    assert ended.status == 0
    assert ended.lines[-1] == "starter    missing; run “gristmill setup” to fetch it"


def test_a_missing_converter_is_a_fault_with_a_next_step(home: Path) -> None:
    ended = run_verb("self-test")
    assert ended.status == EXIT_FAILED
    assert sentence_of(ErrorCode.CONVERTER_MISSING).fullmatch(ended.complaints[-1])
    assert (home / "engine.json").exists()
    alone = run_verb("self-test", "--engine")
    assert (alone.status, alone.complaints) == (0, [])
    assert [line.split()[0] for line in alone.lines] == ["engine", "devices"]


def test_every_page_of_the_window_is_listed_when_asked_for(converter: Path) -> None:
    ended = run_verb("self-test", "--window")
    assert ended.status == 0
    assert ended.lines[-1] == "window     chat, models, hub, convert, measure, settings"
