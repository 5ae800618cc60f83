"""Edit the default load options, for models without options of their own."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.addresses import is_host_and_port
from app.core.errors import AppError
from app.core.language import tr
from app.core.load_options import LOAD_FIELDS, LoadOptions, load_options_of
from app.core.option_fields import option_fields
from app.core.sentences import describe_error
from app.core.settings import Settings
from app.gui.load_options.form import LoadOptionsForm
from app.gui.load_options.preset_bar import PresetBar
from app.gui.load_options.raw_parameters import raw_parameters
from app.gui.pages.settings.setting_control import bind_setting, show_fault, word_list_control
from app.gui.services.settings_holder import SettingsHolder
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.option_control import option_control, option_row
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.text_dialog import TextDialog
from app.gui.widgets.words_field import WordsField

_FIELDS = option_fields(Settings)


class LoadDefaultsSection(QWidget):
    """Load options of all models, presets, and other settings of a load, saved on every change.

    Signals:
        failed: a sentence about an error.
    """

    failed = Signal(str)

    def __init__(
        self, theme: Theme, settings: SettingsHolder, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._settings = settings
        self.form = LoadOptionsForm(theme, is_general=True)
        self.form.set_options(load_options_of(settings.value))
        self.presets = PresetBar(theme, settings, lambda: self.form.options)
        self.workers = WordsField(is_host_and_port, "192.168.1.7:50052")
        self.controls = {
            "context_overflow": option_control(theme, _FIELDS["context_overflow"]),
            "workers": word_list_control(self.workers),
        }
        self.rows = {
            name: option_row(_FIELDS[name], control.widget)
            for name, control in self.controls.items()
        }
        self.raw_button = Button(theme, tr("Raw parameters"), "quiet", icon_name="info")
        self.restore_button = Button(theme, tr("Restore defaults"))
        self._build_layout()
        self._connect()
        self._show_kept()

    def _build_layout(self) -> None:
        card = Card()
        card.setAccessibleName(tr("Model defaults"))
        words = tr(
            "Used for every model without options of its own, which you set with “Options…” on "
            "the Models page. Reload a loaded model to apply changes."
        )
        card.add(PlainLabel(words, "caption", wrap=True))
        card.add(self.presets)
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(self.raw_button)
        row.addStretch(1)
        row.addWidget(self.restore_button)
        card.add(foot)
        for row_of_setting in self.rows.values():
            card.add_line()
            card.add(row_of_setting)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.large)
        column.addWidget(card)
        column.addWidget(self.form)

    def _connect(self) -> None:
        self.form.changed.connect(self._keep_options)
        self.presets.chosen.connect(self._take)
        self.presets.failed.connect(self.failed)
        self.restore_button.clicked.connect(lambda: self._take(LoadOptions()))
        self.raw_button.clicked.connect(self._show_raw)
        for name, control in self.controls.items():
            bind_setting(self._settings, name, control, self.rows[name])
        self.workers.refused.connect(self._refuse_worker)

    def _take(self, options: LoadOptions) -> None:
        self.form.set_options(options)
        self._keep_options()

    def _keep_options(self) -> None:
        options = self.form.options
        try:
            self._settings.change(**{name: getattr(options, name) for name in LOAD_FIELDS})
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))
        self._show_kept()

    def _show_kept(self) -> None:
        self.restore_button.setEnabled(self.form.options != LoadOptions())
        self.presets.refresh()

    def _refuse_worker(self, text: str) -> None:
        fault = tr("“{entry}” is not an address. Example: mill:50052", entry=text)
        show_fault(self.rows["workers"], self.workers, fault)

    def _show_raw(self) -> None:
        text = raw_parameters(self.form.options, None)
        TextDialog(self._theme, tr("Raw parameters"), text, self).open()
