"""The plots of a family, as many beside each other as fit."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from app.core.language import tr
from app.gui.pages.measure.family_plots import memory_plots, quality_plot, speed_plots
from app.gui.pages.measure.measured_levels import MeasuredLevel, quality_figures
from app.gui.plots.figure import Figure
from app.gui.plots.figure_view import FigureView
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.card import Card
from app.gui.widgets.plain_label import PlainLabel

_MOST_BARS = 3


class PlotsView(QWidget):
    """Shows the plot of quality at full width, and those of speed and memory below it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.views: list[FigureView] = []
        self._cards: list[Card] = []
        self._columns = 0
        self._has_quality = False
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(SPACING.large)

    @property
    def figures(self) -> list[Figure]:
        """The figures that are shown, the one of quality first."""
        return [view.figure for view in self.views if view.figure is not None]

    def show_levels(self, levels: tuple[MeasuredLevel, ...]) -> None:
        """Plot the results of these levels, in place of the last ones."""
        quality = quality_figures(levels)
        figures: list[Figure] = [*speed_plots(levels), *memory_plots(levels)]
        notes = {}
        if quality is not None:
            figures.insert(0, quality_plot(quality))
            notes[0] = _note(quality.text, quality.left_out)
        self._has_quality = quality is not None
        if [figure.name for figure in figures] != [figure.name for figure in self.figures]:
            self._rebuild(len(figures))
        for number, figure in enumerate(figures):
            self.views[number].show_figure(figure)
            self._headings[number].set_text(figure.name)
            self._notes[number].set_text(notes.get(number, ""))
            self._notes[number].setVisible(number in notes)
        self.setVisible(bool(figures))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use as many columns as fit."""
        super().resizeEvent(event)
        self._arrange()

    def _rebuild(self, count: int) -> None:
        for card in self._cards:
            self._grid.removeWidget(card)
            card.hide()
            card.deleteLater()
        self._cards, self.views, self._columns = [], [], 0
        self._headings: list[PlainLabel] = []
        self._notes: list[PlainLabel] = []
        for _ in range(count):
            card, view = Card(), FigureView(self._theme)
            self._headings.append(PlainLabel("", "heading", elide=True))
            self._notes.append(PlainLabel("", "caption", wrap=True))
            for widget in (self._headings[-1], view, self._notes[-1]):
                card.add(widget)
            self._cards.append(card)
            self.views.append(view)
        self._arrange()

    def _arrange(self) -> None:
        fitting = max(1, (self.width() + SPACING.large) // (SIZE.side + 4 * SPACING.large))
        columns = min(fitting, _MOST_BARS)
        if columns == self._columns:
            return
        self._columns = columns
        bars = list(self._cards)
        top = 0
        if self._has_quality:
            self._grid.addWidget(bars.pop(0), 0, 0, 1, columns)
            top = 1
        for number, card in enumerate(bars):
            self._grid.addWidget(card, top + number // columns, number % columns)
        for column in range(_MOST_BARS):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)


def _note(text: str, left_out: Sequence[str]) -> str:
    words = tr("Measured on {text}.", text=text)
    if left_out:
        levels = ", ".join(left_out)
        words += " " + tr(
            "Not shown, as they were measured on another text or against another reference: "
            "{levels}.",
            levels=levels,
        )
    return words
