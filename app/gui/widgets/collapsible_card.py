"""Card that opens and closes, with a summary of its contents."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.fonts import text_font
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.plain_label import PlainLabel


class CollapsibleCard(QFrame):
    """A heading that opens and closes the contents, with a summary beside it.

    Args:
        theme: colors the mark of the heading.
        heading: the text of the heading.
        is_open: the contents are visible initially.

    Signals:
        toggled: the user opened or closed the card.
    """

    toggled = Signal(bool)

    def __init__(
        self, theme: Theme, heading: str, *, is_open: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.button = Button(theme, heading, "quiet")
        self.button.setFont(text_font("heading"))
        self._summary = PlainLabel("", "muted", elide=True)
        self._contents = QWidget()
        self._column = QVBoxLayout(self._contents)
        self._build_layout()
        self.set_heading(heading)
        self.set_open(is_open)
        self.button.clicked.connect(self._toggle)

    def set_heading(self, heading: str) -> None:
        """Change the heading."""
        self.setAccessibleName(heading)
        self.button.set_text(heading)

    @property
    def is_open(self) -> bool:
        """True if the contents are visible."""
        return self._is_open

    def set_open(self, is_open: bool) -> None:  # noqa: FBT001 - a property's value
        """Show or hide the contents."""
        self._is_open = is_open
        self._contents.setVisible(is_open)
        self.button.set_icon("chevron-down" if is_open else "chevron-right")
        self.button.setAccessibleDescription(
            tr("Hide the contents") if is_open else tr("Show the contents")
        )

    @property
    def summary(self) -> str:
        """The text beside the heading."""
        return self._summary.whole_text

    def set_summary(self, text: str) -> None:
        """Change the text beside the heading."""
        self._summary.set_text(text)

    def add(self, widget: QWidget) -> None:
        """Add a widget below the others."""
        self._column.addWidget(widget)

    def add_line(self) -> QWidget:
        """Add a thin separator line, and return it."""
        line = QFrame()
        line.setProperty("role", "line")
        line.setFixedHeight(SIZE.hairline)
        self._column.addWidget(line)
        return line

    def _toggle(self) -> None:
        self.set_open(not self._is_open)
        self.toggled.emit(self._is_open)

    def _build_layout(self) -> None:
        edge = SPACING.large
        head = QHBoxLayout()
        # The button's padding extends into the margin, so that its mark aligns with the contents.
        head.setContentsMargins(edge - SPACING.small, 0, edge, 0)
        head.setSpacing(SPACING.medium)
        head.addWidget(self.button)
        head.addWidget(self._summary, 1)
        self._column.setContentsMargins(edge, SPACING.tiny, edge, edge - SPACING.small)
        self._column.setSpacing(SPACING.medium)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, SPACING.small, 0, SPACING.small)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self._contents)
