"""The settings page: every field of the settings, with its own text, saved as it is changed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFrame, QScrollArea, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.language import tr
from app.core.paths import default_models_folder
from app.core.sentences import describe_error
from app.core.settings import title_of
from app.gui.pages.settings.endpoints_card import EndpointsCard
from app.gui.pages.settings.engine_card import EngineCard
from app.gui.pages.settings.load_defaults import LoadingSection
from app.gui.pages.settings.token_card import AccessCard
from app.gui.services.settings_holder import SettingValue
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.card import Card
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.page_layout import page_layout
from app.gui.widgets.path_field import PathField
from app.gui.widgets.segmented_choice import SegmentedChoice
from app.gui.widgets.text_field import TextField


class SettingsPage(QWidget):
    """Shows and changes the settings."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = workbench.settings
        theme = workbench.theme
        value = self._settings.value
        self.loading = LoadingSection(theme, self._settings)
        self.system_prompt = TextField(tr("For example: Answer in one sentence."))
        self.theme = SegmentedChoice(
            theme,
            self._title("theme"),
            (("system", tr("System")), ("light", tr("Light")), ("dark", tr("Dark"))),
        )
        self.models_folder = PathField(
            theme, self._title("models_folder"), hint=str(default_models_folder())
        )
        self.converter_folder = PathField(
            theme, self._title("converter_folder"), hint=tr("The one that set-up installed")
        )
        self.quantizes_by_reference = QCheckBox(tr("Use it"))
        self.notice = NoticeBar(theme)
        self.access = AccessCard(theme)
        self.engine = EngineCard(workbench)
        self.endpoints = EndpointsCard(theme, workbench.endpoints)
        self._build_layout()
        self.system_prompt.set_text(value.system_prompt)
        self.theme.set_value(value.theme)
        self.quantizes_by_reference.setChecked(value.quantizes_by_reference)
        self.models_folder.set_path(value.models_folder or "")
        self.converter_folder.set_path(value.converter_folder or "")
        self._connect()

    def _build_layout(self) -> None:
        _, body = page_layout(self, tr("Settings"))
        body.addWidget(self.notice)
        chat = Card(tr("Chat"))
        title, description = title_of("system_prompt")
        chat.add(FormRow(tr(title), tr(description), self.system_prompt, stacked=True))
        files = self._card(
            tr("Folders"),
            ("models_folder", self.models_folder),
            ("converter_folder", self.converter_folder),
        )
        converting = self._card(
            tr("Converting"), ("quantizes_by_reference", self.quantizes_by_reference)
        )
        look = self._card(tr("Look"), ("theme", self.theme))
        column_widget = QWidget()
        column_widget.setProperty("role", "scrolled")
        column_widget.setMaximumWidth(SIZE.form + SPACING.huge)
        column = QVBoxLayout(column_widget)
        column.setContentsMargins(0, 0, SPACING.medium, 0)
        column.setSpacing(SPACING.large)
        for card in (
            self.loading,
            chat,
            self.engine,
            self.endpoints,
            files,
            converting,
            self.access,
            look,
        ):
            column.addWidget(card)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setAlignment(Qt.AlignmentFlag.AlignLeft)
        scroll.setWidget(column_widget)
        body.addWidget(scroll, 1)

    def _card(self, heading: str, *rows: tuple[str, QWidget]) -> Card:
        card = Card(heading)
        for index, (field, control) in enumerate(rows):
            if index:
                card.add_line()
            title, description = title_of(field)
            card.add(FormRow(tr(title), tr(description), control))
        return card

    def _title(self, field: str) -> str:
        return tr(title_of(field)[0])

    def _connect(self) -> None:
        self.loading.failed.connect(lambda words: self.notice.show_notice("error", words))
        self.system_prompt.changed.connect(lambda text: self._change(system_prompt=text))
        self.theme.changed.connect(lambda value: self._change(theme=value))
        self.quantizes_by_reference.toggled.connect(
            lambda is_on: self._change(quantizes_by_reference=is_on)
        )
        self.models_folder.changed.connect(lambda path: self._change(models_folder=path or None))
        self.converter_folder.changed.connect(
            lambda path: self._change(converter_folder=path or None)
        )

    def _change(self, **fields: SettingValue) -> None:
        try:
            self._settings.change(**fields)
        except AppError as error:
            self.notice.show_notice("error", describe_error(error.code, error.details))
