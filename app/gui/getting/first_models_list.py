"""List of first models, each one click away."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.hub_events import FirstModels, HubAnswered, HubModelFound
from app.core.language import tr
from app.core.sizes import format_bytes, format_weights
from app.gui.getting.get_row import GetRow
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SPACING
from app.gui.widgets.plain_label import PlainLabel

_PAUSE_MILLISECONDS = 1000
"""Models that are about to be listed make the request unnecessary."""


class FirstModelsList(QWidget):
    """First models that fit this machine; hidden until the Hub has answered.

    Args:
        workbench: the services that fetch the models.
        most: the number of models.

    Signals:
        chat_requested: the path of a finished model.
        changed: the list has models now.
    """

    chat_requested = Signal(str)
    changed = Signal()

    def __init__(self, workbench: Workbench, most: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._most = most
        self._channel = workbench.hub.open_channel("first")
        self._found: list[HubModelFound] = []
        self.rows: dict[str, GetRow] = {}
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MILLISECONDS)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, SPACING.medium, 0, 0)
        self._column.setSpacing(SPACING.medium)
        self._column.addWidget(PlainLabel(tr("Models that fit this machine"), "heading"))
        self._pause.timeout.connect(self._ask)
        self._channel.model_found.connect(self._found.append)
        self._channel.answered.connect(self._on_answered)
        workbench.getting.changed.connect(self._on_task_changed)
        self.hide()

    def offer(self) -> None:
        """Ask for the models, unless they are known or asked for already."""
        if self.rows:
            self.show()
        elif not (self._channel.is_waiting or self._pause.isActive()):
            self._pause.start()

    def withdraw(self) -> None:
        """Hide the list; there are other models."""
        self._pause.stop()
        self._channel.drop()
        self.hide()

    def _ask(self) -> None:
        if not self.window().isVisible():
            return
        self._found.clear()
        self._channel.ask(FirstModels())

    def _on_answered(self, answer: HubAnswered) -> None:
        if answer.problem is not None or not self._found:
            return
        for one in _spread(self._found, self._most):
            self._add(one)
        self.show()
        self.changed.emit()

    def _add(self, one: HubModelFound) -> None:
        row = GetRow(self._workbench.theme, one.repository.partition("/")[2], "secondary")
        row.offer(one.repository, _in_words(one))
        row.show_task(self._workbench.getting.task_of(one.repository))
        row.wanted.connect(lambda: self._workbench.getting.make(one.repository))
        row.chat_requested.connect(self.chat_requested)
        self._column.addWidget(row)
        self.rows[one.repository.casefold()] = row

    def _on_task_changed(self, repository: str) -> None:
        row = self.rows.get(repository.casefold())
        if row is not None:
            row.show_task(self._workbench.getting.task_of(repository))


def _spread(found: Sequence[HubModelFound], most: int) -> list[HubModelFound]:
    """Return at most this many of models in the order of their size, small and large ones."""
    last = len(found) - 1
    if last < most:
        return list(found)
    return [found[round(step * last / (most - 1))] for step in range(most)]


def _in_words(one: HubModelFound) -> str:
    facts = []
    if one.parameters:
        facts.append(tr("{count} parameters", count=format_weights(one.parameters)))
    if one.size_bytes:
        facts.append(f"≈ {format_bytes(one.size_bytes)}")
    if one.license:
        facts.append(one.license)
    line = " · ".join(facts)
    return f"{line}\n{one.sentence}" if one.sentence else line
