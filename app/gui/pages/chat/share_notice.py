"""Notice shown when the port is in use and the model therefore can't be shared."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.core.language import tr
from app.gui.services.engine import Engine, EngineReady, EngineState
from app.gui.theme.theme import Theme
from app.gui.widgets.notice_bar import NoticeBar


class ShareNotice(NoticeBar):
    """Follows the engine; `acted` asks for the dialog in which the port can be changed."""

    def __init__(self, theme: Theme, engine: Engine, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent=parent)
        self._engine = engine
        engine.changed.connect(self._show_engine)

    def _show_engine(self, state: EngineState) -> None:
        port = self._engine.port_in_use
        if port is None or not isinstance(state, EngineReady):
            self.hide()
            return
        words = tr("The model isn't shared: another program uses port {port}.", port=str(port))
        self.show_notice("warning", words, [("share", tr("Change port…"))])
