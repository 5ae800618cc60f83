"""The settings page: every field of the settings, with its own text, saved as it is changed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFrame, QScrollArea, QSpinBox, QVBoxLayout, QWidget

from app.core.addresses import is_host_and_port
from app.core.errors import AppError
from app.core.machine import usable_threads
from app.core.paths import default_models_folder
from app.core.settings import title_of
from app.gui.pages.settings.access import AccessCard
from app.gui.pages.settings.endpoints import EndpointsCard
from app.gui.pages.settings.engine import EngineCard
from app.gui.texts import error_text
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.auto_spin_box import AutoSpinBox
from app.gui.widgets.card import Card
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.page_layout import page_layout
from app.gui.widgets.path_field import PathField
from app.gui.widgets.segmented_choice import SegmentedChoice
from app.gui.widgets.text_field import TextField
from app.gui.widgets.words_field import WordsField
from app.gui.workbench import Workbench

_MOST_LAYERS, _MOST_THREADS = 999, 1024
_LEAST_CONTEXT, _MOST_CONTEXT, _CONTEXT_STEP = 256, 2**24, 1024


class SettingsPage(QWidget):
    """Shows and changes the settings."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = workbench.settings
        theme = workbench.theme
        value = self._settings.value
        threads = usable_threads()
        self.gpu_layers = AutoSpinBox(self._title("gpu_layers"), 0, _MOST_LAYERS, 0)
        self.threads = AutoSpinBox(self._title("threads"), 1, _MOST_THREADS, threads)
        self.threads_batch = AutoSpinBox(self._title("threads_batch"), 1, _MOST_THREADS, threads)
        self.context = QSpinBox()
        self.context.setRange(_LEAST_CONTEXT, _MOST_CONTEXT)
        self.context.setSingleStep(_CONTEXT_STEP)
        self.context.setGroupSeparatorShown(True)
        self.context.setKeyboardTracking(False)
        self.workers = WordsField(is_host_and_port, "192.168.1.7:50052")
        self.flash_attention = SegmentedChoice(
            theme,
            self._title("flash_attention"),
            (("auto", self.tr("Automatic")), ("on", self.tr("On")), ("off", self.tr("Off"))),
        )
        self.context_overflow = SegmentedChoice(
            theme,
            self._title("context_overflow"),
            (("stop", self.tr("End")), ("shift", self.tr("Go on"))),
        )
        self.system_prompt = TextField(self.tr("For example: Answer in one sentence."))
        self.theme = SegmentedChoice(
            theme,
            self._title("theme"),
            (("system", self.tr("System")), ("light", self.tr("Light")), ("dark", self.tr("Dark"))),
        )
        self.models_folder = PathField(
            theme, self._title("models_folder"), hint=str(default_models_folder())
        )
        self.converter_folder = PathField(
            theme, self._title("converter_folder"), hint=self.tr("The one that set-up installed")
        )
        self.quantizes_by_reference = QCheckBox(self.tr("Use it"))
        self.notice = NoticeBar(theme)
        self.access = AccessCard(theme)
        self.engine = EngineCard(workbench)
        self.endpoints = EndpointsCard(theme, workbench.endpoints)
        self._build_layout()
        self.gpu_layers.set_value(value.gpu_layers)
        self.threads.set_value(value.threads)
        self.threads_batch.set_value(value.threads_batch)
        self.context.setValue(value.context)
        self.workers.set_words(value.workers)
        self.flash_attention.set_value(value.flash_attention)
        self.context_overflow.set_value(value.context_overflow)
        self.system_prompt.set_text(value.system_prompt)
        self.theme.set_value(value.theme)
        self.quantizes_by_reference.setChecked(value.quantizes_by_reference)
        self.models_folder.set_path(value.models_folder or "")
        self.converter_folder.set_path(value.converter_folder or "")
        self._connect()

    def _build_layout(self) -> None:
        _, body = page_layout(self, self.tr("Settings"))
        body.addWidget(self.notice)
        loading = self._card(
            self.tr("How a model is loaded"),
            ("gpu_layers", self.gpu_layers),
            ("context", self.context),
            ("context_overflow", self.context_overflow),
            ("flash_attention", self.flash_attention),
            ("threads", self.threads),
            ("threads_batch", self.threads_batch),
            ("workers", self.workers),
        )
        chat = Card(self.tr("Chat"))
        title, description = title_of("system_prompt")
        chat.add(FormRow(self.tr(title), self.tr(description), self.system_prompt, stacked=True))
        files = self._card(
            self.tr("Folders"),
            ("models_folder", self.models_folder),
            ("converter_folder", self.converter_folder),
        )
        converting = self._card(
            self.tr("Converting"), ("quantizes_by_reference", self.quantizes_by_reference)
        )
        look = self._card(self.tr("Look"), ("theme", self.theme))
        column_widget = QWidget()
        column_widget.setProperty("role", "scrolled")
        column_widget.setMaximumWidth(SIZE.form + SPACING.huge)
        column = QVBoxLayout(column_widget)
        column.setContentsMargins(0, 0, SPACING.medium, 0)
        column.setSpacing(SPACING.large)
        for card in (
            loading,
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
            card.add(FormRow(self.tr(title), self.tr(description), control))
        return card

    def _title(self, field: str) -> str:
        return self.tr(title_of(field)[0])

    def _connect(self) -> None:
        self.gpu_layers.changed.connect(lambda: self._change(gpu_layers=self.gpu_layers.value))
        self.threads.changed.connect(lambda: self._change(threads=self.threads.value))
        self.threads_batch.changed.connect(
            lambda: self._change(threads_batch=self.threads_batch.value)
        )
        self.workers.changed.connect(lambda words: self._change(workers=words))
        self.workers.refused.connect(self._refuse_worker)
        self.context.valueChanged.connect(lambda number: self._change(context=number))
        self.flash_attention.changed.connect(lambda value: self._change(flash_attention=value))
        self.context_overflow.changed.connect(lambda value: self._change(context_overflow=value))
        self.system_prompt.changed.connect(lambda text: self._change(system_prompt=text))
        self.theme.changed.connect(lambda value: self._change(theme=value))
        self.quantizes_by_reference.toggled.connect(
            lambda is_on: self._change(quantizes_by_reference=is_on)
        )
        self.models_folder.changed.connect(lambda path: self._change(models_folder=path or None))
        self.converter_folder.changed.connect(
            lambda path: self._change(converter_folder=path or None)
        )

    def _refuse_worker(self, text: str) -> None:
        words = self.tr("“{text}” is not of the form host:port.").replace("{text}", text)
        self.notice.show_notice("error", words)

    def _change(self, **fields: str | int | tuple[str, ...] | None) -> None:
        try:
            self._settings.change(**fields)
        except AppError as error:
            self.notice.show_notice("error", error_text(error.code, error.facts))
