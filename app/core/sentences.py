"""Describe errors and notices in messages for users."""

from __future__ import annotations

from app.core.allocation_events import MeasuringPlanned
from app.core.conversion_errors import CONVERSION_ERRORS
from app.core.errors import ErrorCode, ErrorDetails, NoticeCode
from app.core.language import tr
from app.core.model_facts import Verification
from app.core.notices import NOTICE_SENTENCES
from app.core.program_errors import PROGRAM_ERRORS
from app.core.publish_events import PublishAdvanced
from app.core.sizes import about, format_bytes
from app.core.source_errors import SOURCE_ERRORS, TRANSFER_STEPS
from app.core.terminal_steps import TERMINAL_NOTICES, TERMINAL_STEPS

ERROR_SENTENCES = SOURCE_ERRORS | CONVERSION_ERRORS | PROGRAM_ERRORS
"""The message and the next step of every error."""
STEPS_WITHOUT_LOG = {
    ErrorCode.CONVERTER_FAILED: tr("Nothing was written."),
    ErrorCode.MODEL_REJECTED: tr("Choose another model."),
    ErrorCode.INTERNAL: tr("This is a bug in the program."),
}
"""Next steps of errors that otherwise mention the log."""
_LONGEST_DETAIL = 500


_NUMBERS = frozenset({"port"})
"""Details that are numbers of something, not counts, and so have no separators."""


def describe_error(
    code: ErrorCode, details: ErrorDetails, *, in_terminal: bool = False, has_log: bool = True
) -> str:
    """Return the message and the next step of an error on one line.

    Args:
        code: The error.
        details: Values for the fields of its message.
        in_terminal: Name commands and flags in the next step.
        has_log: There is a log to read; otherwise none is mentioned.
    """
    sentence, next_step = ERROR_SENTENCES[code]
    if details.get("is_kept"):
        next_step = TRANSFER_STEPS.get(code, next_step)
    if in_terminal:
        next_step = TERMINAL_STEPS.get(code, next_step)
    if not has_log:
        next_step = STEPS_WITHOUT_LOG.get(code, next_step)
    return f"{_fill(sentence, details)} {_fill(next_step, details)}"


def describe_notice(code: NoticeCode, details: ErrorDetails, *, in_terminal: bool = False) -> str:
    """Return the message of a notice on one line; in the terminal, it may name flags."""
    sentence = NOTICE_SENTENCES[code]
    if in_terminal:
        sentence = TERMINAL_NOTICES.get(code, sentence)
    return _fill(sentence, details)


def describe_verification(verification: Verification) -> str:
    """Return the result of a model's last verification in a few words."""
    words = {
        "verified": tr("verified on {date}"),
        "recorded": tr("checksum recorded on {date}"),
        "changed": tr("changed since it was verified on {date}"),
    }[verification.outcome]
    return words.format(date=verification.date)


def describe_measuring(planned: MeasuringPlanned) -> str:
    """Say how long measuring a model takes, with all that is done before its file is written."""
    return tr("This takes about {duration} in all.", duration=about(planned.seconds))


def describe_published(published: PublishAdvanced) -> str:
    """Say what a repository has of a publication."""
    if published.is_complete:
        return tr("The model is published at {address}.", address=published.address)
    return tr(
        "{repository} is on the Hub with {done} of {total} files.",
        repository=published.repository,
        done=published.done,
        total=published.total,
    )


def _fill(template: str, details: ErrorDetails) -> str:
    shown = {key: _shown(key, value) for key, value in details.items()}
    return template.format_map(_Fields(shown))


def _shown(key: str, value: str | float) -> str:
    if key.endswith("_bytes") and not isinstance(value, str):
        return format_bytes(value)
    if isinstance(value, int) and key not in _NUMBERS:
        return f"{value:,}"
    return _one_line(str(value))


def _one_line(text: str) -> str:
    # Details quote files, logs and the network: remove line breaks and control characters.
    shown = "".join(c if c.isprintable() else " " for c in text[: _LONGEST_DETAIL + 1]).strip()
    return shown.rstrip(".") if len(text) <= _LONGEST_DETAIL else f"{shown[:_LONGEST_DETAIL]}…"


class _Fields(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"
