"""Header of the chat page: the open chat's title, the model, and what else can be shown."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.language import tr
from app.gui.pages.chat.model_picker import ModelPicker
from app.gui.pages.chat.share_button import ShareButton
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel


class ChatHeader(QWidget):
    """One row of controls above the conversation."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme = workbench.theme
        self.list_button = IconButton(theme, "sidebar", "")
        self.new_button = IconButton(theme, "new-chat", tr("New chat"))
        self.title = PlainLabel("", "heading", elide=True)
        self.picker = ModelPicker(workbench)
        self.share_button = ShareButton(theme, workbench.engine)
        self.settings_button = IconButton(theme, "tune", tr("Chat settings"))
        self.settings_button.setCheckable(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(self.list_button)
        row.addWidget(self.new_button)
        row.addWidget(self.title, 1)
        row.addWidget(self.picker)
        row.addWidget(self.share_button)
        row.addWidget(self.settings_button)
        # Beside an unfolded list in a narrow window, there is little room.
        self.picker.box.setMinimumWidth(SIZE.field // 2)
        # The name of a model may be as long as the row.
        self.title.setMinimumWidth(SIZE.field // 2)
        self.show_list_state(is_shown=True)

    def show_title(self, title: str) -> None:
        """Show the title of a chat; empty for one that has none yet."""
        self.title.set_text(title or tr("New chat"))

    def show_list_state(self, *, is_shown: bool) -> None:
        """Name the button by what it will do with the list, which has its own "New chat"."""
        self.new_button.setHidden(is_shown)
        name = tr("Hide chats (Ctrl+B)") if is_shown else tr("Show chats (Ctrl+B)")
        self.list_button.set_action("sidebar", name)
