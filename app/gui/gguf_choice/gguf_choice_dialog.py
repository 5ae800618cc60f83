"""Dialog to choose among the GGUF models of a repository."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from app.core import events
from app.core.errors import ErrorCode
from app.core.language import tr
from app.core.sentences import describe_error
from app.core.sizes import format_bytes
from app.gui.children.child import Child
from app.gui.gguf_choice.model_table import ModelChoiceTable
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.dialog_buttons import dialog_buttons
from app.gui.widgets.plain_label import PlainLabel
from app.jobs.outcome import ProcessOutcome

_USUAL_SIZE = QSize(760, 460)
_VERB = "download"


class GgufChoiceDialog(QDialog):
    """Looks at a repository with `open_for`, and opens if there is something to choose or to say.

    A repository with one GGUF model, or with none, is downloaded without a question.

    Signals:
        started: the download of this repository has been queued.
    """

    started = Signal(str)

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tasks = workbench.tasks
        self._repository = ""
        self._child: Child | None = None
        self._models: list[events.RemoteModelListed] = []
        self._problem = ""
        self._otherwise: Callable[[], None] | None = None
        self._title = PlainLabel("", "title", elide=True)
        self.words = PlainLabel("", wrap=True, selectable=True)
        self.table = ModelChoiceTable()
        self._summary = PlainLabel("", "muted")
        self._close = Button(workbench.theme, tr("Cancel"))
        self.download_button = Button(
            workbench.theme, tr("Download"), "primary", icon_name="download"
        )
        self.download_button.setDefault(True)
        self._build_layout()
        self.table.changed.connect(self._show_choice)
        self._close.clicked.connect(self.reject)
        self.download_button.clicked.connect(self._download)

    def open_for(self, repository: str, otherwise: Callable[[], None] | None = None) -> None:
        """Look at a repository, and ask for the models to download unless there is only one.

        Args:
            repository: as `gristmill download` takes it.
            otherwise: called if there is nothing to choose, or the repository can't be listed; the
                default downloads it, or says why it can't be listed.
        """
        self._stop()
        self._otherwise = otherwise
        self._repository = repository
        self._models, self._problem = [], ""
        self._child = Child(_VERB, repository, "--list", parent=self)
        self._child.received.connect(self._on_received)
        self._child.ended.connect(self._on_ended)
        self._child.start()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case events.RemoteModelListed():
                self._models.append(event)
            case events.Failed(code, details):
                self._problem = describe_error(code, details)

    def _on_ended(self, outcome: ProcessOutcome) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.deleteLater()
        if not outcome.was_successful and not self._problem:
            detail = outcome.describe(child.log if child else ())
            self._problem = describe_error(ErrorCode.INTERNAL, {"detail": detail})
        has_choice = len(self._models) > 1 and not self._problem
        if not has_choice and self._otherwise is not None:
            self._otherwise()
        elif has_choice or self._problem:
            self._show()
        else:
            self._queue(())

    def _show(self) -> None:
        self.setWindowTitle(self._repository)
        self._title.set_text(self._repository)
        self.words.set_text(self._problem or tr("Choose the files to download."))
        self.words.set_tone("danger" if self._problem else "plain")
        self.table.show_models(self._models)
        for widget in (self.table, self._summary, self.download_button):
            widget.setVisible(not self._problem)
        self._close.set_text(tr("Close") if self._problem else tr("Cancel"))
        self._show_choice()
        self.open()
        (self._close if self._problem else self.table).setFocus()

    def _show_choice(self) -> None:
        ticked = self.table.ticked()
        self.download_button.setEnabled(bool(ticked))
        size = format_bytes(sum(model.size_bytes for model in ticked))
        self._summary.set_text(tr("Download: {size}", size=size) if ticked else "")

    def _download(self) -> None:
        self.accept()
        self._queue(self.table.ticked())

    def _queue(self, chosen: tuple[()] | list[events.RemoteModelListed]) -> None:
        """Download the chosen models one after the other; all share the repository's folder."""
        repository, last = self._repository, None
        for model in chosen:
            title = f"{repository} {model.level}".strip()
            arguments = (repository, "--include", model.path)
            last = self._tasks.add("download", title, _VERB, *arguments, after=last)
        if not chosen:
            self._tasks.add("download", repository, _VERB, repository)
        self.started.emit(repository)

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.received.disconnect(self._on_received)
            child.ended.disconnect(self._on_ended)
            child.ended.connect(child.deleteLater)
            child.cancel()

    def _build_layout(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(*[SPACING.wide] * 4)
        column.setSpacing(SPACING.medium)
        column.addWidget(self._title)
        column.addWidget(self.words)
        column.addWidget(self.table, 1)
        column.addWidget(self._summary)
        column.addLayout(dialog_buttons(self._close, self.download_button))
        self.resize(_USUAL_SIZE)
