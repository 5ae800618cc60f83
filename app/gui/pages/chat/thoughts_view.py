"""Show a model's reasoning while it thinks, and fold it when the reply starts."""

from __future__ import annotations

from PySide6.QtCore import QUrl, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.markdown.view import MarkdownView
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button


class ThoughtsView(QWidget):
    """A line that unfolds the reasoning; hidden while there is none.

    Once the user has folded or unfolded it, it stays so.

    Signals:
        link_clicked: the user activated a web or email address; nothing has been opened.
    """

    link_clicked = Signal(QUrl)

    def __init__(self, theme: Theme, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_chosen = False
        self._is_open = False
        self._is_over = False
        self.button = Button(theme, "", "quiet", compact=True)
        self.button.clicked.connect(self._choose)
        self.content = MarkdownView(theme, tr("Thoughts"))
        self.content.link_clicked.connect(self.link_clicked)
        self._build_layout()
        self._set_open(is_open=False)
        self.hide()

    @property
    def is_open(self) -> bool:
        """True if the reasoning is unfolded."""
        return self._is_open

    def append(self, thoughts: str) -> None:
        """Append to the reasoning."""
        self._is_over = False
        self.content.append(thoughts)
        self._set_open(is_open=self._is_open if self._is_chosen else True)
        self.show()

    def end(self) -> None:
        """Fold the reasoning when the reply starts, unless the user has chosen otherwise."""
        if not self._is_over and self.content.text:
            self.show_whole(self.content.text)

    def show_whole(self, thoughts: str) -> None:
        """Replace the reasoning with a complete one; empty for none."""
        self._is_over = True
        self.content.set_text(thoughts)
        self._set_open(is_open=self._is_open and self._is_chosen)
        self.setVisible(bool(thoughts.strip()))

    def _choose(self) -> None:
        self._is_chosen = True
        self._set_open(is_open=not self._is_open)

    def _set_open(self, *, is_open: bool) -> None:
        self._is_open = is_open
        self._body.setVisible(is_open)
        self.button.set_icon("chevron-down" if is_open else "chevron-right")
        self.button.set_text(tr("Thoughts") if self._is_over else tr("Thinking…"))
        self.button.setAccessibleDescription(
            tr("Hides what is below") if is_open else tr("Shows more")
        )

    def _build_layout(self) -> None:
        line = QFrame()
        line.setProperty("role", "margin")
        line.setFixedWidth(SIZE.focus)
        self._body = QWidget()
        row = QHBoxLayout(self._body)
        row.setContentsMargins(SPACING.small, 0, 0, SPACING.small)
        row.setSpacing(SPACING.medium)
        row.addWidget(line)
        row.addWidget(self.content, 1)
        self.button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.tiny)
        column.addWidget(self.button)
        column.addWidget(self._body)
