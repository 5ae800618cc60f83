"""The sentences of errors and notices in the person's language."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.core.errors import ErrorCode, ErrorDetails, NoticeCode
from app.core.sentences import describe_error, describe_notice


def error_text(code: ErrorCode, facts: ErrorDetails) -> str:
    """The sentence and the next step of an error."""
    return describe_error(code, facts, _translate)


def notice_text(code: NoticeCode, facts: ErrorDetails) -> str:
    """The sentence of a notice."""
    return describe_notice(code, facts, _translate)


def _translate(text: str) -> str:
    return QCoreApplication.translate("sentences", text)
