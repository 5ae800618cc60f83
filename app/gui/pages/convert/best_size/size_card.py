"""Card that offers the best file of a size instead of levels, and corrected rounding for both."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from app.core.allocation_events import MEASURING_STEPS, TypesChosen
from app.core.events import LevelPlanned, Progressed
from app.core.language import tr
from app.core.pace import Pace
from app.core.sizes import MEGABYTE
from app.gui.pages.convert.best_size.plan_view import PlanView
from app.gui.pages.convert.best_size.size_range import SizeRange, size_range
from app.gui.pages.convert.best_size.types_planner import TypesPlanner
from app.gui.pages.convert.best_size.weights_row import WeightsRow
from app.gui.pages.convert.conversion_options import ConversionOptions, measured_text
from app.gui.pages.convert.conversion_run import planning_steps, step_in_words
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.plain_text import plain_tool_tip
from app.gui.widgets.progress_row import ProgressRow
from app.gui.widgets.step_slider import StepSlider
from app.gui.widgets.wheel_guard import WheelGuard

_LARGEST = 10**9


class SizeCard(Card):
    """Holds the wanted size, and the plan for it once it is asked for.

    Signals:
        changed: the user changed an option.
        toggled: the user switched to a size (True) or back to levels.
        plan_wanted: the user wants to see the plan.
        text_wanted: the user wants to choose the text that the model is measured on.
        fit_wanted: the user wants the largest size that fits this machine.
    """

    changed = Signal()
    toggled = Signal(bool)
    plan_wanted = Signal()
    text_wanted = Signal()
    fit_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setAccessibleName(tr("Best file of a size"))
        self._range: SizeRange | None = None
        self._is_offered = False
        self._is_there = True
        self._pace, self._step = Pace(), ""
        self._steps = planning_steps()
        self.planner = TypesPlanner(self)
        self.wants_size = QCheckBox()
        self.corrects = QCheckBox()
        self.tunes = QCheckBox()
        self.slider = StepSlider(tr("Size"), 1, _LARGEST, (1, _LARGEST))
        self.slider.number.setSingleStep(1)
        self._bits = PlainLabel("", "caption")
        self._fit = PlainLabel("", "caption", elide=True)
        self.fit_button = Button(theme, tr("Largest that fits"), "link", compact=True)
        self._details = self._details_row()
        self._text = PlainLabel("", "caption", elide=True)
        self.text_button = Button(theme, tr("Another text…"), "link", compact=True)
        self._text_row = self._line_of(self._text, self.text_button)
        self.plan_button = Button(theme, tr("Show plan"))
        self.weights = WeightsRow(theme)
        self.progress = ProgressRow(theme, tr("Choosing the types"))
        self.view = PlanView(theme)
        self._build_layout()
        WheelGuard(self)
        self._connect()
        self.reset()

    @property
    def is_on(self) -> bool:
        """True if a size is wanted instead of levels."""
        return self._range is not None and self._is_offered and self.wants_size.isChecked()

    @property
    def target_bytes(self) -> int | None:
        """The wanted size; None for levels."""
        if self._range is None or not self.is_on:
            return None
        return self.slider.value * self._range.unit_bytes

    @property
    def bits_per_weight(self) -> float:
        """The average bits of a file of the wanted size; 0 if there is none."""
        return self._range.bits_per_weight(self.slider.value) if self._range else 0.0

    @property
    def sizes(self) -> SizeRange | None:
        """The sizes to choose from; None while they are unknown."""
        return self._range

    @property
    def plan(self) -> TypesChosen | None:
        """The plan for what is chosen; None if it was not asked for."""
        return None if self.planner.is_busy else self.planner.plan

    def reset(self) -> None:
        """Forget the source and what was chosen for it."""
        self._range = None
        self.wants_size.setChecked(False)
        self.corrects.setChecked(False)
        self.tunes.setChecked(False)
        self.planner.stop()
        self.weights.forget()
        self._show()

    def set_offered(self, is_offered: bool) -> None:  # noqa: FBT001 - a property's value
        """Show or hide the card, as the kind of source allows."""
        self._is_offered = is_offered
        self._show()

    def show_levels(self, planned: Iterable[LevelPlanned], usual_bytes: int) -> None:
        """Take the range of sizes from the planned levels, and begin at the usual one."""
        found, is_new = size_range(planned), self._range is None
        if found == self._range:
            return
        wanted = usual_bytes if is_new else self.slider.value * self._unit_bytes()
        self._range = found
        if found is not None:
            self.slider.set_range(found.least, found.most, found.steps())
            self.slider.number.set_unit("MB" if found.unit_bytes == MEGABYTE else "kB")
            self.slider.set_value(found.units(wanted))
        self._show()
        if not is_new and self.is_on:
            self.changed.emit()

    def choose_size(self, is_wanted: bool) -> None:  # noqa: FBT001 - a property's value
        """Switch to a size, or back to levels."""
        if self.wants_size.isChecked() is not is_wanted:
            self.wants_size.setChecked(is_wanted)
            self._on_toggled()

    def set_units(self, units: int) -> None:
        """Choose a size, as if the user had."""
        self.slider.set_value(units)
        self._on_chosen()

    def leave_rounding(self) -> None:
        """Switch to rounding that isn't corrected."""
        self.corrects.setChecked(False)
        self.corrects.setFocus()
        self._on_chosen()

    def choose_plain(self) -> None:
        """Switch to levels, and to rounding that isn't corrected."""
        self.corrects.setChecked(False)
        self.choose_size(False)
        self._on_chosen()

    def applied_to(self, options: ConversionOptions) -> ConversionOptions:
        """Return the options with this choice."""
        corrects = self._is_shown() and self.corrects.isChecked()
        tunes = corrects and self.tunes.isChecked()
        return replace(options, target_bytes=self.target_bytes, corrects=corrects, tunes=tunes)

    def follow(
        self, options: ConversionOptions, obstacle: str, missing_bytes: int | None = None
    ) -> None:
        """Adapt to the options: an outdated plan is forgotten.

        Args:
            options: all options.
            obstacle: why there can't be a plan now; empty if there can.
            missing_bytes: the size of the weights if they must be downloaded first, 0 if it is
                unknown; None if they are there.
        """
        self._is_there = missing_bytes is None
        self.weights.offer(missing_bytes or 0, obstacle)
        self.planner.keep_only(options.plan_arguments())
        self._text.set_text(measured_text(options))
        self._text_row.setVisible(options.measures_model)
        self.plan_button.setEnabled(not obstacle)
        self.plan_button.setToolTip(plain_tool_tip(obstacle))
        self.plan_button.setAccessibleDescription(obstacle)
        self._show()

    def show_fit(self, words: str) -> None:
        """Say where a file of the wanted size would be placed; empty while that is unknown."""
        self._fit.set_text(words)
        self.fit_button.setVisible(bool(words))

    def _is_shown(self) -> bool:
        return self._is_offered and self._range is not None

    def _unit_bytes(self) -> int:
        return self._range.unit_bytes if self._range else 1

    def _show(self) -> None:
        self.setVisible(self._is_shown())
        is_on = self.is_on
        is_planned = self.plan is not None
        self._details.setVisible(is_on)
        self._tuning.setVisible(self.corrects.isChecked())
        is_open = is_on and not self.planner.is_busy and not is_planned
        self.plan_button.setVisible(is_open and self._is_there)
        self.weights.setVisible(is_open and not self._is_there)
        self.progress.setVisible(self.planner.is_busy)
        self.view.setVisible(is_on and is_planned)
        self._bits.set_tone("plain")
        self._bits.set_text(tr("{bits} bits per weight", bits=f"{self.bits_per_weight:.2f}"))

    def _show_refusal(self, fault: str) -> None:
        """Say why a size is refused, in place of the bits, as long as it is in the field."""
        self._show()
        if fault and not self.slider.number.hasAcceptableInput():
            self._bits.set_tone("danger")
            self._bits.set_text(fault)
            # The button at the right stays in place when a press on it ends the refusal.
            self._bits.setMinimumWidth(self._bits.sizeHint().width())

    def _on_toggled(self) -> None:
        self._show()
        self.toggled.emit(self.is_on)
        self.changed.emit()

    def _on_chosen(self) -> None:
        self._bits.setMinimumWidth(0)
        self._show()
        self.changed.emit()

    def _on_planner_changed(self) -> None:
        if self.planner.is_busy:
            self._pace, self._step = Pace(), ""
            self.progress.set_detail(step_in_words(self._steps, 0))
            self.progress.show_waiting(tr("Preparing…"))
        if (plan := self.plan) is not None:
            self.view.show_plan(plan, self.planner.compared)
        self._show()

    def _on_progressed(self, progress: Progressed) -> None:
        kinds = [step.progress for step in self._steps]
        if progress.step not in kinds:
            return
        if progress.step != self._step:
            self._step, self._pace = progress.step, Pace()
        index = kinds.index(progress.step)
        now = time.monotonic()
        self._pace.observe(progress.done_bytes, now)
        words = [step_in_words(self._steps, index)]
        if (forecast := self.planner.forecast) is not None:
            left = self._pace.seconds_left(progress.total_bytes)
            words.append(forecast.in_words(left, now))
        self.progress.set_detail(" · ".join(words))
        part = (index, len(kinds))
        self.progress.show_progress(
            progress.done_bytes,
            progress.total_bytes,
            self._pace,
            part=part,
            shows_bytes=progress.step not in MEASURING_STEPS,
        )

    def _connect(self) -> None:
        self.wants_size.clicked.connect(self._on_toggled)
        self.corrects.clicked.connect(self._on_chosen)
        self.tunes.clicked.connect(self.changed)
        self.slider.changed.connect(self._on_chosen)
        self.slider.number.validated.connect(self._show_refusal)
        self.text_button.clicked.connect(self.text_wanted)
        self.plan_button.clicked.connect(self.plan_wanted)
        self.fit_button.clicked.connect(self.fit_wanted)
        self.progress.canceled.connect(self.planner.stop)
        self.planner.changed.connect(self._on_planner_changed)
        self.planner.progressed.connect(self._on_progressed)

    def _details_row(self) -> QWidget:
        details = QWidget()
        column = QVBoxLayout(details)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.tiny)
        column.addWidget(self.slider)
        column.addWidget(self._line_of(self._bits, self._fit, self.fit_button))
        return details

    def _line_of(self, *widgets: QWidget) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.large)
        for widget in widgets:
            row.addWidget(widget)
        row.addStretch(1)
        return line

    def _build_layout(self) -> None:
        self.add(
            FormRow(
                tr("Best file of a size"),
                tr(
                    "Instead of a level: chooses the type of every tensor by measuring how much "
                    "its errors matter."
                ),
                self.wants_size,
            )
        )
        self.add(self._details)
        self.add_line()
        self.add(
            FormRow(
                tr("Correct the rounding"),
                tr("Loses less at the same size. Takes minutes to hours."),
                self.corrects,
            )
        )
        self._tuning = FormRow(
            tr("Tune scales and norms, too"),
            tr("May lose still less. All weights must fit into memory in 32 bits, twice and more."),
            self.tunes,
        )
        self.add(self._tuning)
        self.add(self._text_row)
        self._column.addWidget(self.plan_button, 0, Qt.AlignmentFlag.AlignLeft)
        for widget in (self.weights, self.progress, self.view):
            self.add(widget)
