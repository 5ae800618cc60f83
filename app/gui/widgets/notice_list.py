"""List of distinct warnings, one per line."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.icons import icon_pixmap
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.plain_text import plain_tool_tip
from app.gui.widgets.text_dialog import TextDialog

_MOST_LINES = 4


class NoticeList(QFrame):
    """Sentences, one per line, in full in the tool tip; hidden while there are none."""

    def __init__(self, theme: Theme, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._sentences: tuple[str, ...] = ()
        self._dismissed: set[str] = set()
        self._lines: list[PlainLabel] = []
        self.setProperty("notice", "warning")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._picture = PlainLabel()
        self._column = QVBoxLayout()
        self.all_button = Button(theme, "", "link", compact=True)
        self._close = IconButton(theme, "close", tr("Dismiss these warnings"), compact=True)
        self.all_button.clicked.connect(self._show_all)
        self._close.clicked.connect(self._dismiss)
        theme.changed.connect(self._draw)
        self._build_layout()
        self._draw()
        self.show_sentences(())

    @property
    def sentences(self) -> tuple[str, ...]:
        """The shown sentences."""
        return self._sentences

    def show_sentences(self, sentences: Sequence[str]) -> None:
        """Replace the sentences, without those that the user has dismissed.

        An empty list resets the dismissals.
        """
        self._dismissed &= set(sentences)
        self._sentences = tuple(
            one for one in dict.fromkeys(sentences) if one not in self._dismissed
        )
        self._show_lines()

    def _build_layout(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACING.medium, SPACING.small, SPACING.small, SPACING.small)
        row.setSpacing(SPACING.small)
        row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addLayout(self._column, 1)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignVCenter)
        self._column.setSpacing(SPACING.tiny)
        self._column.addWidget(self.all_button, 0, Qt.AlignmentFlag.AlignLeft)

    def _show_lines(self) -> None:
        shown = self._sentences[:_MOST_LINES]
        while len(self._lines) < len(shown):
            line = PlainLabel(elide=True)
            self._column.insertWidget(len(self._lines), line)
            self._lines.append(line)
        for index, line in enumerate(self._lines):
            line.setVisible(index < len(shown))
            line.set_text(shown[index] if index < len(shown) else "")
        count = len(self._sentences)
        self.all_button.set_text(tr("Show all {count}", count=str(count)))
        self.all_button.setVisible(count > len(shown))
        self.setAccessibleName("\n".join((tr("Warnings"), *self._sentences)))
        self.setToolTip(plain_tool_tip("\n".join(self._sentences)))
        self.setVisible(bool(self._sentences))

    def _show_all(self) -> None:
        TextDialog(self._theme, tr("Warnings"), "\n\n".join(self._sentences), self).open()

    def _dismiss(self) -> None:
        self._dismissed |= set(self._sentences)
        self._sentences = ()
        self._show_lines()

    def _draw(self) -> None:
        color = self._theme.colors.warning
        self._picture.setPixmap(icon_pixmap("warning", color, SIZE.icon, self.devicePixelRatio()))
