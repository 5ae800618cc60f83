"""Line above the composer that offers a model to continue with while none is loaded."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.language import tr
from app.gui.pages.chat.chat_session import ChatSession
from app.gui.services.engine import EngineIdle
from app.gui.services.model_entry import ModelEntry, description, model_entries, use
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.eliding_button import ElidingButton
from app.gui.widgets.plain_label import PlainLabel


class ResumeNote(QWidget):
    """Visible while a chat with messages is open and no model is loaded.

    Signals:
        chosen: a model was chosen, which is being loaded or connected to.
        list_requested: the user wants to choose from the list of models.
        models_requested: the user wants to get a model.
    """

    chosen = Signal()
    list_requested = Signal()
    models_requested = Signal()

    def __init__(
        self, workbench: Workbench, session: ChatSession, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._session = session
        self._offered: ModelEntry | None = None
        self._words = PlainLabel("", "caption", elide=True)
        self.button = ElidingButton(workbench.theme, "", "primary")
        # The name is elided before the sentence about where the words go.
        self.button.setMaximumWidth(SIZE.narrow)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.medium)
        row.addWidget(self.button)
        row.addWidget(self._words, 1)
        self.button.clicked.connect(self._act)
        session.opened.connect(self._show)
        session.added.connect(self._show)
        workbench.engine.changed.connect(self._show)
        workbench.models.changed.connect(self._show)
        workbench.endpoints.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        models = self._workbench.models
        is_idle = isinstance(self._workbench.engine.state, EngineIdle)
        self._offered = self._session.model_to_continue_with()
        if self._offered is not None:
            self.button.set_text(tr("Continue with {name}", name=self._offered.name))
        elif self._has_models():
            self.button.set_text(tr("Choose a model"))
        else:
            self.button.set_text(tr("Get a model"))
        self._words.set_text(description(self._offered) if self._offered else "")
        self.setVisible(is_idle and bool(self._session.messages) and models.is_known)

    def _has_models(self) -> bool:
        return any(model_entries(self._workbench.models, self._workbench.endpoints))

    def _act(self) -> None:
        if self._offered is not None:
            use(self._workbench.engine, self._offered)
            self.chosen.emit()
        elif self._has_models():
            self.list_requested.emit()
        else:
            self.models_requested.emit()
