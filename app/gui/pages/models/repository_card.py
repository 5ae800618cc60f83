"""Card to download a repository from the Hub by its name or address."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.core.sentences import describe_error
from app.gui.children.task import Task
from app.gui.gguf_choice.gguf_choice_dialog import GgufChoiceDialog
from app.gui.services.download_list import DownloadList
from app.gui.theme.restyle import restyle
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.clearable_field import ClearableField
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.text_dialog import TextDialog
from app.hub.hub_address import hub_endpoint
from app.hub.reference import parse_reference
from app.library.unfinished_downloads import DownloadRequest

_Remedy = Literal["retry", "page", "sign-in", "log"]
_REMEDIES: dict[ErrorCode, tuple[_Remedy, ...]] = {
    ErrorCode.REPOSITORY_GATED: ("page", "sign-in"),
    ErrorCode.REPOSITORY_NOT_FOUND: ("sign-in",),
    ErrorCode.TOKEN_INVALID: ("sign-in",),
    ErrorCode.HUB_UNREACHABLE: ("retry",),
    ErrorCode.HUB_ANSWER: ("retry",),
    ErrorCode.DISK_FULL: ("retry",),
    ErrorCode.FOLDER_NOT_WRITABLE: ("retry",),
    ErrorCode.INTERNAL: ("log",),
}


class RepositoryCard(Card):
    """Keeps what was typed until its download begins, and says below the field why it can't begin.

    If the repository has several GGUF models, the user chooses among them first.

    Signals:
        sign_in_requested: the user wants to enter an access token.
    """

    sign_in_requested = Signal()

    def __init__(
        self, theme: Theme, downloads: DownloadList, parent: QWidget | None = None
    ) -> None:
        super().__init__(tr("Get a model from Hugging Face"), parent=parent)
        self._theme = theme
        self._downloads = downloads
        self.choice = GgufChoiceDialog(theme, self)
        self._asked: Task | None = None
        self._refused = self._log = ""
        hint = tr("owner/name, or the address of its page")
        self.repository = self.safe_control = ClearableField(tr("Hugging Face repository"), hint)
        self.download_button = Button(theme, tr("Download"), "primary", icon_name="download")
        self.fault = PlainLabel("", "caption", wrap=True, selectable=True)
        self.fault.set_tone("danger")
        self.remedies: dict[_Remedy, Button] = {
            "retry": Button(theme, tr("Try again"), compact=True),
            "page": Button(theme, tr("Open its page"), compact=True),
            "sign-in": Button(theme, tr("Sign in…"), compact=True),
            "log": Button(theme, tr("Show log"), compact=True),
        }
        self._hint = PlainLabel("", "caption", wrap=True)
        self.last_control = self.remedies["log"]
        self._build_layout()
        self._connect()
        self._show_fault("")

    def ask_for(self, repository: str) -> None:
        """Download a repository as if its name had been typed."""
        self.repository.setText(repository)
        self._download()

    def _build_layout(self) -> None:
        line = QHBoxLayout()
        line.addWidget(self.repository, 1)
        line.addWidget(self.download_button)
        self._add_line(line)
        self.add(self.fault)
        buttons = QHBoxLayout()
        for button in self.remedies.values():
            buttons.addWidget(button)
        buttons.addStretch(1)
        self._remedy_line = self._add_line(buttons)
        self.add(self._hint)

    def _add_line(self, line: QHBoxLayout) -> QWidget:
        row = QWidget()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING.small)
        row.setLayout(line)
        self.add(row)
        return row

    def _connect(self) -> None:
        self.download_button.clicked.connect(self._download)
        self.repository.returnPressed.connect(self._download)
        self.repository.textEdited.connect(self._forget)
        self.repository.textChanged.connect(self._show_state)
        self.choice.chosen.connect(self._start)
        self.choice.failed.connect(self._on_look_failed)
        self.choice.rejected.connect(self._show_state)
        self.remedies["retry"].clicked.connect(self._download)
        self.remedies["page"].clicked.connect(self._open_page)
        self.remedies["sign-in"].clicked.connect(self.sign_in_requested)
        self.remedies["log"].clicked.connect(self._show_log)
        self._show_state()

    def _show_state(self) -> None:
        is_busy = self.choice.is_busy
        self.download_button.setEnabled(bool(self.repository.text().strip()) and not is_busy)
        self._hint.set_text(
            tr("Listing the files of {repository}…", repository=self._refused)
            if is_busy
            else tr("GGUF models are ready to chat; safetensors models need to be converted first.")
        )

    def _forget(self) -> None:
        """Drop what was asked for the text before."""
        self.choice.stop()
        self._show_fault("")
        self._show_state()

    def _download(self) -> None:
        text = self.repository.text().strip()
        if not text:
            return
        self._show_fault("")
        try:
            reference = parse_reference(text)
        except AppError as error:
            self._refuse(error.code, describe_error(error.code, error.details))
            return
        self._refused = reference.repository
        request = DownloadRequest(reference.repository, reference.revision)
        self.choice.open_for(request, reference.file or "")
        self._show_state()

    def _on_look_failed(self, code: ErrorCode, sentence: str, log: str) -> None:
        self._log = log
        self._refuse(code, sentence)
        self._show_state()

    def _start(self, requests: list[DownloadRequest]) -> None:
        try:
            for request in requests:
                self._start_one(request)
        except AppError as error:
            self._refuse(error.code, describe_error(error.code, error.details))
        self._show_state()

    def _start_one(self, request: DownloadRequest) -> None:
        task = self._downloads.start(request)
        self._asked = self._asked or task
        task.changed.connect(lambda: self._follow(task))
        task.ended.connect(lambda: self._on_ended(task, request))
        self._follow(task)

    def _follow(self, task: Task) -> None:
        """Empty the field once the download is known to begin."""
        if task is self._asked and (task.state == "waiting" or task.progress is not None):
            self._clear()

    def _clear(self) -> None:
        self._asked = None
        self.repository.clear()

    def _on_ended(self, task: Task, request: DownloadRequest) -> None:
        if _is_refused(task) and self._downloads.take_back(task):
            self._refused = request.repository
            if not self.repository.text():
                self.repository.setText(self._refused)
            self._log = task.log_text()
            self._refuse(task.failure or ErrorCode.INTERNAL, task.sentence)
        elif task is self._asked:
            self._clear()

    def _refuse(self, code: ErrorCode, sentence: str) -> None:
        self._show_fault(sentence, _REMEDIES.get(code, ()))

    def _show_fault(self, sentence: str, remedies: tuple[_Remedy, ...] = ()) -> None:
        restyle(self.repository, "invalid", bool(sentence))
        self.repository.setAccessibleDescription(sentence)
        self.fault.set_text(sentence)
        self.fault.setVisible(bool(sentence))
        for name, button in self.remedies.items():
            button.setVisible(name in remedies)
        self._remedy_line.setVisible(bool(remedies))

    def _open_page(self) -> None:
        QDesktopServices.openUrl(QUrl(f"{hub_endpoint()}/{self._refused}"))

    def _show_log(self) -> None:
        TextDialog(self._theme, self._refused, self._log, self, at_end=True).open()


def _is_refused(task: Task) -> bool:
    """Return whether a retry is pointless; other failed downloads can be resumed in their rows."""
    failure = task.failure or ErrorCode.INTERNAL
    return task.state == "failed" and "retry" not in _REMEDIES.get(failure, ())
