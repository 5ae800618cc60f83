"""Status line with the model and its level, memory, and the speed of the last reply."""

from __future__ import annotations

import psutil
from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QWidget

from app.core.language import tr
from app.core.sizes import format_bytes, format_gibibytes, format_pace
from app.gui.services.engine import (
    Engine,
    EngineConnected,
    EngineFailed,
    EngineIdle,
    EngineLoading,
    EngineReady,
    EngineState,
)
from app.gui.services.load_comparison import LoadComparison
from app.gui.services.settings_holder import SettingsHolder
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.plain_text import plain_tool_tip

_REFRESH_MILLISECONDS = 2000
_PERCENT = 100


class StatusLine(QFrame):
    """Follows the engine and the system's memory."""

    def __init__(
        self, engine: Engine, settings: SettingsHolder, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.comparison = LoadComparison(engine, settings, self)
        self._engine = engine
        self._answering = ""
        self.setProperty("role", "status")
        self._model = PlainLabel("", "caption", elide=True)
        self._sharing = PlainLabel("", "caption", elide=True)
        self._taken = PlainLabel("", "caption", tabular=True)
        self._speed = PlainLabel("", "caption", tabular=True)
        self._memory = PlainLabel("", "caption", tabular=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, _PERCENT)
        self._bar.setFixedWidth(SIZE.field // 2)
        self._bar.setAccessibleName(tr("Memory in use"))
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACING.medium, SPACING.tiny, SPACING.medium, SPACING.tiny)
        row.setSpacing(SPACING.medium)
        row.addWidget(self._model, 1)
        row.addWidget(self._sharing)
        for widget in (self._taken, self._speed, self._memory, self._bar):
            row.addWidget(widget)
        engine.changed.connect(self._show_engine)
        self.comparison.changed.connect(self._show_taken)
        self._show_engine(engine.state)
        self._timer = QTimer(self, interval=_REFRESH_MILLISECONDS)
        self._timer.timeout.connect(self._show_memory)
        self._timer.start()
        self._show_memory()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as much as there is room for."""
        super().resizeEvent(event)
        self._fit()

    def show_speed(self, tokens_per_second: float) -> None:
        """Show the speed of the last reply."""
        self._speed.set_text(tr("{speed} tokens/s", speed=format_pace(tokens_per_second)))
        self._fit()

    def _show_engine(self, state: EngineState) -> None:
        answering = state.path if isinstance(state, EngineReady | EngineConnected) else ""
        if answering != self._answering:
            self._answering = answering
            self._speed.set_text("")
        self._model.set_text(_in_words(state))
        address = self._engine.shared_url
        self._sharing.set_text(tr("Shared at {address}", address=address) if address else "")
        self._fit()

    def _fit(self) -> None:
        """Leave out what matters least until the model's name is whole."""
        margins, gap = self.contentsMargins(), SPACING.medium
        room = self.width() - margins.left() - margins.right() - 2 * SPACING.medium
        room -= self._model.sizeHint().width()
        # The most important first.
        for parts in ((self._sharing,), (self._speed,), (self._taken,), (self._memory, self._bar)):
            has_words = bool(parts[0].whole_text)
            width = sum(part.sizeHint().width() + gap for part in parts if has_words)
            room -= width
            for part in parts:
                part.setVisible(has_words and room >= 0)

    def _show_taken(self, line: str, parts: str) -> None:
        self._taken.set_text(line)
        self._taken.setToolTip(plain_tool_tip(parts))
        self._fit()

    def _show_memory(self) -> None:
        memory = psutil.virtual_memory()
        used = memory.total - memory.available
        words = tr(
            "Memory: {used} of {total}", used=format_bytes(used), total=format_bytes(memory.total)
        )
        self._memory.set_text(words)
        tip = f"{format_gibibytes(used)} / {format_gibibytes(memory.total)}"
        self._memory.setToolTip(plain_tool_tip(tip))
        self._bar.setValue(round(_PERCENT * used / memory.total))
        self._fit()


def _in_words(state: EngineState) -> str:
    match state:
        case EngineIdle():
            return tr("No model loaded")
        case EngineLoading(_, name, fraction):
            return tr("Loading {name}", name=name) + f" {fraction:.0%}"
        case EngineReady(_, name, server):
            # Many files have the level in their name.
            level = "" if server.level.lower() in name.lower() else server.level
            context = tr("context {tokens}", tokens=f"{server.context:,}")
            return " · ".join(part for part in (name, level, context) if part)
        case EngineConnected(_, name, host=host):
            return tr("{name} at {host}", name=name, host=host)
        case EngineFailed(_, name, _, _):
            return tr("{name} isn't running", name=name)
