"""Buttons that copy a text and confirm it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.widgets.button import Button
from app.gui.widgets.icon_button import IconButton

_SAID_MILLISECONDS = 1500


class CopyButton(Button):
    """Copies the exact text that `text_of` returns, and shows "Copied" for a moment.

    Args:
        theme: colors.
        name: the accessible name.
        text_of: returns the text.
        words: the label, "Copy" if empty.
        compact: the lower height, for rows of small buttons.

    Signals:
        copied: the text is on the clipboard.
    """

    copied = Signal()

    def __init__(
        self,
        theme: Theme,
        name: str,
        text_of: Callable[[], str],
        *,
        words: str = "",
        compact: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, "", "quiet", icon_name="copy", compact=compact, parent=parent)
        self._name = name
        self._words = words or tr("Copy")
        self._text_of = text_of
        self._said = QTimer(self, singleShot=True, interval=_SAID_MILLISECONDS)
        self._said.timeout.connect(self._offer)
        self.clicked.connect(self._copy)
        self._offer()
        self.setMinimumWidth(self._widest())

    def _offer(self) -> None:
        self.set_text(self._words)
        self.setAccessibleName(self._name)
        self.set_icon("copy")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text_of())
        self.set_text(tr("Copied"))
        self.set_icon("check")
        self._said.start()
        self.copied.emit()

    def _widest(self) -> int:
        # A change of the label must not move neighboring widgets.
        self.setText(tr("Copied"))
        width = self.sizeHint().width()
        self._offer()
        return max(width, self.sizeHint().width())


class CopyIconButton(IconButton):
    """Copies the exact text that `text_of` returns, and shows a check mark for a moment.

    Args:
        theme: colors.
        name: the tool tip and accessible name.
        text_of: returns the text.

    Signals:
        copied: the text is on the clipboard.
    """

    copied = Signal()

    def __init__(
        self,
        theme: Theme,
        name: str,
        text_of: Callable[[], str],
        *,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, "copy", name, compact=True, parent=parent)
        self._text_of = text_of
        self._said = QTimer(self, singleShot=True, interval=_SAID_MILLISECONDS)
        self._said.timeout.connect(lambda: self.set_action("copy", name))
        self.clicked.connect(self._copy)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text_of())
        self.set_action("check", tr("Copied"))
        self._said.start()
        self.copied.emit()
