"""Placeholder for an empty list, with the reason and a remedy."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.theme.icons import IconName, icon_pixmap
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.eliding_button import ElidingButton
from app.gui.widgets.plain_label import PlainLabel


class EmptyState(QWidget):
    """A large icon, a title, a sentence and, if there is a remedy, a button; more can be added.

    Signals:
        acted: the button was pressed.
    """

    acted = Signal()

    def __init__(
        self,
        theme: Theme,
        icon_name: IconName,
        title: str,
        text: str,
        button_text: str | None = None,
        *,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icon_name = icon_name
        self._picture = PlainLabel()
        self._title = PlainLabel(title, "title", wrap=True)
        self._text = PlainLabel(text, "muted", wrap=True)
        self.button = ElidingButton(theme, button_text or title, "primary")
        self.button.clicked.connect(self.acted)
        self._arrange()
        # Without a parent it would be a window.
        self.button.setVisible(button_text is not None)
        theme.changed.connect(self._draw)
        self._draw()

    def show_state(
        self, icon_name: IconName, title: str, text: str, button_text: str | None = None
    ) -> None:
        """Show another state: loading, failed, offline."""
        self._icon_name = icon_name
        self._title.set_text(title)
        self._text.set_text(text)
        self.button.set_text(button_text or title)
        self.button.setVisible(button_text is not None)
        self._draw()

    def add(self, widget: QWidget) -> None:
        """Add a widget below the button."""
        # The last item is the stretch.
        self._column.insertWidget(self._column.count() - 1, widget)

    def _arrange(self) -> None:
        column = QWidget()
        column.setMaximumWidth(SIZE.narrow)
        inner = self._column = QVBoxLayout(column)
        inner.setSpacing(SPACING.small)
        inner.addStretch(2)
        for label in (self._picture, self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            inner.addWidget(label)
        inner.addSpacing(SPACING.small)
        inner.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignHCenter)
        inner.addStretch(3)
        outer = QHBoxLayout(self)
        outer.addStretch(1)
        outer.addWidget(column, SIZE.narrow)
        outer.addStretch(1)

    def _draw(self) -> None:
        color, scale = self._theme.colors.muted, self.devicePixelRatio()
        self._picture.setPixmap(icon_pixmap(self._icon_name, color, SIZE.large_icon, scale))
