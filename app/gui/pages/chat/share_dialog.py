"""Dialog to share the loaded model with other programs."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from app.core.addresses import is_web_origin
from app.core.errors import AppError
from app.core.language import tr
from app.core.option_fields import option_fields
from app.core.sentences import describe_error
from app.core.settings import Settings
from app.gui.pages.chat.share_address import ShareAddress
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.option_control import check_box, number_box, option_row
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn
from app.gui.widgets.wheel_guard import WheelGuard
from app.gui.widgets.words_field import WordsField

_FIELDS = option_fields(Settings)
_USUAL_SIZE = QSize(760, 680)
_SMALLEST_SIZE = QSize(520, 400)


class ShareDialog(QDialog):
    """Changes the settings of sharing; opened with `open`, deleted when closed."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._settings = workbench.settings
        value = self._settings.value
        self.setWindowTitle(tr("Share the model"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumSize(_SMALLEST_SIZE)
        self.resize(_USUAL_SIZE)
        self.is_shared = check_box(_FIELDS["shares_model"])
        self.is_shared.setChecked(value.shares_model)
        self.port = number_box(_FIELDS["share_port"])
        self.port.setGroupSeparatorShown(False)
        self.port.setValue(value.share_port)
        self.slots = number_box(_FIELDS["reply_slots"])
        self.slots.setValue(value.reply_slots)
        self.in_network = check_box(_FIELDS["shares_in_network"])
        self.in_network.setChecked(value.shares_in_network)
        self.origins = WordsField(is_web_origin, "http://localhost:3000")
        self.origins.set_words(value.share_origins)
        self.address = ShareAddress(workbench)
        self._failure = PlainLabel("", "caption", wrap=True)
        self._failure.set_tone("danger")
        self._build_layout()
        WheelGuard(self)
        self._connect()
        self._show_sharing()
        if self.port_row.note:
            self.port.setFocus()

    def _build_layout(self) -> None:
        self._details = QWidget()
        details = QVBoxLayout(self._details)
        details.setContentsMargins(0, 0, 0, 0)
        details.setSpacing(SPACING.medium)
        self.port_row = self._row("share_port", self.port)
        details.addWidget(self.port_row)
        details.addWidget(self._row("reply_slots", self.slots))
        details.addWidget(self._row("share_origins", self.origins, stacked=True))
        details.addWidget(self._row("shares_in_network", self.in_network))
        scroll = ScrollColumn()
        scroll.column.addWidget(self._row("shares_model", self.is_shared))
        scroll.column.addWidget(self._details)
        scroll.column.addWidget(self._failure)
        scroll.column.addWidget(self.address)
        scroll.column.addStretch(1)
        close = Button(self._workbench.theme, tr("Close"))
        close.clicked.connect(self.accept)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[SPACING.wide] * 4)
        column.setSpacing(SPACING.large)
        column.addWidget(PlainLabel(tr("Share the model"), "title"))
        column.addWidget(scroll, 1)
        column.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)

    def _row(self, field: str, control: QWidget, *, stacked: bool = False) -> FormRow:
        return option_row(_FIELDS[field], control, stacked=stacked)

    def _connect(self) -> None:
        self.is_shared.toggled.connect(lambda is_on: self._change(shares_model=is_on))
        self.port.valueChanged.connect(lambda number: self._change(share_port=number))
        self.slots.valueChanged.connect(lambda number: self._change(reply_slots=number))
        self.in_network.clicked.connect(self._ask_for_network)
        self.origins.changed.connect(self._take_origins)
        self.origins.refused.connect(self._refuse_origin)
        self._settings.changed.connect(self._show_sharing)
        self._workbench.engine.changed.connect(self._show_sharing)

    def _take_origins(self, origins: tuple[str, ...]) -> None:
        self._fail("")
        self._change(share_origins=origins)

    def _refuse_origin(self, text: str) -> None:
        self._fail(
            tr("“{entry}” is not an origin. Write it like http://localhost:3000.", entry=text)
        )

    def _ask_for_network(self, is_on: bool) -> None:  # noqa: FBT001 - a signal's value
        if not is_on:
            self._change(shares_in_network=False)
            return
        self.in_network.setChecked(False)
        question = ConfirmDialog(
            self._workbench.theme,
            tr("Share with other machines?"),
            tr(
                "Anyone on your network who has the API key can use the model. Traffic is not "
                "encrypted, so allow this only on a network that you trust."
            ),
            (),
            tr("Allow"),
            self,
            typed=tr("network"),
        )
        question.accepted.connect(self._let_network_in)
        question.open()

    def _let_network_in(self) -> None:
        self.in_network.setChecked(True)
        self._change(shares_in_network=True)

    def _change(self, **fields: int | tuple[str, ...]) -> None:
        try:
            self._settings.change(**fields)
        except AppError as error:
            self._fail(describe_error(error.code, error.details))

    def _fail(self, words: str) -> None:
        self._failure.set_text(words)
        self._failure.setVisible(bool(words))

    def _show_sharing(self) -> None:
        value = self._settings.value
        self._details.setEnabled(value.shares_model)
        is_in_use = value.share_port == self._workbench.engine.port_in_use
        self.port_row.set_note(
            tr("Another program uses this port. Choose another one.") if is_in_use else ""
        )
        self._failure.setVisible(bool(self._failure.text()))
