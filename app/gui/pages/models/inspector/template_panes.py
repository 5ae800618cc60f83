"""A chat template beside its result for a short conversation."""

from __future__ import annotations

from typing import Literal

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.core.inspection_events import TemplateTried
from app.core.language import tr
from app.gui.theme.fonts import code_font
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.plain_label import PlainLabel


class TemplatePanes(QWidget):
    """The template, its faults, and the prompt; below each other where there is little width."""

    def __init__(self, *, is_editable: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = QPlainTextEdit()
        self.source.setReadOnly(not is_editable)
        self.prompt = QPlainTextEdit()
        self.prompt.setReadOnly(True)
        self.faults = PlainLabel("", "caption", wrap=True, selectable=True)
        self.faults.hide()
        self._sides = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._sides.setSpacing(SPACING.medium)
        for title, view in (
            (tr("Chat template"), self.source),
            (tr("Result for a conversation"), self.prompt),
        ):
            view.setFont(code_font())
            view.setTabChangesFocus(True)
            view.setAccessibleName(title)
            side = QVBoxLayout()
            side.setSpacing(SPACING.tiny)
            side.addWidget(PlainLabel(title, "caption"))
            side.addWidget(view, 1)
            self._sides.addLayout(side, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        column.addWidget(self.faults)
        column.addLayout(self._sides, 1)

    def show_template(self, text: str) -> None:
        """Show a template that has not been tried yet."""
        if text != self.source.toPlainText():
            self.source.setPlainText(text)
        self.prompt.setPlainText("")
        self.prompt.setPlaceholderText(tr("Rendering…") if text else "")
        self._show_faults("", "plain")

    def show_trial(self, tried: TemplateTried) -> None:
        """Show the result of a template for the conversation."""
        self.prompt.setPlainText(tried.prompt)
        if tried.problem:
            words = tr(
                "This template can't be used: {reason}. A generic one takes its place in chats.",
                reason=tried.problem.rstrip("."),
            )
            self.prompt.setPlaceholderText(tr("There is no result."))
            self._show_faults(words, "danger")
        elif tried.warnings:
            reasons = "; ".join(tried.warnings)
            words = tr("This template is unusual: {reasons}.", reasons=reasons)
            self._show_faults(words, "warning")
        else:
            self._show_faults("", "plain")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the parts beside each other where there is enough width."""
        super().resizeEvent(event)
        is_wide = self.width() >= SIZE.form
        beside, below = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._sides.setDirection(beside if is_wide else below)

    def _show_faults(self, words: str, tone: Literal["plain", "danger", "warning"]) -> None:
        self.faults.set_tone(tone)
        self.faults.set_text(words)
        self.faults.setVisible(bool(words))
