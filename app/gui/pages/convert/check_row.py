"""Row of one check: a mark, its subject, and its finding."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.events import Checked, Subject
from app.core.language import tr
from app.core.sentences import describe_error
from app.gui.theme.icons import icon
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.plain_label import PlainLabel


class CheckRow(QWidget):
    """Shows a check; its text says the same as its mark."""

    def __init__(self, theme: Theme, check: Checked, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._is_fault = check.error is not None
        self._mark = PlainLabel()
        self._mark.setAccessibleName(tr("fault") if self._is_fault else tr("good"))
        subjects: dict[Subject, str] = {
            "files": tr("Files"),
            "weights": tr("Weights"),
            "code": tr("Code"),
            "base": tr("Base model"),
            "converter": tr("Converter"),
            "architecture": tr("Architecture"),
            "tokenizer": tr("Tokenizer"),
            "memory": tr("Memory"),
            "disk": tr("Disk"),
        }
        subject = PlainLabel(subjects[check.subject])
        subject.setFixedWidth(SIZE.field // 2)
        text = describe_error(check.error, check.details) if check.error else check.finding
        finding = PlainLabel(text, wrap=True, selectable=True)
        finding.set_tone("danger" if self._is_fault else "plain")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        for widget in (self._mark, subject):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(finding, 1)
        theme.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        colors = self._theme.colors
        color = colors.danger if self._is_fault else colors.success
        picture = icon("warning" if self._is_fault else "check", colors, color)
        side = SIZE.small_icon
        self._mark.setPixmap(picture.pixmap(QSize(side, side), self.devicePixelRatio()))
