"""Keep the choice of a size in step with the levels, the options and this machine."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.core.levels import DEFAULT_LEVEL
from app.gui.levels.level_picker import LevelPicker
from app.gui.pages.convert.best_size.size_card import SizeCard
from app.gui.pages.convert.conversion_session import ConversionSession


class SizeChoice(QObject):
    """Connects the card to the levels, which a size excludes, and to the session.

    Signals:
        kept: a level was recommended, but the user wants a size.
    """

    kept = Signal()

    def __init__(
        self,
        card: SizeCard,
        picker: LevelPicker,
        session: ConversionSession,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._card, self._picker, self._session = card, picker, session
        self._ticked_before: list[str] = []
        self._plans_when_checked = False
        card.toggled.connect(self._on_toggled)
        card.plan_wanted.connect(self._plan)
        card.fit_wanted.connect(self._choose_fitting)
        card.view.level_wanted.connect(self.choose_level)
        card.weights.wanted.connect(self._download)
        card.weights.arrived.connect(self._go_on)
        session.ended.connect(self._on_checked)
        picker.table.changed.connect(self._on_ticked)

    @property
    def has_unknown_name(self) -> bool:
        """True if the name of the file depends on what is measured, and no plan says it."""
        return self._card.is_on and self._card.plan is None

    def take_levels(self) -> None:
        """Take the range of sizes from the planned levels."""
        planned = self._picker.table.planned
        sizes = {level.level: level.size_bytes for level in planned}
        usual = self._picker.recommended_level or DEFAULT_LEVEL
        self._card.show_levels(planned, sizes.get(usual, 0))

    def choose_level(self, level: str) -> None:
        """Choose a plain level instead of a size."""
        self._card.choose_plain()
        self._picker.table.tick_only((level,))

    def follow(self, obstacle: str, missing_bytes: int) -> None:
        """Adapt to the options and to this machine.

        Args:
            obstacle: why nothing can be made of the options now; empty if something can.
            missing_bytes: the size of what is still to be downloaded, 0 if it is unknown.
        """
        options = self._session.options
        self._card.follow(options, obstacle, missing_bytes if self._session.is_remote else None)
        if (target := self._card.target_bytes) is not None:
            bits = self._card.bits_per_weight
            self._card.show_fit(self._picker.fit_in_words(target, bits))

    def _plan(self) -> None:
        self._card.planner.ask(self._session.options.plan_arguments())

    def _choose_fitting(self) -> None:
        """Choose the largest size that fits; the smallest if none does, which says so."""
        sizes = self._card.sizes
        if sizes is not None:
            units = self._picker.largest_fitting(sizes.file_of, sizes.least, sizes.most)
            self._card.set_units(sizes.least if units is None else units)

    def _download(self) -> None:
        if (task := self._session.download()) is not None:
            self._card.weights.follow(task)

    def _go_on(self) -> None:
        """Check the weights that have arrived, and then make the plan."""
        self._plans_when_checked = self._card.is_on
        self._session.open(self._session.source)

    def _on_checked(self, was_successful: bool) -> None:  # noqa: FBT001 - a signal's value
        wants_plan, self._plans_when_checked = self._plans_when_checked, False
        if wants_plan and was_successful and self._card.is_on and not self._session.is_remote:
            self._plan()

    def _on_ticked(self) -> None:
        """Leave the size for levels that the user ticks, not for recommended ones."""
        table = self._picker.table
        if not self._card.is_on or not (ticked := table.ticked()):
            return
        if table.is_chosen:
            self._card.choose_size(False)
        else:
            self._ticked_before = [planned.level for planned in ticked]
            table.tick_only(())
            self.kept.emit()

    def _on_toggled(self, is_on: bool) -> None:  # noqa: FBT001 - a signal's value
        """Untick the levels for a size, and tick them again when the user returns to them."""
        table = self._picker.table
        if is_on:
            self._ticked_before = [planned.level for planned in table.ticked()]
            table.tick_only(())
        elif not table.ticked():
            table.tick_only(self._ticked_before)
