"""Settings page, which saves every change at once."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.language import tr
from app.core.option_fields import option_fields
from app.core.paths import default_models_folder
from app.core.settings import Settings
from app.gui.pages.settings.endpoints_card import EndpointsCard
from app.gui.pages.settings.engine_card import EngineCard
from app.gui.pages.settings.load_defaults import LoadDefaultsSection
from app.gui.pages.settings.section_rail import SectionRail
from app.gui.pages.settings.setting_control import bind_setting, path_control, text_control
from app.gui.pages.settings.token_card import TokenCard
from app.gui.services.workbench import Workbench
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.card import Card
from app.gui.widgets.focus_guide import focus_in_front
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.option_control import OptionControl, option_control, option_row
from app.gui.widgets.page_layout import page_layout
from app.gui.widgets.path_field import PathField
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn
from app.gui.widgets.text_field import TextField

_FIELDS = option_fields(Settings)


class SettingsPage(QWidget):
    """Shows and changes the settings."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme, settings = workbench.theme, workbench.settings
        self.loading = LoadDefaultsSection(theme, settings)
        self.notice = NoticeBar(theme)
        self.access = TokenCard(theme)
        self.engine = EngineCard(workbench)
        self.endpoints = EndpointsCard(theme, workbench.endpoints)
        self.controls = _controls(theme)
        self.rows = {name: _row(name, control.widget) for name, control in self.controls.items()}
        for name, control in self.controls.items():
            bind_setting(settings, name, control, self.rows[name])
        self.loading.failed.connect(self._fail)
        self._scroll = ScrollColumn(SIZE.form)
        self.rail = self._build_layout(theme)

    def show_access(self) -> None:
        """Scroll to the access token, and put the focus there."""
        for column in self.findChildren(ScrollColumn):
            column.reveal(self.access)
        focus_in_front(self.access.token)

    def _fail(self, sentence: str) -> None:
        self.notice.show_notice("error", sentence)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the rail beside the settings if there is room for it."""
        super().resizeEvent(event)
        room = self.contentsRect().width() - 2 * SPACING.wide - SPACING.large
        self.rail.setVisible(room >= SIZE.form + self.rail.sizeHint().width())

    def _build_layout(self, theme: Theme) -> SectionRail:
        _, body = page_layout(self, tr("Settings"))
        headings: dict[str, QWidget] = {}
        column = self._scroll.column
        for heading, cards in self._groups():
            headings[heading] = PlainLabel(heading, "title")
            column.addWidget(headings[heading])
            for card in cards:
                column.addWidget(card)
        column.addStretch(1)
        rail = SectionRail(theme, self._scroll, headings)
        row = QHBoxLayout()
        row.setSpacing(SPACING.large)
        row.addWidget(rail)
        row.addWidget(self._scroll, 1)
        body.addLayout(row, 1)
        # Above the page, it would move what is under the pointer.
        body.addWidget(self.notice)
        return rail

    def _groups(self) -> tuple[tuple[str, tuple[QWidget, ...]], ...]:
        """Return the headings with their cards; what few people need is last."""
        converting = tr("Converting")
        fields = ("quantizes_by_reference", "converter_folder")
        downloads = (
            *("parallel_downloads", "download_speed_limit", "resumes_downloads"),
            "local_only",
        )
        return (
            (tr("Appearance"), (self._card(tr("Appearance"), "theme"),)),
            (tr("Chat"), (self._card(tr("Chat"), "system_prompt"),)),
            (tr("Models"), (self._card(tr("Models"), "models_folder"),)),
            (tr("Downloads"), (self._card(tr("Downloads"), *downloads),)),
            (tr("Servers"), (self.endpoints,)),
            (tr("Accounts"), (self.access,)),
            (tr("Model defaults"), (self.loading,)),
            (tr("Advanced"), (self.engine, self._card(converting, *fields, heading=converting))),
        )

    def _card(self, name: str, *fields: str, heading: str = "") -> Card:
        card = Card(heading)
        card.setAccessibleName(name)
        for index, field in enumerate(fields):
            if index:
                card.add_line()
            card.add(self.rows[field])
        return card


def _row(name: str, control: QWidget) -> FormRow:
    return option_row(_FIELDS[name], control, stacked=isinstance(control, TextField))


def _controls(theme: Theme) -> dict[str, OptionControl]:
    """Return the controls by the names of their fields."""
    models = PathField(theme, _FIELDS["models_folder"].title, hint=str(default_models_folder()))
    converter = PathField(theme, _FIELDS["converter_folder"].title, hint=tr("Built-in"))
    return {
        "system_prompt": text_control(TextField(tr("For example: Answer in one sentence."))),
        "models_folder": path_control(models),
        "download_speed_limit": option_control(theme, _FIELDS["download_speed_limit"]),
        "converter_folder": path_control(converter),
        "quantizes_by_reference": option_control(theme, _FIELDS["quantizes_by_reference"]),
        "parallel_downloads": option_control(theme, _FIELDS["parallel_downloads"]),
        "resumes_downloads": option_control(theme, _FIELDS["resumes_downloads"]),
        "local_only": option_control(theme, _FIELDS["local_only"]),
        "theme": option_control(theme, _FIELDS["theme"]),
    }
