"""Button for sharing the model, with a dot while it is shared."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.core.language import tr
from app.gui.services.engine import Engine
from app.gui.theme.theme import Theme
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_text import plain_tool_tip


class ShareButton(IconButton):
    """Follows the engine; the tool tip says whether and where the model is shared."""

    def __init__(self, theme: Theme, engine: Engine, parent: QWidget | None = None) -> None:
        super().__init__(theme, "broadcast", tr("Share the model"), parent=parent)
        self._engine = engine
        engine.changed.connect(self._show_engine)
        self._show_engine()

    def _show_engine(self) -> None:
        is_on = bool(self._engine.shared_url)
        self.set_action("broadcast-on" if is_on else "broadcast", tr("Share the model"))
        words = self._state_in_words()
        self.setAccessibleDescription(words)
        self.setToolTip(plain_tool_tip(f"{self.accessibleName()}\n{words}"))

    def _state_in_words(self) -> str:
        engine = self._engine
        if engine.shared_url:
            return tr("Shared at {address}", address=engine.shared_url)
        if engine.port_in_use is not None:
            return tr("Not shared: port {port} is taken", port=str(engine.port_in_use))
        return tr("Not shared")
