"""Choose levels with the help of a recommendation and of load options to try out."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.events import LevelPlanned
from app.core.language import tr
from app.core.load_options import LoadOptions
from app.estimation.advisor import Advice, advise
from app.estimation.largest_fit import largest_fitting
from app.estimation.model_profile import ModelProfile
from app.estimation.placement import is_in_ram
from app.estimation.predictions import LevelPrediction, predict_levels
from app.estimation.rescaling import resized
from app.gui.levels.advice_row import AdviceRow
from app.gui.levels.level_table import LevelTable
from app.gui.levels.level_words import fit_words
from app.gui.levels.load_strip import LoadStrip
from app.gui.levels.table_legend import TableLegend
from app.gui.services.profile_finder import ProfileFinder
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING


class LevelPicker(QWidget):
    """Finds the profile of a source once; all predictions are arithmetic on it.

    The `table` and its `legend` are placed elsewhere, so that they can scroll below this.

    Signals:
        recommended: `better_level` may be another level.
    """

    recommended = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._profile: ModelProfile | None = None
        self._default = ""
        self.recommended_level = ""
        self._has_recommendation = False
        self._is_planning = False
        self.finder = ProfileFinder(self)
        self.advice = AdviceRow()
        self.strip = LoadStrip()
        self.table = LevelTable(theme)
        self.legend = TableLegend(theme)
        # Levels arrive one by one in quick succession: predict them together.
        self._pause = QTimer(self, singleShot=True, interval=0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        for widget in (self.advice, self.strip):
            column.addWidget(widget)
        self.finder.found.connect(self.take_profile)
        self.finder.completed.connect(self.refresh)
        self.finder.failed.connect(self._on_failed)
        self.strip.changed.connect(self.refresh)
        self.advice.changed.connect(self._on_use_changed)
        self._pause.timeout.connect(self.refresh)

    @property
    def better_level(self) -> str:
        """The recommended level if others are ticked and it isn't, or empty."""
        ticked = {planned.level for planned in self.table.ticked()}
        return "" if not ticked or self.recommended_level in ticked else self.recommended_level

    def reset(self, default: str) -> None:
        """Clear everything for another source; tick the level `default` if none is recommended."""
        self.finder.stop()
        self._profile = None
        self._default, self.recommended_level = default, ""
        self._has_recommendation = False
        self.strip.reset()
        self.table.remove_levels()
        self.legend.note.hide()
        self._set_offered(True)
        self.advice.show_words(tr("Checking what fits on this machine…"))

    def set_source(self, source: str, *arguments: str) -> None:
        """Predict the levels of a source; `arguments` go to its `ProfileFinder`."""
        self.finder.find(source, *arguments)

    def begin_planning(self) -> None:
        """Recommend nothing until `finish_planning`: a better level may be still to come."""
        self._is_planning = True

    def finish_planning(self) -> None:
        """Take the levels so far as all there are."""
        self._is_planning = False
        self.refresh()

    def stop(self) -> None:
        """Stop predicting."""
        self.finder.stop()

    def offer_sizes_alone(self) -> None:
        """Show only sizes, for a kind of source that is not loaded by itself."""
        self._set_offered(False)
        self.table.preselect(self._default)

    def set_defaults(self, defaults: LoadOptions) -> None:
        """Set the default load options."""
        self.strip.set_defaults(defaults)
        self.refresh()

    def show_level(self, planned: LevelPlanned) -> None:
        """Add or update a level in its place."""
        self.table.show_level(planned)
        self._pause.start()

    def fit_in_words(self, size_bytes: int, bits_per_weight: float) -> str:
        """Return where a file of any size would be placed; empty while that is unknown."""
        levels = self.table.planned
        if self._profile is None or not levels:
            return ""
        nearest = min(levels, key=lambda planned: abs(planned.size_bytes - size_bytes))
        made = LevelPlanned(nearest.level, size_bytes, bits_per_weight, "")
        (row,) = predict_levels(resized(self._profile, [made]), self.strip.options)
        return fit_words(row)

    @property
    def can_fit(self) -> bool:
        """True if the memory of a file of any size is known."""
        return self._profile is not None and bool(self.table.planned)

    def largest_fitting(
        self, file_of: Callable[[int], LevelPlanned], least: int, most: int
    ) -> int | None:
        """Return the largest of sizes that fits this machine; None if none does.

        Args:
            file_of: the file of a size.
            least: the smallest size.
            most: the largest size.
        """
        if self._profile is None:
            return None
        options = self.strip.options
        return largest_fitting(self._profile, options, file_of, least, most)

    def take_profile(self, profile: ModelProfile) -> None:
        """Take a new profile, perhaps a more precise one."""
        self._profile = profile
        self.strip.set_profile(profile)
        self.legend.memory.set_has_mark(any(not is_in_ram(one) for one in profile.hardware.devices))
        self.refresh()

    def refresh(self) -> None:
        """Update the table and the recommendation before this call returns."""
        if self._profile is None or not self.table.planned:
            return
        profile = resized(self._profile, self.table.planned)
        rows = predict_levels(profile, self.strip.options)
        is_rough = any(row.speed is not None and row.speed.is_disturbed for row in rows)
        self.legend.note.setVisible(is_rough)
        if (self.finder.is_busy or self._is_planning) and not self._has_recommendation:
            self.advice.show_words(tr("Comparing the quality and speed of the levels…"))
            self.table.show_predictions(rows)
            return
        self._recommend(rows, profile)

    def _recommend(self, rows: tuple[LevelPrediction, ...], profile: ModelProfile) -> None:
        """Show the recommendation, and tick it if no other one has been seen before."""
        advice = advise(rows, profile, self.advice.value)
        self.advice.show_advice(advice)
        self.table.show_predictions(rows, recommended=advice.level)
        self._show_planned_layers(rows, advice)
        if not self._has_recommendation:
            self._has_recommendation = True
            self.table.preselect(advice.level or ("" if self.table.ticked() else self._default))
        self.recommended_level = advice.level
        self.recommended.emit()

    def _show_planned_layers(self, rows: tuple[LevelPrediction, ...], advice: Advice) -> None:
        """Show the planned layers of the ticked or recommended level."""
        wanted = {advice.level, *(planned.level for planned in self.table.ticked()[:1])}
        for row in rows:
            if row.profile.level in wanted and row.plan is not None:
                self.strip.set_planned_layers(row.plan.gpu_layers)

    def _on_use_changed(self) -> None:
        self._has_recommendation = False
        self.refresh()

    def _on_failed(self, sentence: str) -> None:
        if self._profile is not None:
            self.refresh()
        else:
            self.advice.show_words(sentence)
            self.table.show_predictions((), problem=sentence)
            self.table.preselect(self._default)

    def _set_offered(self, is_offered: bool) -> None:  # noqa: FBT001 - a property's value
        for widget in (self.advice, self.strip, self.legend):
            widget.setVisible(is_offered)
        self.table.set_predictions_visible(is_offered)
