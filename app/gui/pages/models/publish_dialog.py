"""Dialog that shows what a publication would upload, and where, before it begins."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import ErrorCode
from app.core.events import Progressed
from app.core.language import tr
from app.core.publish_events import CARD_NAME, PublishPlanned
from app.core.sizes import format_bytes
from app.gui.pages.models.publication_planner import PublicationPlanner
from app.gui.theme.fonts import code_font
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.dialog_buttons import dialog_buttons
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.item_table import ItemTable
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn
from app.gui.widgets.segmented_choice import SegmentedChoice

_USUAL_SIZE = QSize(640, 680)
_PAUSE_MILLISECONDS = 600
_LONGEST_NAME = 200
_LEAST_ROWS = 5
_OF_THE_TOKEN = frozenset(
    {ErrorCode.TOKEN_NEEDED, ErrorCode.TOKEN_INVALID, ErrorCode.TOKEN_READ_ONLY}
)


class PublishDialog(QDialog):
    """Plans again whenever the user pauses; opened with `open`, deleted when closed.

    Signals:
        chosen: the arguments of `publish`, as a tuple.
        sign_in_requested: the user wants to enter an access token.
    """

    chosen = Signal(object)
    sign_in_requested = Signal()

    def __init__(
        self,
        theme: Theme,
        planner: PublicationPlanner,
        path: str,
        name: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._path = path
        self.setWindowTitle(tr("Publish {name}", name=name))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._planner = planner
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MILLISECONDS)
        self.repository = _line(tr("owner/name"))
        self.base_model = _line(tr("owner/name"))
        self.license = _line(tr("for example apache-2.0"))
        self.private = QCheckBox()
        self.private.setChecked(True)
        self.choice = SegmentedChoice(
            theme, tr("What is uploaded"), [("files", tr("Files")), ("card", tr("Model card"))]
        )
        self.files = ItemTable(
            tr("Files"), (tr("File"), tr("Size"), tr("State")), stretched=0, figures=(1,)
        )
        self.card = QPlainTextEdit()
        self.card.setReadOnly(True)
        self.card.setFont(code_font())
        self.card.setTabChangesFocus(True)
        self.card.setAccessibleName(tr("Model card"))
        self.state = PlainLabel("", "caption", wrap=True, selectable=True)
        self.sign_in = Button(theme, tr("Sign in…"), icon_name="key")
        self.publish = Button(theme, tr("Publish"), "primary")
        self.publish.setDefault(True)
        self._cancel = Button(theme, tr("Cancel"))
        self._build_layout(name)
        self._connect()
        room = parent.window().size() if parent else _USUAL_SIZE
        self.resize(_USUAL_SIZE.boundedTo(room).boundedTo(self.screen().availableSize()))
        self._plan()

    def arguments(self) -> tuple[str, ...]:
        """Return the arguments of `publish` for what the user has entered."""
        named = {"repo": self.repository.text(), "base-model": self.base_model.text()}
        if self.license.isModified():
            # The one that the file names may come with a name and a link, which the card keeps.
            named["license"] = self.license.text()
        given = [f"--{flag}={text.strip()}" for flag, text in named.items() if text.strip()]
        public = () if self.private.isChecked() else ("--public",)
        return (*given, *public, "--", self._path)

    def _build_layout(self, name: str) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(*[SPACING.wide] * 4)
        column.setSpacing(SPACING.medium)
        column.addWidget(PlainLabel(tr("Publish {name}", name=name), "title", wrap=True))
        # The message and the buttons stay visible where the rest doesn't fit.
        scroll = ScrollColumn()
        scroll.column.setSpacing(SPACING.medium)
        self._fill(scroll.column)
        column.addWidget(scroll, 1)
        column.addWidget(self.state)
        column.addLayout(dialog_buttons(self._cancel, self.publish, aside=self.sign_in))

    def _fill(self, column: QVBoxLayout) -> None:
        words = tr("On the Hugging Face Hub; it is created if it doesn't exist.")
        column.addWidget(FormRow(tr("Repository"), words, self.repository, stacked=True))
        words = tr("Only you can see it, or the members of the organization that owns it.")
        column.addWidget(FormRow(tr("Private"), words, self.private))
        words = tr("The model that was quantized. The card links to it.")
        column.addWidget(FormRow(tr("Base model"), words, self.base_model, stacked=True))
        words = tr("The license of the model, for the card.")
        column.addWidget(FormRow(tr("License"), words, self.license, stacked=True))
        line = QHBoxLayout()
        line.addWidget(self.choice)
        line.addStretch(1)
        column.addLayout(line)
        for part in (self.files, self.card):
            part.setMinimumHeight(_LEAST_ROWS * SIZE.control)
        self._parts = QStackedLayout()
        self._parts.addWidget(self.files)
        self._parts.addWidget(self.card)
        column.addLayout(self._parts, 1)

    def _connect(self) -> None:
        self._planner.planned.connect(self._show_plan)
        self._planner.progressed.connect(self._show_progress)
        self._planner.failed.connect(self._show_failure)
        self._pause.timeout.connect(self._plan)
        for line in (self.repository, self.base_model, self.license):
            line.textEdited.connect(self._wait)
        self.private.toggled.connect(self._wait)
        self.choice.changed.connect(
            lambda part: self._parts.setCurrentWidget(self.card if part == "card" else self.files)
        )
        self.sign_in.clicked.connect(self._go_to_sign_in)
        self.publish.clicked.connect(self._finish)
        self._cancel.clicked.connect(self.reject)
        self.finished.connect(self._planner.stop)

    def _wait(self) -> None:
        """Plan once the user pauses; until then, there is no plan for what is entered."""
        self._planner.stop()
        self._await_plan()
        self._pause.start()

    def _plan(self) -> None:
        self._await_plan()
        self._planner.plan(self.arguments())

    def _await_plan(self) -> None:
        self.publish.setEnabled(False)
        self.sign_in.hide()
        self._say(tr("Asking the Hub…"))

    def _show_plan(self, planned: PublishPlanned, notices: Sequence[str]) -> None:
        if not self.repository.text().strip():
            self.repository.setText(planned.repository)
        if not self.base_model.text().strip():
            self.base_model.setText(planned.base_model)
        if not self.license.text().strip():
            self.license.setText(planned.license)
        if planned.exists and planned.is_private:
            with QSignalBlocker(self.private):
                self.private.setChecked(True)
        self.private.setEnabled(not (planned.exists and planned.is_private))
        self.files.setRowCount(0)
        for file in planned.files:
            state = tr("there already") if file.is_there else tr("new")
            self.files.add_row((file.name, format_bytes(file.size_bytes), state))
        if planned.card:
            size = format_bytes(len(planned.card.encode()))
            self.files.add_row((CARD_NAME, size, tr("model card")))
        self.card.setPlainText(planned.card)
        self.publish.setEnabled(True)
        self._say(" ".join((_summary(planned), *notices)))

    def _show_progress(self, progress: Progressed) -> None:
        done, total = format_bytes(progress.done_bytes), format_bytes(progress.total_bytes)
        self._say(tr("Comparing with the files there: {done} of {total}", done=done, total=total))

    def _show_failure(self, code: ErrorCode, sentence: str) -> None:
        self.private.setEnabled(True)
        self.files.setRowCount(0)
        self.card.clear()
        self.sign_in.setVisible(code in _OF_THE_TOKEN)
        self._say(sentence, is_fault=True)

    def _say(self, words: str, *, is_fault: bool = False) -> None:
        self.state.set_tone("danger" if is_fault else "plain")
        self.state.set_text(words)

    def _go_to_sign_in(self) -> None:
        self.reject()
        self.sign_in_requested.emit()

    def _finish(self) -> None:
        self.chosen.emit(self.arguments())
        self.accept()


def _summary(planned: PublishPlanned) -> str:
    sent = _sent(planned)
    if not planned.exists:
        return sent
    if planned.is_private:
        return f"{tr('The repository exists and is private.')} {sent}"
    return f"{tr('The repository exists and is public.')} {sent}"


def _sent(planned: PublishPlanned) -> str:
    missing = sum(not file.is_there for file in planned.files)
    size = format_bytes(planned.missing_bytes + len(planned.card.encode()))
    match missing, bool(planned.card):
        case 0, False:
            return tr("All files are there already.")
        case 0, True:
            return tr(
                "All files are there already; the model card will be uploaded: {size}.", size=size
            )
        case 1, False:
            return tr("1 file will be uploaded: {size}.", size=size)
        case 1, True:
            return tr("1 file and the model card will be uploaded: {size}.", size=size)
        case _, False:
            return tr("{count} files will be uploaded: {size}.", count=missing, size=size)
    return tr(
        "{count} files and the model card will be uploaded: {size}.", count=missing, size=size
    )


def _line(hint: str) -> QLineEdit:
    line = QLineEdit()
    line.setPlaceholderText(hint)
    line.setMaxLength(_LONGEST_NAME)
    return line
