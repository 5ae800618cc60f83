"""Keep the choice of a size in step with the levels, the options and this machine."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.core.language import tr
from app.core.levels import DEFAULT_LEVEL
from app.gui.levels.level_picker import LevelPicker
from app.gui.pages.convert.best_size.size_card import SizeCard
from app.gui.pages.convert.conversion_session import ConversionSession


class SizeChoice(QObject):
    """Connects the card to the levels, which a size excludes, and to the session."""

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
        card.toggled.connect(self._on_toggled)
        card.plan_wanted.connect(lambda: card.planner.ask(session.options.plan_arguments()))
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

    def follow(self, obstacle: str) -> None:
        """Adapt to the options and to this machine.

        Args:
            obstacle: why nothing can be made of the options now; empty if something can.
        """
        if self._session.is_remote:
            obstacle = tr("The plan can be shown as soon as the weights are downloaded.")
        options = self._session.options
        self._card.follow(options, obstacle)
        if (target := self._card.target_bytes) is not None:
            bits = self._card.bits_per_weight
            self._card.show_fit(self._picker.fit_in_words(target, bits))

    def _on_ticked(self) -> None:
        if self._picker.table.ticked():
            self._card.choose_size(False)

    def _on_toggled(self, is_on: bool) -> None:  # noqa: FBT001 - a signal's value
        """Untick the levels for a size, and tick them again when the user returns to them."""
        table = self._picker.table
        if is_on:
            self._ticked_before = [planned.level for planned in table.ticked()]
            table.tick_only(())
        elif not table.ticked():
            table.tick_only(self._ticked_before)
