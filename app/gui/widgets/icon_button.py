"""Button with only an icon, named by its tool tip and for screen readers."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QToolButton, QWidget

from app.gui.theme.icons import IconName, icon
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE
from app.gui.widgets.enter_key import is_enter
from app.gui.widgets.plain_text import plain_tool_tip


class IconButton(QToolButton):
    """A small square button.

    Args:
        theme: colors the icon.
        icon_name: the icon.
        name: a short text that says what the button does.
        kind: quiet (no frame), secondary or primary.
        compact: the lower height, for rows of small buttons.
    """

    def __init__(
        self,
        theme: Theme,
        icon_name: IconName,
        name: str,
        kind: Literal["quiet", "secondary", "primary"] = "quiet",
        *,
        compact: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icon_name = icon_name
        self.setProperty("kind", kind)
        self.setProperty("compact", compact)
        side = SIZE.small_icon if compact else SIZE.icon
        self.setIconSize(QSize(side, side))
        height = SIZE.icon_compact if compact else SIZE.control
        self.setFixedSize(height, height)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.set_action(icon_name, name)
        theme.changed.connect(self._tint)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Press the button, or open its menu, with Enter as with the space bar."""
        if not is_enter(event):
            super().keyPressEvent(event)
        elif self.menu() is not None:
            self.showMenu()
        else:
            self.click()

    def set_action(self, icon_name: IconName, name: str) -> None:
        """Change what the button does: its icon, tool tip and accessible name."""
        self._icon_name = icon_name
        self.setAccessibleName(name)
        self.setToolTip(plain_tool_tip(name))
        self._tint()

    def _tint(self) -> None:
        colors = self._theme.colors
        color = colors.accent_ink if self.property("kind") == "primary" else colors.muted
        self.setIcon(icon(self._icon_name, colors, color))
