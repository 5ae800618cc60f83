"""Card with the exact levels of a checkpoint on the Hub, planned from its headers alone."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core import events
from app.core.language import tr
from app.core.levels import DEFAULT_LEVEL
from app.core.load_options import LoadOptions
from app.core.sentences import describe_error, describe_notice
from app.core.sizes import format_bytes
from app.gui.children.child import Child
from app.gui.levels.level_picker import LevelPicker
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.plain_label import PlainLabel
from app.jobs.outcome import ProcessOutcome

_VERB = "convert"


class LevelsCard(Card):
    """A button at first, since the headers and the tokenizer must be fetched; then the levels.

    Signals:
        changed: other levels are ticked, or their sizes are known.
    """

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(tr("Levels"), parent=parent)
        self._source = ""
        self._planner: Child | None = None
        self._fault = ""
        self.words = PlainLabel("", "muted", wrap=True, selectable=True)
        self.remarks = PlainLabel("", "muted", wrap=True, selectable=True)
        self.remarks.hide()
        self.button = Button(theme, tr("Compute exact sizes"), icon_name="grid")
        self.picker = LevelPicker(theme)
        self.table = self.picker.table
        beginning = QWidget()
        row = QHBoxLayout(beginning)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.medium)
        row.addWidget(self.words, 1)
        row.addWidget(self.button)
        for widget in (beginning, self.remarks, self.picker, self.table, self.picker.legend):
            self.add(widget)
        self._beginning = beginning
        self.button.clicked.connect(self._plan)
        self.table.changed.connect(self.changed)
        self.picker.recommended.connect(self.changed)

    def show_repository(self, repository: str, revision: str | None) -> None:
        """Show another repository, whose levels are not planned yet."""
        self.stop()
        self._source = f"{repository}@{revision}" if revision else repository
        self.picker.reset(DEFAULT_LEVEL)
        self._show_levels(is_visible=False)
        self.words.set_text(
            tr("Size, fit, speed and quality of every level, without downloading the weights.")
        )
        self.button.show()

    def stop(self) -> None:
        """Stop planning."""
        self.picker.stop()
        planner, self._planner = self._planner, None
        if planner is not None:
            planner.received.disconnect(self._on_received)
            planner.ended.disconnect(self._on_ended)
            planner.ended.connect(planner.deleteLater)
            planner.cancel()

    def set_defaults(self, options: LoadOptions) -> None:
        """Set the load options that the predictions assume at first."""
        self.picker.set_defaults(options)

    @property
    def levels(self) -> list[str]:
        """The ticked levels; none while nothing is planned."""
        return [] if self._planner else [one.level for one in self.table.ticked()]

    @property
    def summary(self) -> str:
        """A sentence about the files that would be made."""
        ticked = self.table.ticked()
        if not self.levels:
            return ""
        size = format_bytes(sum(one.size_bytes for one in ticked))
        return tr("Makes {levels}, {size}.", levels=", ".join(self.levels), size=size)

    def _plan(self) -> None:
        self.button.hide()
        self._fault = ""
        self.remarks.set_text("")
        self.remarks.hide()
        self.words.set_text(tr("Reading the repository…"))
        self.picker.begin_planning()
        self._planner = Child(_VERB, self._source, "--dry-run", parent=self)
        self._planner.received.connect(self._on_received)
        self._planner.ended.connect(self._on_ended)
        self._planner.start()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case events.SourceLocated():
                self.words.set_text(tr("Computing exact sizes…"))
                self.picker.set_source(self._source)
            case events.LevelPlanned():
                self._show_levels()
                self.picker.show_level(event)
            case events.NoticeReported(code, details):
                self._remark(describe_notice(code, details))
            case events.Failed(code, details):
                self._fault = describe_error(code, details)

    def _remark(self, sentence: str) -> None:
        self.remarks.set_text(" ".join((self.remarks.whole_text, sentence)).strip())
        self.remarks.show()

    def _on_ended(self, outcome: ProcessOutcome) -> None:
        planner, self._planner = self._planner, None
        if planner is not None:
            planner.deleteLater()
        if outcome.was_successful:
            self._beginning.hide()
            self.table.finish()
            self.picker.finish_planning()
        else:
            reason = outcome.describe(planner.log if planner else ())
            self.words.set_text(self._fault or tr("The check failed: {reason}.", reason=reason))
            self.button.show()
        self.changed.emit()

    def _show_levels(self, *, is_visible: bool = True) -> None:
        for widget in (self.picker, self.table, self.picker.legend):
            widget.setVisible(is_visible)
        self._beginning.show()
