"""Card that follows the measurements of several files."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.children.task import Task
from app.gui.pages.measure.measure_row import MeasureRow
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.text_dialog import TextDialog


class RunCard(Card):
    """One row for each file; those that were measured disappear.

    Signals:
        ended: one of the tasks has ended.
    """

    ended = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setAccessibleName(tr("Measurements"))
        self._theme = theme
        self.rows: list[MeasureRow] = []
        self.heading = PlainLabel("", "heading", elide=True)
        self.log_button = Button(theme, tr("Show log"), "quiet", compact=True)
        self.close_button = Button(theme, tr("Close"), compact=True)
        self._rows_place = QVBoxLayout()
        self._build_layout()
        self.log_button.clicked.connect(self._show_log)
        self.close_button.clicked.connect(self.hide)
        self.hide()

    @property
    def is_over(self) -> bool:
        """True if nothing is running or waiting."""
        return all(row.task.is_over for row in self.rows)

    def follow(self, tasks: Sequence[Task]) -> None:
        """Show these tasks in place of the last ones."""
        for row in self.rows:
            row.hide()
            row.deleteLater()
        self.rows = [MeasureRow(self._theme, task) for task in tasks]
        for row in self.rows:
            self._rows_place.addWidget(row)
            row.task.ended.connect(self._on_ended)
        self._show()
        self.show()

    def stop(self) -> None:
        """Cancel what is running and waiting, the waiting ones first."""
        for row in reversed(self.rows):
            row.task.cancel()

    def finished_files(self) -> set[str]:
        """Return the paths of the files that were measured."""
        return {row.task.arguments[1] for row in self.rows if row.task.state == "finished"}

    def notices(self) -> list[str]:
        """Return what the measurements reported."""
        return list(dict.fromkeys(words for row in self.rows for words in row.task.notices))

    def _on_ended(self) -> None:
        self._show()
        self.ended.emit()

    def _show(self) -> None:
        failed = [row for row in self.rows if row.task.state == "failed"]
        left = [row for row in self.rows if row.task.state != "finished"]
        for row in self.rows:
            row.setVisible(row in left)
        done = sum(row.task.state == "finished" for row in self.rows)
        counts = {"done": str(done), "count": str(len(self.rows))}
        self.log_button.setVisible(any(row.task.log_text() for row in failed))
        self.close_button.setVisible(self.is_over)
        if not self.is_over:
            self.heading.set_text(tr("Measuring: {done} of {count} done", **counts))
            return
        self.heading.set_text(tr("Measured: {done} of {count}", **counts))
        self.setVisible(bool(left))

    def _show_log(self) -> None:
        failed = [row.task for row in self.rows if row.task.state == "failed"]
        text = "\n\n".join(f"{task.title}\n{task.log_text()}" for task in failed)
        TextDialog(self._theme, tr("Log"), text, self, at_end=True).open()

    def _build_layout(self) -> None:
        top, rows = QWidget(), QWidget()
        line = QHBoxLayout(top)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING.small)
        line.addWidget(self.heading, 1)
        line.addWidget(self.log_button)
        line.addWidget(self.close_button)
        rows.setLayout(self._rows_place)
        self._rows_place.setContentsMargins(0, 0, 0, 0)
        self._rows_place.setSpacing(SPACING.medium)
        self.add(top)
        self.add(rows)
