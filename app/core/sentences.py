"""Describe errors and notices in sentences."""

from __future__ import annotations

from app.core.errors import ErrorCode, ErrorDetails, NoticeCode
from app.core.notices import NOTICE_SENTENCES
from app.core.program_errors import PROGRAM_ERRORS
from app.core.sizes import format_bytes
from app.core.source_errors import SOURCE_ERRORS

ERROR_SENTENCES = SOURCE_ERRORS | PROGRAM_ERRORS
"""The sentence and the next step of every error."""
_LONGEST_DETAIL = 500


def describe_error(code: ErrorCode, details: ErrorDetails) -> str:
    """The sentence and the next step of an error, on one line."""
    sentence, next_step = ERROR_SENTENCES[code]
    return f"{_fill(sentence, details)} {_fill(next_step, details)}"


def describe_notice(code: NoticeCode, details: ErrorDetails) -> str:
    """The sentence of a notice, on one line."""
    return _fill(NOTICE_SENTENCES[code], details)


def _fill(template: str, details: ErrorDetails) -> str:
    shown = {
        key: format_bytes(value)
        if key.endswith("_bytes") and not isinstance(value, str)
        else _one_line(str(value))
        for key, value in details.items()
    }
    return template.format_map(_Named(shown))


def _one_line(text: str) -> str:
    # Details quote files, logs and the network: a line break or control character stays out.
    shown = "".join(c if c.isprintable() else " " for c in text[: _LONGEST_DETAIL + 1]).strip()
    return shown.rstrip(".") if len(text) <= _LONGEST_DETAIL else f"{shown[:_LONGEST_DETAIL]}…"


class _Named(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"
