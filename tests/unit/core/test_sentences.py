"""Every code has its sentence, and every sentence can be filled."""

from __future__ import annotations

import string

import pytest

from app.core.errors import AppError, ErrorCode, ErrorDetails, NoticeCode
from app.core.notices import NOTICE_SENTENCES
from app.core.sentences import ERROR_SENTENCES, describe_error, describe_notice
from app.core.terminal_steps import TERMINAL_NOTICES, TERMINAL_STEPS


def _placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def _details(template: str) -> ErrorDetails:
    return {
        name: 123_456_789 if name.endswith("_bytes") else f"<{name}>"
        for name in _placeholders(template)
    }


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error(code: ErrorCode) -> None:
    sentence, next_step = ERROR_SENTENCES[code]
    details = _details(sentence + next_step)
    said = describe_error(code, details)
    for name, value in details.items():
        assert name.isidentifier()
        assert ("123 MB" if name.endswith("_bytes") else str(value)) in said
    assert sentence.endswith(".")
    assert next_step.endswith(".")
    assert "{" not in said
    assert "  " not in said
    # Without a display, only the terminal says it.
    assert "“gristmill" not in said or code is ErrorCode.NO_DISPLAY


@pytest.mark.parametrize("code", [ErrorCode.HUB_UNREACHABLE, ErrorCode.HUB_ANSWER])
def test_only_a_transfer_says_that_it_is_kept(code: ErrorCode) -> None:
    assert "is kept" not in describe_error(code, {})
    assert "is kept" in describe_error(code, {"is_kept": 1})
    assert "is kept" in describe_error(code, {"is_kept": 1}, in_terminal=True)


@pytest.mark.parametrize("code", list(TERMINAL_STEPS))
def test_only_the_terminal_names_flags(code: ErrorCode) -> None:
    step = TERMINAL_STEPS[code]
    assert _placeholders(step) <= _placeholders("".join(ERROR_SENTENCES[code]))
    shown = describe_error(code, _details(step), in_terminal=True)
    assert shown.endswith(step.format_map(_details(step)))
    assert "--" not in describe_error(code, {})


@pytest.mark.parametrize("code", list(TERMINAL_NOTICES))
def test_only_notices_in_the_terminal_name_flags(code: NoticeCode) -> None:
    assert _placeholders(TERMINAL_NOTICES[code]) <= _placeholders(NOTICE_SENTENCES[code])
    assert "--" in describe_notice(code, {}, in_terminal=True)
    assert "--" not in describe_notice(code, {})


@pytest.mark.parametrize("code", list(NoticeCode))
def test_every_notice(code: NoticeCode) -> None:
    template = NOTICE_SENTENCES[code]
    details = _details(template)
    said = describe_notice(code, details)
    assert all(str(value) in said for name, value in details.items() if not name.endswith("_bytes"))
    assert said.endswith(".")
    assert "{" not in said


@pytest.mark.parametrize("code", list(ErrorCode))
def test_a_missing_detail_does_not_hide_the_error(code: ErrorCode) -> None:
    assert "{" not in describe_error(code, {})


def test_a_long_detail_is_cut() -> None:
    said = describe_error(ErrorCode.REPOSITORY_NAME, {"text": "x" * 100_000})
    assert "x…” is not" in said
    assert len(said) < 700


def test_details_from_outside_stay_on_one_line_and_are_not_a_template() -> None:
    details: ErrorDetails = {"text": "evil\r\n\x1b[31m\u202e{repository} {0.__class__} \udcff..."}
    said = describe_error(ErrorCode.REPOSITORY_NAME, details)
    assert said.isprintable()
    assert "{repository} {0.__class__}" in said


def test_an_error_in_a_log_shows_code_and_details() -> None:
    error = AppError(ErrorCode.PORT_IN_USE, port=8080)
    assert str(error) == "port_in_use {'port': 8080}"


def test_counts_have_separators_and_ports_have_none() -> None:
    full: ErrorDetails = {"tokens": 48528, "context": 4096}
    assert "48,528 tokens" in describe_error(ErrorCode.CONTEXT_FULL, full)
    assert "Port 7847 " in describe_error(ErrorCode.PORT_IN_USE, {"port": 7847})
