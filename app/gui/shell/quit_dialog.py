"""Dialog that lists the running work and asks what becomes of it when the window closes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.dialog_buttons import dialog_buttons
from app.gui.widgets.dialog_layout import dialog_layout
from app.gui.widgets.plain_label import PlainLabel

_MAX_LINES = 6


class QuitDialog(QDialog):
    """Emits `kept` or `stopped`, or nothing if the user cancels; opened with `open`.

    Args:
        theme: colors.
        work: a line for each piece of work.
        resumes_downloads: downloads resume by themselves at the next start.
    """

    kept = Signal()
    stopped = Signal()

    def __init__(
        self,
        theme: Theme,
        work: Sequence[str],
        consequences: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        title = tr("Keep running in the background?")
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._column = dialog_layout(self)
        self._column.addWidget(PlainLabel(title, "title", wrap=True))
        self._list(work)
        self._column.addWidget(PlainLabel(consequences, wrap=True))
        self._column.addSpacing(SPACING.small)
        self._add_buttons(theme)

    def _list(self, work: Sequence[str]) -> None:
        lines = QVBoxLayout()
        lines.setSpacing(SPACING.tiny)
        self._column.addLayout(lines)
        for line in work[:_MAX_LINES]:
            lines.addWidget(PlainLabel(line, "muted", elide=True))
        hidden = len(work) - _MAX_LINES
        if hidden > 0:
            words = tr("and {count} more", count=str(hidden))
            lines.addWidget(PlainLabel(words, "muted"))

    def _add_buttons(self, theme: Theme) -> None:
        cancel = Button(theme, tr("Cancel"))
        keep = Button(theme, tr("Keep running in the background"), "primary")
        stop = Button(theme, tr("Stop and quit"), "destructive")
        cancel.clicked.connect(self.reject)
        keep.clicked.connect(self.accept)
        keep.clicked.connect(self.kept)
        stop.clicked.connect(self.accept)
        stop.clicked.connect(self.stopped)
        keep.setDefault(True)
        keep.setFocus()
        self._column.addLayout(dialog_buttons(cancel, keep, aside=stop))
