"""Measure the levels of a model, and compare them in a table and in plots."""

from __future__ import annotations

import shlex
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.core.language import tr, tr_count
from app.core.sentences import describe_error
from app.gui.pages.measure.choice_card import ChoiceCard
from app.gui.pages.measure.measured_levels import (
    MeasuredLevel,
    levels_of,
    quality_figures,
    references_of,
)
from app.gui.pages.measure.measured_table import MeasuredTable
from app.gui.pages.measure.plots_view import PlotsView
from app.gui.pages.measure.results_csv import results_csv
from app.gui.pages.measure.results_export import ExportKind, PlotSheet, save_results
from app.gui.pages.measure.run_card import RunCard
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.copy_button import CopyButton
from app.gui.widgets.drop_down import DropDown
from app.gui.widgets.empty_state import EmptyState
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.notice_list import NoticeList
from app.gui.widgets.page_layout import page_layout
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn
from app.library.model_families import ModelFamily, family_with, model_families


class MeasurePage(QWidget):
    """Shows one family of models at a time.

    Signals:
        models_requested: there is nothing to measure, and the user wants to get a model.
        run_ended: the name of the model and the tasks of measurements that have all ended while the
            user looked elsewhere.
    """

    models_requested = Signal()
    run_ended = Signal(str, list)

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        theme = workbench.theme
        self._families: tuple[ModelFamily, ...] = ()
        self._key = ""
        self._wanted = self._measured_name = ""
        self._levels: tuple[MeasuredLevel, ...] = ()
        self.family_box = DropDown()
        self.safe_control = self.family_box
        self.table = MeasuredTable(theme)
        self.choices = ChoiceCard(theme)
        self.run = RunCard(theme)
        self.notice = NoticeBar(theme)
        self.warnings = NoticeList(theme)
        self.plots = PlotsView(theme)
        self.hint = PlainLabel("", "muted", wrap=True)
        self.reason = PlainLabel("", "caption", wrap=True)
        words = tr("Copy as command line")
        self.copy_button = CopyButton(theme, words, self._commands, words=words, compact=False)
        self.export_button = Button(theme, tr("Export…"), icon_name="download")
        self.stop_button = Button(theme, tr("Stop"), icon_name="stop")
        self.measure_button = Button(theme, tr("Measure"), "primary", icon_name="measure")
        self._empty = EmptyState(theme, "measure", tr("Looking for models…"), "")
        self._build_layout()
        self._connect()
        self._show()

    @property
    def family(self) -> ModelFamily | None:
        """The family that is shown."""
        return next((family for family in self._families if family.key == self._key), None)

    def show_model(self, path: str) -> None:
        """Show the family of a file, with this level ticked."""
        self._wanted = path
        self._show()

    def start(self) -> None:
        """Measure the ticked levels, one after the other."""
        family, choice = self.family, self.choices.choice
        if family is None:
            return
        self.notice.hide()
        self._measured_name = family.name
        self.run.follow(
            [
                self._workbench.tasks.add(
                    "measure",
                    f"{family.name} {level.label}",
                    *choice.arguments_for(level.model.path),
                )
                for level in self.table.ticked()
            ]
        )
        self._show_state()
        # The button that was pressed is gone.
        self.stop_button.setFocus()

    def export_to(self, path: Path, kind: ExportKind) -> None:
        """Save the plots or the table in a file."""
        try:
            save_results(path, kind, self._sheet(), lambda: results_csv(self._levels))
        except AppError as error:
            self.notice.show_notice("error", describe_error(error.code, error.details))
            return
        self.notice.show_notice("info", tr("Saved as {file}.", file=str(path)))

    def _show(self) -> None:
        models = self._workbench.models
        self._families = model_families(models.models)
        self._stack.setCurrentIndex(1 if self._families else 0)
        if not models.is_known:
            self._empty.show_state("search", tr("Looking for models…"), "")
        elif not self._families:
            words = tr("Convert or download a model to compare its levels.")
            title = tr("No models to measure yet")
            self._empty.show_state("measure", title, words, tr("Get a model"))
        self._choose_family()

    def _choose_family(self) -> None:
        """Keep the family, or show the wanted one, or else the one with the most levels."""
        if self._wanted and (wanted := family_with(self._wanted, self._families)) is not None:
            path, self._wanted = self._wanted, ""
            self._show_families(wanted)
            self.table.tick([path])
        elif (family := self.family) is not None:
            self._show_families(family)
        elif self._families:
            most = max(self._families, key=lambda family: len(family.models))
            self._show_families(most)
        self._show_state()

    def _show_families(self, family: ModelFamily) -> None:
        self.family_box.clear()
        self.family_box.addItems([_title_of(one) for one in self._families])
        keys = [one.key for one in self._families]
        self.family_box.setCurrentIndex(keys.index(family.key))
        is_other, self._key = self._key != family.key, family.key
        self._levels = levels_of(family)
        self.choices.show_references(references_of(family), dict(family.labels))
        self._show_rows()
        if is_other:
            lacking = [one for one in self._levels if not _is_measured(one)]
            self.table.tick([one.model.path for one in lacking])
            self.choices.set_open(len(lacking) == len(self._levels))
        self.plots.show_levels(self._levels)

    def _on_family_chosen(self, index: int) -> None:
        self._show_families(self._families[index])
        self._show_state()

    def _on_choice_changed(self) -> None:
        self._show_rows()
        self._show_state()

    def _show_rows(self) -> None:
        self.table.show_levels(self._levels, reference=self.choices.choice.reference)

    def _on_ended(self) -> None:
        self.warnings.show_sentences(self.run.notices())
        self._workbench.models.refresh()
        done = self.run.finished_files()
        self.table.tick(
            [one.model.path for one in self.table.ticked() if one.model.path not in done]
        )
        if self.run.is_over and not self.isVisible():
            self.run_ended.emit(self._measured_name, [row.task for row in self.run.rows])
        has_focus = self.stop_button.hasFocus()
        self._show_state()
        if has_focus and self.run.is_over:
            again = self.measure_button
            (again if again.isEnabled() else self.family_box).setFocus()

    def _show_state(self) -> None:
        is_running = not self.run.is_over
        count = len(self.table.ticked())
        fault = self.choices.fault or ("" if count else tr("Tick the levels to measure."))
        self.stop_button.setVisible(is_running)
        self.measure_button.setVisible(not is_running)
        self.measure_button.setEnabled(not fault)
        words = tr("Measure") if count < 2 else tr("Measure {count} levels", count=count)  # noqa: PLR2004
        self.measure_button.set_text(words)
        self.copy_button.setEnabled(not fault)
        self.reason.set_text("" if is_running else fault)
        has_results = bool(self.plots.figures)
        self.export_button.setEnabled(has_results)
        self.export_button.setVisible(bool(self._families))
        self.hint.setVisible(not has_results)
        self.hint.set_text(tr("Plots of quality, speed and memory appear here."))

    def _commands(self) -> str:
        choice = self.choices.choice
        return "\n".join(
            shlex.join(("gristmill", *choice.arguments_for(level.model.path)))
            for level in self.table.ticked()
        )

    def _sheet(self) -> PlotSheet:
        quality = quality_figures(self._levels)
        subtitle = tr("Measured on {text}.", text=quality.text) if quality else ""
        name = self.family.name if self.family else ""
        colors = self._workbench.theme.colors
        return PlotSheet(name, subtitle, self.plots.figures, colors)

    def _show_export_menu(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Picture (PNG)…"), lambda: self._ask_where_to_export("png"))
        menu.addAction(tr("Drawing (SVG)…"), lambda: self._ask_where_to_export("svg"))
        menu.addAction(tr("Table (CSV)…"), lambda: self._ask_where_to_export("csv"))
        menu.popup(self.export_button.mapToGlobal(QPoint(0, self.export_button.height())))

    def _ask_where_to_export(self, kind: ExportKind) -> None:
        name = self.family.name if self.family else tr("levels")
        suggested = str(Path.home() / f"{name}-levels.{kind}")
        file_filter = f"{kind.upper()} (*.{kind})"
        to = QFileDialog.getSaveFileName(self, tr("Export"), suggested, file_filter)[0]
        if to:
            self.export_to(Path(to) if Path(to).suffix else Path(f"{to}.{kind}"), kind)

    def _connect(self) -> None:
        models = self._workbench.models
        models.changed.connect(self._show)
        self._empty.acted.connect(self.models_requested)
        self.family_box.activated.connect(self._on_family_chosen)
        self.table.changed.connect(self._show_state)
        self.choices.changed.connect(self._on_choice_changed)
        self.measure_button.clicked.connect(self.start)
        self.stop_button.clicked.connect(self.run.stop)
        self.export_button.clicked.connect(self._show_export_menu)
        self.run.ended.connect(self._on_ended)

    def _build_layout(self) -> None:
        header, body = page_layout(self, tr("Measure"))
        header.addWidget(self.export_button)
        self._stack = QStackedLayout()
        body.addLayout(self._stack, 1)
        scroll = ScrollColumn()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(scroll)
        self.family_box.setAccessibleName(tr("Model"))
        top = QHBoxLayout()
        top.setSpacing(SPACING.medium)
        label = PlainLabel(tr("Model"))
        label.setBuddy(self.family_box)
        top.addWidget(label)
        self.family_box.setMaximumWidth(SIZE.form)
        top.addWidget(self.family_box, 1)
        top.addStretch(0)
        actions = QHBoxLayout()
        actions.setSpacing(SPACING.small)
        actions.addWidget(self.reason, 1)
        for button in (self.copy_button, self.stop_button, self.measure_button):
            actions.addWidget(button)
        column: QVBoxLayout = scroll.column
        column.addLayout(top)
        above: tuple[QWidget, ...] = (self.notice, self.warnings, self.table, self.choices)
        below: tuple[QWidget, ...] = (self.run, self.hint, self.plots)
        for widget in above:
            column.addWidget(widget)
        column.addLayout(actions)
        for widget in below:
            column.addWidget(widget)
        column.addStretch(1)


def _title_of(family: ModelFamily) -> str:
    count = len(family.models)
    words = tr_count("1 level", "{count} levels", count)
    return f"{family.name}  ·  {words}"


def _is_measured(level: MeasuredLevel) -> bool:
    measured = level.measured
    return measured is not None and measured.perplexity is not None
