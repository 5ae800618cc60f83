"""The wizard's second step: what the checks found, and which levels to make, with exact sizes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from app.checkpoint.folder_kind import is_adapter, sees_or_hears
from app.core import events
from app.core.language import tr
from app.core.levels import DEFAULT_LEVEL
from app.core.load_options import load_options_of
from app.core.settings import Settings
from app.core.sizes import format_bytes
from app.gui.pages.convert.advanced_card import AdvancedCard
from app.gui.pages.convert.checks_card import ChecksCard
from app.gui.pages.convert.conversion_options import (
    ConversionOptions,
    command_lines,
    projector_beside,
)
from app.gui.pages.convert.level_picker import LevelPicker
from app.gui.pages.convert.options_card import OptionsCard
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.copy_button import CopyButton
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn

_ADAPTER_LEVEL = "F16"


class LevelsStep(QWidget):
    """Shows checks as they come, then the levels and what else can be wished for.

    Signals:
        chosen: the levels' names.
        back: another source is wanted.
        options_changed: what is shown is no longer what the options would give.
    """

    chosen = Signal(list)
    back = Signal()
    options_changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.options = ConversionOptions()
        self._is_stale = False
        self._is_preview = False
        self._is_part = False
        self.checks = ChecksCard(theme)
        self.picker = LevelPicker(theme)
        self.table = self.picker.table
        self.special_note = PlainLabel(
            tr(
                "Levels below 3 bits (IQ2_XXS …) need an importance matrix: with so few bits the "
                "model would be useless if all weights counted alike."
            ),
            "caption",
            wrap=True,
        )
        self.matrix_button = Button(theme, tr("Make one from a text…"), "link", compact=True)
        self.projector = QCheckBox(tr("Also make the multimodal projector (mmproj)"))
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
        self.start()

    @property
    def makes_models(self) -> bool:
        """Whether the files will be models, not adapters for one."""
        return not self._is_part

    def start(self) -> None:
        """Begin anew, with nothing known of the source."""
        self._is_stale = self._is_preview = False
        self.options = replace(self.options, source="")
        self.checks.start()
        self.picker.start(DEFAULT_LEVEL)
        self._levels.hide()
        self.show_busy(tr("Looking at the files…"))
        self._show_choice()

    def forget_choices(self) -> None:
        """Forget what was wished for another source."""
        for card in (self.options_card, self.advanced_card):
            card.set_open(False)
        self.options_card.start()
        self.advanced_card.start()
        self.projector.setChecked(False)
        self.options = self.options.for_source("")

    def set_source(self, source: str) -> None:
        """Say what is converted, and offer what that kind of source can have."""
        self.options = replace(self.options, source=source)
        self._is_stale = self._is_preview = False
        is_part = self._is_part = is_adapter(Path(source))
        self.options_card.set_takes_importance(not is_part)
        self.advanced_card.set_takes_types(not is_part)
        self.projector.setVisible(sees_or_hears(Path(source)))
        self.picker.start(_ADAPTER_LEVEL if is_part else DEFAULT_LEVEL)
        if is_part:
            self.picker.offer_sizes_alone()
        self._show_choice()

    def find_profile(self) -> None:
        """Find out what is to be expected of the levels on this machine."""
        if self.makes_models:
            self.picker.look_at(self.options.source, *self.options.consent())

    def preview(self, repository: str) -> None:
        """Show what is to be expected of a repository while it is downloaded."""
        self._is_stale = self._is_preview = True
        self.picker.preview(repository)

    def stop(self) -> None:
        """Find out no more."""
        self.picker.stop()

    def show_settings(self, settings: Settings) -> None:
        """Say what holds as long as nothing else is chosen."""
        self.options_card.set_usual_folder(settings.models_path())
        self.advanced_card.set_usual_reference(settings.quantizes_by_reference)
        self.picker.set_usual(load_options_of(settings))

    def allow_pickle(self) -> None:
        """Let weights in pickle files be read."""
        self.options = replace(self.options, allows_pickle=True)

    def allow_requantizing(self) -> None:
        """Let weights that are quantized already lose again."""
        self.options = replace(self.options, requantizes=True)

    def set_base(self, folder: str) -> None:
        """Say which model the adapter belongs to."""
        self.options = replace(self.options, base=folder)

    def offer_importance(self) -> None:
        """Ask for a text to make an importance matrix from."""
        self._levels.show()
        self.options_card.offer_importance()
        self._scroll.reveal(self.options_card)

    def doubt(self) -> None:
        """Ask for another check, if there has been one."""
        if self.options.source:
            self.expect_anew()
            self.options_changed.emit()

    def show_busy(self, text: str) -> None:
        """Say what is being looked at."""
        self.checks.show_busy(text)

    def expect_anew(self) -> None:
        """Keep what is shown until the next check has brought it up to date."""
        self._is_stale = True
        self.checks.expect_anew()
        self.table.expect_anew()
        self._show_choice()

    def add_check(self, check: events.Checked) -> None:
        """Show one more check."""
        self.checks.add_check(check)

    def add_level(self, planned: events.LevelPlanned) -> None:
        """Show one more level."""
        self.picker.show_level(planned)
        self._levels.show()

    def finish(self, *, was_successful: bool) -> None:
        """The check is over; what it did not show again is out of date."""
        self.checks.finish()
        if was_successful:
            self._is_stale = False
            self.table.finish()
        elif self.options.has_types:
            # A wish may be the reason: it can be taken back here.
            self._levels.show()
        self._show_choice()

    def chosen_levels(self) -> list[str]:
        """The names of the levels that are ticked."""
        return [planned.level for planned in self.table.ticked()]

    def replaced_files(self) -> list[str]:
        """The files that would be replaced."""
        ticked = self.table.ticked()
        files = [planned.target for planned in ticked]
        if self.options.wants_projector and ticked:
            files.append(projector_beside(ticked[0].target, ticked[0].level))
        return [file for file in files if Path(file).exists()]

    def commands(self) -> str:
        """What to type into a terminal for the same."""
        return command_lines(self.options, self.chosen_levels())

    def _on_changed(self) -> None:
        before = self.options
        options = self.advanced_card.applied_to(self.options_card.applied_to(before))
        is_wanted = self.projector.isChecked() and not self.projector.isHidden()
        self.options = replace(options, wants_projector=is_wanted)
        if self.options.check_arguments() != before.check_arguments():
            self.doubt()
        self._show_choice()

    def _show_choice(self) -> None:
        ticked = self.table.ticked()
        is_ready = bool(ticked) and not self._is_stale
        self.convert_button.setEnabled(is_ready)
        self.copy_button.setEnabled(is_ready)
        self._special.setVisible(self.makes_models and not self.options.has_importance)
        self._summary.set_text(self._in_words(ticked))

    def _in_words(self, ticked: list[events.LevelPlanned]) -> str:
        if self._is_preview:
            return tr("It can be converted when it is downloaded.")
        if self._is_stale:
            return tr("The sizes are not up to date.")
        if not self.table.planned:
            return ""
        if not ticked:
            return tr("Tick one level or more.")
        size = format_bytes(sum(planned.size_bytes for planned in ticked))
        if len(ticked) == 1:
            return tr("The file will have {size}.", size=size)
        words = tr("{count} files, together {size}.")
        return words.replace("{count}", str(len(ticked))).replace("{size}", size)

    def _connect(self) -> None:
        self.table.changed.connect(self._show_choice)
        self.picker.previewed.connect(self._levels.show)
        self.options_card.changed.connect(self._on_changed)
        self.advanced_card.changed.connect(self._on_changed)
        self.projector.clicked.connect(self._on_changed)
        for card in (self.options_card, self.advanced_card):
            card.toggled.connect(lambda _, card=card: self._scroll.reveal(card))
        self.matrix_button.clicked.connect(self.offer_importance)
        self._back_button.clicked.connect(self.back)
        self.convert_button.clicked.connect(lambda: self.chosen.emit(self.chosen_levels()))

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
        levels.addWidget(self.picker, 1)
        levels.addWidget(self._special)
        levels.addWidget(self.projector)
        levels.addWidget(self.options_card)
        levels.addWidget(self.advanced_card)
        self._scroll = ScrollColumn()
        self._scroll.column.addWidget(self.checks)
        self._scroll.column.addWidget(self._levels, 1)
        self._scroll.column.addStretch(0)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING.small)
        buttons.addWidget(self._summary, 1)
        for button in (self.copy_button, self._back_button, self.convert_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.large)
        column.addWidget(self._scroll, 1)
        column.addLayout(buttons)
