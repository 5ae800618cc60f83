"""Settings page, which saves every change at once."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.core.language import tr
from app.core.option_fields import option_fields
from app.core.paths import default_models_folder
from app.core.settings import Settings
from app.gui.pages.settings.endpoints_card import EndpointsCard
from app.gui.pages.settings.engine_card import EngineCard
from app.gui.pages.settings.load_defaults import LoadingSection
from app.gui.pages.settings.setting_control import bind_setting, path_control, text_control
from app.gui.pages.settings.token_card import AccessCard
from app.gui.services.workbench import Workbench
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.card import Card
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.option_control import OptionControl, option_control, option_row
from app.gui.widgets.page_layout import page_layout
from app.gui.widgets.path_field import PathField
from app.gui.widgets.text_field import TextField

_FIELDS = option_fields(Settings)


class SettingsPage(QWidget):
    """Shows and changes the settings."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme, settings = workbench.theme, workbench.settings
        self.loading = LoadingSection(theme, settings)
        self.notice = NoticeBar(theme)
        self.access = AccessCard(theme)
        self.engine = EngineCard(workbench)
        self.endpoints = EndpointsCard(theme, workbench.endpoints)
        self.controls = _controls(theme)
        for name, control in self.controls.items():
            bind_setting(settings, name, control, self._fail)
        self.loading.failed.connect(self._fail)
        self._build_layout()

    def _fail(self, sentence: str) -> None:
        self.notice.show_notice("error", sentence)

    def _build_layout(self) -> None:
        _, body = page_layout(self, tr("Settings"))
        body.addWidget(self.notice)
        column_widget = QWidget()
        column_widget.setProperty("role", "scrolled")
        column_widget.setMaximumWidth(SIZE.form + SPACING.huge)
        column = QVBoxLayout(column_widget)
        column.setContentsMargins(0, 0, SPACING.medium, 0)
        column.setSpacing(SPACING.large)
        for card in (
            self.loading,
            self._card(tr("Chat"), "system_prompt"),
            self.engine,
            self.endpoints,
            self._card(tr("Folders"), "models_folder", "converter_folder"),
            self._card(tr("Converting"), "quantizes_by_reference"),
            self.access,
            self._card(tr("Appearance"), "theme"),
        ):
            column.addWidget(card)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setAlignment(Qt.AlignmentFlag.AlignLeft)
        scroll.setWidget(column_widget)
        body.addWidget(scroll, 1)

    def _card(self, heading: str, *names: str) -> Card:
        card = Card(heading)
        for index, name in enumerate(names):
            if index:
                card.add_line()
            control = self.controls[name].widget
            card.add(option_row(_FIELDS[name], control, stacked=isinstance(control, TextField)))
        return card


def _controls(theme: Theme) -> dict[str, OptionControl]:
    """Return the controls by the names of their fields."""
    models = PathField(theme, _FIELDS["models_folder"].title, hint=str(default_models_folder()))
    converter = PathField(theme, _FIELDS["converter_folder"].title, hint=tr("Built-in"))
    return {
        "system_prompt": text_control(TextField(tr("For example: Answer in one sentence."))),
        "models_folder": path_control(models),
        "converter_folder": path_control(converter),
        "quantizes_by_reference": option_control(theme, _FIELDS["quantizes_by_reference"]),
        "theme": option_control(theme, _FIELDS["theme"]),
    }
