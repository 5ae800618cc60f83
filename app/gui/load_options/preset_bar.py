"""Apply, save, delete, export and import presets, which are named load options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QToolButton, QWidget

from app.core.errors import AppError
from app.core.language import tr
from app.core.load_options import LoadOptions
from app.core.presets import LONGEST_NAME, Preset, read_preset, unique_name, write_preset
from app.core.sentences import describe_error
from app.gui.services.settings_holder import SettingsHolder
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.drop_down import DropDown
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.name_dialog import NameDialog

_SUFFIX = ".json"


class PresetBar(QWidget):
    """A box with the presets, and a menu of actions.

    Args:
        theme: colors.
        settings: where the presets are kept.
        options_of: returns the shown options, to save and to export.

    Signals:
        chosen: the options of a preset to apply.
        failed: a sentence about an error.
    """

    chosen = Signal(object)
    failed = Signal(str)

    def __init__(
        self,
        theme: Theme,
        settings: SettingsHolder,
        options_of: Callable[[], LoadOptions],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._settings = settings
        self._options_of = options_of
        self.box = DropDown()
        self.box.setAccessibleName(tr("Preset"))
        self.box.setMinimumWidth(SIZE.field)
        self.save_button = Button(theme, tr("Save as preset…"))
        self.more = IconButton(theme, "more", tr("More actions for presets"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more)
        self.import_action = menu.addAction(tr("Import…"))
        self.export_action = menu.addAction(tr("Export…"))
        menu.addSeparator()
        self.delete_action = menu.addAction(tr("Delete…"))
        self.more.setMenu(menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(self.box, 1)
        row.addWidget(self.save_button)
        row.addWidget(self.more)
        self.box.activated.connect(self._apply)
        self.save_button.clicked.connect(self._ask_for_name)
        self.import_action.triggered.connect(self._ask_what_to_import)
        self.export_action.triggered.connect(self._ask_where_to_export)
        self.delete_action.triggered.connect(self._ask_to_delete)
        settings.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the presets, and select the one that has the shown options."""
        presets, options = self._settings.value.presets, self._options_of()
        names = sorted(presets, key=str.casefold)
        if names != [self.box.itemText(index) for index in range(self.box.count())]:
            self.box.clear()
            self.box.addItems(names)
        shown = self.shown_name()
        if not shown or presets[shown] != options:
            shown = next((name for name in names if presets[name] == options), "")
        self.box.setCurrentIndex(names.index(shown) if shown else -1)
        self.box.setEnabled(bool(names))
        words = tr("Choose a preset") if names else tr("No presets yet")
        self.box.setPlaceholderText(words)
        self.delete_action.setEnabled(bool(shown))

    def shown_name(self) -> str:
        """Return the name of the selected preset, or an empty text."""
        return self.box.currentText()

    def save_as(self, name: str) -> None:
        """Save the shown options under a name."""
        self._keep(self._settings.value.presets | {name: self._options_of()})

    def delete(self, name: str) -> None:
        """Delete a preset."""
        presets = self._settings.value.presets
        self._keep({other: presets[other] for other in presets if other != name})

    def import_from(self, file: str) -> None:
        """Add the preset from a file, under an unused name, and apply it."""
        try:
            preset = read_preset(Path(file))
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))
            return
        presets = self._settings.value.presets
        if presets.get(preset.name) != preset.options:
            self._keep(presets | {unique_name(preset.name, presets): preset.options})
        self.chosen.emit(preset.options)

    def export_to(self, file: str) -> None:
        """Write the shown options to a file."""
        path = Path(file)
        path = path if path.suffix else path.with_suffix(_SUFFIX)
        name = self.shown_name() or path.stem
        try:
            write_preset(path, Preset(name=name, options=self._options_of()))
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))

    def _keep(self, presets: dict[str, LoadOptions]) -> None:
        try:
            self._settings.change(presets=presets)
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))

    def _apply(self, index: int) -> None:
        self.chosen.emit(self._settings.value.presets[self.box.itemText(index)])

    def _ask_for_name(self) -> None:
        replaced = tr("This replaces the preset of the same name.")
        dialog = NameDialog(
            self._theme,
            tr("Save as preset"),
            tr("Preset name"),
            self.shown_name(),
            tr("Save"),
            self,
            hint=tr("For example: long documents"),
            notes=dict.fromkeys(self._settings.value.presets, replaced),
        )
        dialog.line.setMaxLength(LONGEST_NAME)
        dialog.named.connect(self.save_as)
        dialog.open()

    def _ask_what_to_import(self) -> None:
        title = tr("Import preset")
        file, _ = QFileDialog.getOpenFileName(self, title, "", self._filter())
        if file:
            self.import_from(file)

    def _ask_where_to_export(self) -> None:
        title = tr("Export as preset")
        suggested = (self.shown_name() or tr("options")) + _SUFFIX
        file, _ = QFileDialog.getSaveFileName(self, title, suggested, self._filter())
        if file:
            self.export_to(file)

    def _filter(self) -> str:
        return tr("Presets") + f" (*{_SUFFIX})"

    def _ask_to_delete(self) -> None:
        name = self.shown_name()
        dialog = ConfirmDialog(
            self._theme,
            tr("Delete the preset {name}?", name=name),
            tr("Models that use it keep their options."),
            [],
            tr("Delete"),
            self,
            is_destructive=True,
        )
        dialog.accepted.connect(lambda: self.delete(name))
        dialog.open()
