"""Dialog to choose among the GGUF models of a repository."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from app.core import events
from app.core.errors import ErrorCode
from app.core.language import tr
from app.core.sentences import describe_error, describe_notice
from app.core.sizes import format_bytes
from app.gui.children.child import Child
from app.gui.gguf_choice.model_table import ModelChoiceTable
from app.gui.services.download_arguments import download_arguments
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.dialog_buttons import dialog_buttons
from app.gui.widgets.plain_label import PlainLabel
from app.jobs.outcome import ProcessOutcome
from app.library.unfinished_downloads import DownloadRequest

_USUAL_SIZE = QSize(760, 460)


class GgufChoiceDialog(QDialog):
    """Looks at a repository with `open_for`, and opens if there is something to choose.

    Signals:
        chosen: the `DownloadRequest`s to start; one for the whole repository if it has one GGUF
            model, or none.
        failed: the error code and sentence of a look that failed, and its log.
    """

    chosen = Signal(list)
    failed = Signal(object, str, str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._request, self._wanted = DownloadRequest(""), ""
        self._child: Child | None = None
        self._models: list[events.RemoteModelListed] = []
        self._notices: list[str] = []
        self._problem: tuple[ErrorCode, str] | None = None
        self._title = PlainLabel("", "title", elide=True)
        self.words = PlainLabel("", wrap=True, selectable=True)
        self.table = ModelChoiceTable()
        self._summary = PlainLabel("", "muted")
        cancel = Button(theme, tr("Cancel"))
        self.download_button = Button(theme, tr("Download"), "primary", icon_name="download")
        self.download_button.setDefault(True)
        self._build_layout(cancel)
        self.table.changed.connect(self._show_choice)
        cancel.clicked.connect(self.reject)
        self.download_button.clicked.connect(self._choose)

    @property
    def is_looking(self) -> bool:
        """True until the files of the repository are known."""
        return self._child is not None

    def open_for(self, request: DownloadRequest, wanted: str = "") -> None:
        """Look at a repository, and ask for the models to download unless there is only one.

        Args:
            request: the repository.
            wanted: the path of the file to tick instead of the recommended one.
        """
        self.stop()
        self._wanted = wanted
        self._request = request
        self._models, self._notices, self._problem = [], [], None
        self._child = Child(*download_arguments(request), "--list", parent=self)
        self._child.received.connect(self._on_received)
        self._child.ended.connect(self._on_ended)
        self._child.start()

    def stop(self) -> None:
        """Stop looking."""
        child, self._child = self._child, None
        if child is not None:
            child.received.disconnect(self._on_received)
            child.ended.disconnect(self._on_ended)
            child.ended.connect(child.deleteLater)
            child.cancel()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case events.RemoteModelListed():
                self._models.append(event)
            case events.NoticeReported(code, details):
                self._notices.append(describe_notice(code, details))
            case events.Failed(code, details):
                self._problem = code, describe_error(code, details)

    def _on_ended(self, outcome: ProcessOutcome) -> None:
        child, self._child = self._child, None
        log = child.log_text() if child else ""
        if child is not None:
            child.deleteLater()
        if not outcome.was_successful and self._problem is None:
            detail = outcome.describe(log.splitlines())
            sentence = describe_error(ErrorCode.INTERNAL, {"detail": detail})
            self._problem = ErrorCode.INTERNAL, sentence
        if self._problem is not None:
            self.failed.emit(*self._problem, log)
        elif len(self._models) <= 1:
            self.chosen.emit([self._request])
        else:
            self._show()

    def _show(self) -> None:
        self.setWindowTitle(self._request.repository)
        self._title.set_text(self._request.repository)
        words = " ".join([tr("Choose the files to download."), *self._notices])
        self.words.set_text(words)
        self.table.show_models(self._models, self._wanted)
        self._show_choice()
        self.open()
        self.table.setFocus()

    def _choose(self) -> None:
        self.accept()
        self.chosen.emit([replace(self._request, pattern=one.path) for one in self.table.ticked()])

    def _show_choice(self) -> None:
        ticked = self.table.ticked()
        self.download_button.setEnabled(bool(ticked))
        size = format_bytes(sum(model.size_bytes for model in ticked))
        self._summary.set_text(tr("Download: {size}", size=size) if ticked else "")

    def _build_layout(self, cancel: Button) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(*[SPACING.wide] * 4)
        column.setSpacing(SPACING.medium)
        column.addWidget(self._title)
        column.addWidget(self.words)
        column.addWidget(self.table, 1)
        column.addWidget(self._summary)
        column.addLayout(dialog_buttons(cancel, self.download_button))
        self.resize(_USUAL_SIZE)
