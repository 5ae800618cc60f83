"""The card about the engine: its test, and a reminder that settings count from the next load."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.settings import Settings
from app.gui.process.engine import Ready
from app.gui.process.task import Task
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.plain_label import PlainLabel
from app.gui.workbench import Workbench

_LOAD_FIELDS = ("gpu_layers", "threads", "threads_batch", "context", "flash_attention")


class EngineCard(Card):
    """Tests the engine on demand and loads the model again with changed settings."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._workbench = workbench
        self._task: Task | None = None
        self.setAccessibleName(self.tr("Engine"))
        self._state = PlainLabel(
            self.tr("The engine was tested on this machine at the first start."),
            "muted",
            wrap=True,
            selectable=True,
        )
        self._test = Button(workbench.theme, self.tr("Test again"))
        self.reload_button = Button(
            workbench.theme, self.tr("Load the model again"), icon_name="refresh"
        )
        self.reload_button.hide()
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING.small)
        line.addWidget(self._state, 1)
        line.addWidget(self.reload_button)
        line.addWidget(self._test)
        self.add(PlainLabel(self.tr("Engine"), "heading"))
        self.add(row)
        self._test.clicked.connect(self._run_test)
        self.reload_button.clicked.connect(self._reload)
        workbench.settings.changed.connect(self._on_settings_changed)
        workbench.engine.changed.connect(self.reload_button.hide)

    def _run_test(self) -> None:
        self._test.setEnabled(False)
        self._state.set_text(self.tr("Testing the engine…"))
        self._task = self._workbench.tasks.add(
            "probe", self.tr("Testing the engine"), "self-test", "--again"
        )
        self._task.ended.connect(self._show_result)

    def _show_result(self) -> None:
        self._test.setEnabled(True)
        if self._task is not None:
            self._state.set_text(self._task.sentence or "\n".join(self._task.paths))

    def _on_settings_changed(self, old: Settings, new: Settings) -> None:
        has_changed = any(getattr(old, name) != getattr(new, name) for name in _LOAD_FIELDS)
        if has_changed and isinstance(self._workbench.engine.state, Ready):
            self.reload_button.show()

    def _reload(self) -> None:
        state = self._workbench.engine.state
        if isinstance(state, Ready):
            self._workbench.engine.load(state.path, state.name)
