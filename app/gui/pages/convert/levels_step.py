"""The wizard's second step: the checks, and the levels to choose from with their exact sizes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from app.checkpoint.folder_kind import is_adapter, is_multimodal
from app.core import events
from app.core.language import tr
from app.core.levels import DEFAULT_LEVEL
from app.core.load_options import load_options_of
from app.core.settings import Settings
from app.core.sizes import format_weights
from app.estimation.grades import parameter_count
from app.gui.levels.level_picker import LevelPicker
from app.gui.pages.convert.advanced_card import AdvancedCard
from app.gui.pages.convert.best_size.size_card import SizeCard
from app.gui.pages.convert.best_size.size_choice import SizeChoice
from app.gui.pages.convert.checks_card import ChecksCard
from app.gui.pages.convert.conversion_options import (
    command_lines,
    measuring_fault,
    projector_path_for,
)
from app.gui.pages.convert.conversion_session import ConversionSession
from app.gui.pages.convert.converter_card import ConverterCard
from app.gui.pages.convert.download_size import missing_bytes
from app.gui.pages.convert.options_card import OptionsCard
from app.gui.pages.convert.output_words import output_in_words
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.copy_button import CopyButton
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.plain_text import plain_tool_tip
from app.gui.widgets.scroll_column import ScrollColumn

_ADAPTER_LEVEL = "F16"


class LevelsStep(QWidget):
    """Shows the checks and levels of a session, and lets the user change its options.

    Signals:
        chosen: the names of the levels to make; none if a size is wanted instead.
        back: the user wants another source.
    """

    chosen = Signal(list)
    back = Signal()

    def __init__(
        self, theme: Theme, session: ConversionSession, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._is_stale = self._has_failed = False
        self._is_part = False
        self._name = ""
        self._place: Path | None = None
        self._fetched_bytes = 0
        self.title = PlainLabel("", "title", elide=True)
        self.converter = ConverterCard(theme)
        self.checks = ChecksCard(theme)
        self.picker = LevelPicker(theme)
        self.table = self.picker.table
        self.special_note = PlainLabel(
            tr("Levels below 3 bits need an importance matrix."),
            "caption",
            wrap=True,
        )
        self.matrix_button = Button(
            theme, tr("Make one from the built-in text"), "link", compact=True
        )
        self.projector = QCheckBox(tr("Also make the multimodal projector (mmproj)"))
        self.size_card = SizeCard(theme)
        self.size_choice = SizeChoice(self.size_card, self.picker, session, self)
        self.options_card = OptionsCard(theme)
        self.advanced_card = AdvancedCard(theme)
        self._summary = PlainLabel("", "muted", elide=True)
        self.copy_button = CopyButton(
            theme,
            tr("Copy as command line"),
            self.commands,
            words=tr("Copy as command line"),
            compact=False,
        )
        self._back_button = Button(theme, tr("Back"))
        self.convert_button = Button(theme, tr("Convert"), "primary", icon_name="convert")
        self._build_layout()
        self._connect()
        self._connect_session()
        self.reset()

    @property
    def makes_models(self) -> bool:
        """True if the files will be models, not adapters."""
        return not self._is_part

    @property
    def recommended_level(self) -> str:
        """The recommended level, or empty."""
        return self.picker.recommended_level

    def reset(self) -> None:
        """Clear the step: nothing is known of the source yet."""
        self._is_stale = False
        self.converter.hide()
        self.checks.reset()
        self.size_card.planner.stop()
        self.picker.reset(DEFAULT_LEVEL)
        self._show_levels(is_visible=False)
        self._show_title(_name_of(self._session.source))
        self.checks.show_busy(tr("Checking the files…"))
        self._show_choice()

    def reset_choices(self) -> None:
        """Forget what was chosen for the previous source."""
        for card in (self.options_card, self.advanced_card):
            card.set_open(False)
        self.options_card.reset()
        self.advanced_card.reset()
        self.size_card.reset()
        self.projector.setChecked(False)

    def show_source(self, path: str) -> None:
        """Offer what this kind of source can be made into."""
        self._is_stale = False
        self._show_title(_name_of(path))
        self._place = Path(path)
        self._count_missing()
        is_part = self._is_part = is_adapter(Path(path))
        self.options_card.set_importance_available(not is_part)
        self.advanced_card.set_types_available(not is_part)
        self.size_card.set_offered(Path(path).is_dir() and not is_part)
        self.projector.setVisible(is_multimodal(Path(path)))
        self.picker.reset(_ADAPTER_LEVEL if is_part else DEFAULT_LEVEL)
        if is_part:
            self.picker.offer_sizes_alone()
        self._show_choice()

    def predict(self) -> None:
        """Predict how the levels run on this machine."""
        if self.makes_models:
            options = self._session.options
            self.picker.begin_planning()
            self.picker.set_source(options.source, *options.consent())

    def stop(self) -> None:
        """Stop predicting and planning."""
        self.picker.stop()
        if self.size_card.planner.is_busy:
            self.size_card.planner.stop()
        self.size_card.weights.forget()

    def show_settings(self, settings: Settings) -> None:
        """Show the defaults that apply unless the user chooses otherwise."""
        self.options_card.set_default_folder(settings.models_path())
        self.advanced_card.set_reference_by_default(settings.quantizes_by_reference)
        self.picker.set_defaults(load_options_of(settings))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep what is ticked in view when there is less room for it."""
        super().resizeEvent(event)
        old, new = event.oldSize(), event.size()
        if old.isValid() and (new.width() < old.width() or new.height() < old.height()):
            self.table.reveal_ticked()

    def offer_importance(self) -> None:
        """Choose to make an importance matrix from the built-in text, and show the choice."""
        self._show_levels()
        self.options_card.offer_importance()
        self._scroll.reveal(self.options_card)

    def offer_own_text(self) -> None:
        """Ask for the text that importance, or the model itself, is measured on."""
        self._show_levels()
        self.options_card.offer_own_text()
        self._scroll.reveal(self.options_card)

    def offer_plain_rounding(self) -> None:
        """Do without corrected rounding, and go to the choice."""
        self.size_card.leave_rounding()

    def mark_outdated(self) -> None:
        """Mark what is shown as outdated until the next check replaces it."""
        self._is_stale, self._has_failed = True, False
        self.converter.hide()
        self.checks.mark_outdated()
        self.table.mark_outdated()
        self._show_choice()

    def add_level(self, planned: events.LevelPlanned) -> None:
        """Add a level."""
        self.picker.show_level(planned)
        self._show_levels()

    def finish(self, was_successful: bool) -> None:  # noqa: FBT001 - a signal's value
        """End a check: remove the rows that it did not update."""
        self.checks.finish()
        self._has_failed = not was_successful
        self._count_missing()
        if was_successful:
            self._is_stale = False
            self.table.finish()
            self.picker.finish_planning()
            self.size_choice.take_levels()
        elif self._session.options.has_types:
            # These options may be why it failed: let the user change them.
            self._show_levels()
        self._show_choice()

    def chosen_levels(self) -> list[str]:
        """Return the names of the ticked levels."""
        return [planned.level for planned in self.table.ticked()]

    def replaced_files(self) -> list[str]:
        """Return the existing files that would be replaced."""
        plan = self.size_card.plan
        files = [planned.target for planned in self.table.ticked()]
        if self.size_card.is_on:
            files = [plan.target] if plan is not None else []
        if self._session.options.wants_projector and self.table.planned:
            level = self.table.planned[0]
            files.append(projector_path_for(level.target, level.level))
        return [file for file in files if Path(file).exists()]

    def new_levels(self) -> list[str]:
        """Return the ticked levels whose files don't exist yet."""
        return [one.level for one in self.table.ticked() if not Path(one.target).exists()]

    def commands(self) -> str:
        """Return the terminal commands that do the same."""
        return command_lines(self._session.options, self.chosen_levels())

    def _count_missing(self) -> None:
        """Find out how much is still to be downloaded; a conversion downloads what it needs."""
        place = self._place if self._session.is_remote else None
        self._fetched_bytes = missing_bytes(place) if place is not None else 0

    def _show_levels(self, *, is_visible: bool = True) -> None:
        for widget in (self.picker, self._levels):
            widget.setVisible(is_visible)

    def _pin_header(self) -> None:
        self.table.pin_header(-self.table.mapTo(self._scroll, QPoint()).y())

    def _reveal_row(self, row: int) -> None:
        if row >= 0:
            self._scroll.reveal_part(self.table, lambda: self.table.place_of_row(row))

    def _show_title(self, name: str, weights: float | None = None) -> None:
        """Show the model's name and, as soon as it is known, its size."""
        self._name = name
        size = tr("{count} parameters", count=format_weights(weights)) if weights else ""
        self.title.set_text(" · ".join(part for part in (name, size) if part))
        self.title.setVisible(bool(name))

    def _on_changed(self) -> None:
        options = self.options_card.applied_to(self._session.options)
        is_wanted = self.projector.isChecked() and not self.projector.isHidden()
        options = replace(self.advanced_card.applied_to(options), wants_projector=is_wanted)
        self._session.change(self.size_card.applied_to(options))
        self._show_choice()

    def _show_choice(self) -> None:
        ticked = self.table.ticked()
        fault = self._fault()
        is_ready = bool(ticked or self.size_card.is_on) and not self._is_stale and not fault
        self.convert_button.setEnabled(is_ready)
        self.convert_button.setToolTip(plain_tool_tip(fault))
        self.convert_button.setAccessibleDescription(fault)
        self.copy_button.setEnabled(is_ready)
        self._special.setVisible(self.makes_models and not self._session.options.has_importance)
        self._summary.set_text(fault or self._in_words(ticked))
        self._summary.set_tone("danger" if fault else "plain")
        obstacle = fault or (self._stale_words() if self._is_stale else "")
        self.size_choice.follow(obstacle, self._fetched_bytes)

    def _on_planned(self) -> None:
        self._show_choice()
        if self.size_card.plan is not None:
            self._scroll.reveal(self.size_card.view)

    def _fault(self) -> str:
        """Return the fault of a field, since a conversion must use everything that is shown."""
        fault = self.options_card.fault or self.advanced_card.fault
        return fault or measuring_fault(self._session.options, self.chosen_levels())

    def _stale_words(self) -> str:
        failed = tr("With these options nothing can be made.")
        return failed if self._has_failed else tr("Updating sizes…")

    def _in_words(self, ticked: list[events.LevelPlanned]) -> str:
        if self._is_stale:
            return self._stale_words()
        if not self.table.planned:
            return ""
        return output_in_words(
            ticked,
            self.size_card.target_bytes,
            self.size_card.plan,
            download_bytes=self._fetched_bytes,
            better=self.picker.better_level,
        )

    def _connect(self) -> None:
        self.table.changed.connect(self._show_choice)
        self.table.row_wanted.connect(self._reveal_row)
        bar = self._scroll.verticalScrollBar()
        for change in (bar.valueChanged, bar.rangeChanged):
            change.connect(self._pin_header)
        self.picker.finder.found.connect(
            lambda profile: self._show_title(self._name, parameter_count(profile.levels))
        )
        self.picker.recommended.connect(self._show_choice)
        self.size_card.changed.connect(self._on_changed)
        self.options_card.changed.connect(self._on_changed)
        self.size_card.toggled.connect(lambda _: self._scroll.reveal(self.size_card))
        for change in (self.size_choice.kept, self.size_card.weights.wanted):
            change.connect(lambda: self._scroll.reveal(self.size_card))
        self.size_card.text_wanted.connect(self.offer_own_text)
        self.size_card.planner.changed.connect(self._on_planned)
        self.advanced_card.changed.connect(self._on_changed)
        self.projector.clicked.connect(self._on_changed)
        for card in (self.options_card, self.advanced_card):
            card.toggled.connect(lambda _, card=card: self._scroll.reveal(card))
        self.matrix_button.clicked.connect(self.offer_importance)
        self._back_button.clicked.connect(self.back)
        self.convert_button.clicked.connect(lambda: self.chosen.emit(self.chosen_levels()))

    def _connect_session(self) -> None:
        self._session.forgotten.connect(self.reset_choices)
        self._session.started.connect(self.reset)
        self._session.located.connect(self.show_source)
        self._session.checking.connect(self.predict)
        self._session.outdated.connect(self.mark_outdated)
        self._session.busy.connect(self.checks.show_busy)
        self._session.checked.connect(self.checks.add_check)
        self._session.planned.connect(self.add_level)
        self._session.ended.connect(self.finish)

    def _build_layout(self) -> None:
        self._special = QWidget()
        special = QHBoxLayout(self._special)
        special.setContentsMargins(0, 0, 0, 0)
        special.setSpacing(SPACING.small)
        special.addWidget(self.special_note, 1)
        special.addWidget(self.matrix_button)
        self._levels = QWidget()
        levels = QVBoxLayout(self._levels)
        levels.setContentsMargins(0, 0, 0, 0)
        levels.setSpacing(SPACING.small)
        levels.addWidget(self.table)
        levels.addWidget(self.picker.legend)
        levels.addWidget(self._special)
        levels.addWidget(self.size_card)
        levels.addWidget(self.projector)
        levels.addWidget(self.options_card)
        levels.addWidget(self.advanced_card)
        levels.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignLeft)
        self._scroll = ScrollColumn()
        self._scroll.column.addWidget(self.converter)
        self._scroll.column.addWidget(self.checks)
        self._scroll.column.addWidget(self._levels)
        self._scroll.column.addStretch(1)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING.small)
        buttons.addWidget(self._summary, 1)
        for button in (self._back_button, self.convert_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.large)
        column.addWidget(self.title)
        column.addWidget(self.picker)
        column.addWidget(self._scroll, 1)
        column.addLayout(buttons)


def _name_of(source: str) -> str:
    """Return the name of a model at a path, in a repository or at its address."""
    return Path(source.rstrip("/")).name.removesuffix(".gguf")
