"""Push buttons of every kind."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QPushButton, QWidget

from app.gui.theme.icons import IconName, icon
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE
from app.gui.widgets.enter_key import is_enter
from app.gui.widgets.plain_text import plain_tool_tip

ButtonKind = Literal[
    "primary", "secondary", "quiet", "link", "danger", "destructive", "navigation", "segment"
]


class Button(QPushButton):
    """A button with a text and optionally an icon.

    Args:
        theme: colors the icon.
        text: the label and accessible name.
        kind: primary (one a page), secondary, quiet, link, danger (asks first), destructive (does
            it), navigation, segment.
        icon_name: an icon before the text.
        compact: the lower height, for rows of small buttons.
    """

    def __init__(
        self,
        theme: Theme,
        text: str,
        kind: ButtonKind = "secondary",
        *,
        icon_name: IconName | None = None,
        compact: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._theme = theme
        self._icon_name = icon_name
        self.setProperty("kind", kind)
        self.setProperty("compact", compact)
        self.setAccessibleName(text)
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if kind in ("navigation", "segment"):
            self.setCheckable(True)
            self.toggled.connect(self._tint)
        self._is_icon_only = False
        self._side = SIZE.small_icon if compact or kind != "navigation" else SIZE.icon
        theme.changed.connect(self._tint)
        self._tint()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Press the button with Enter as with the space bar, and never the default one instead."""
        if is_enter(event):
            self.click()
        else:
            super().keyPressEvent(event)

    def set_text(self, text: str) -> None:
        """Change the text and the accessible name."""
        self.setText(text)
        self.setAccessibleName(text)

    def set_icon_only(self, *, is_icon_only: bool) -> None:
        """Show the accessible name in the tool tip instead of beside the icon."""
        words = self.accessibleName()
        self._is_icon_only = is_icon_only
        self.setText("" if is_icon_only else words)
        self.setToolTip(plain_tool_tip(words) if is_icon_only else "")
        self._tint()

    def set_icon(self, icon_name: IconName | None) -> None:
        """Change the icon."""
        self._icon_name = icon_name
        self._tint()

    def _tint(self) -> None:
        has_gap = not self._is_icon_only
        self.setIconSize(QSize(self._side + self._side // 4 * has_gap, self._side))
        if self._icon_name is None:
            return
        colors = self._theme.colors
        by_kind = {"primary": colors.accent_ink, "danger": colors.danger}
        color = by_kind.get(self.property("kind"), colors.muted)
        if self.isChecked():
            color = colors.accent
        self.setIcon(icon(self._icon_name, colors, color, has_gap=has_gap))
