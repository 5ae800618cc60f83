"""Button whose text may be longer than there is room for."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QSize, Qt
from PySide6.QtWidgets import QSizePolicy, QStyle, QStyleOptionButton, QToolTip

from app.gui.theme.icons import IconName
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button, ButtonKind
from app.gui.widgets.plain_text import plain_tool_tip


class ElidingButton(Button):
    """A button that elides the middle of a long text, and then shows it all in the tool tip."""

    def __init__(
        self,
        theme: Theme,
        text: str,
        kind: ButtonKind = "secondary",
        *,
        icon_name: IconName | None = None,
    ) -> None:
        super().__init__(theme, text, kind, icon_name=icon_name)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        """Return a width at which most of the text can still be read."""
        hint = super().minimumSizeHint()
        return QSize(min(hint.width(), SIZE.field), hint.height())

    def initStyleOption(self, option: QStyleOptionButton) -> None:
        """Elide the text that doesn't fit."""
        super().initStyleOption(option)
        option.text = self._elided(option)

    def event(self, event: QEvent) -> bool:
        """Show the whole text as a tool tip if it is elided."""
        if event.type() == QEvent.Type.ToolTip and self._is_elided():
            QToolTip.showText(
                self.mapToGlobal(QPoint(0, self.height())), plain_tool_tip(self.text())
            )
            return True
        return super().event(event)

    def _is_elided(self) -> bool:
        option = QStyleOptionButton()
        super().initStyleOption(option)
        return self._elided(option) != self.text()

    def _elided(self, option: QStyleOptionButton) -> str:
        part = QStyle.SubElement.SE_PushButtonContents
        width = self.style().subElementRect(part, option, self).width()
        if not option.icon.isNull():
            width -= option.iconSize.width() + SPACING.tiny
        return option.fontMetrics.elidedText(option.text, Qt.TextElideMode.ElideMiddle, width)
