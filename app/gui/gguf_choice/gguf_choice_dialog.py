"""Dialog to choose among the GGUF models of a repository."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from app.core.language import tr
from app.core.sizes import format_bytes
from app.gui.gguf_choice.gguf_finder import GgufFinder
from app.gui.gguf_choice.model_table import ModelChoiceTable
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.dialog_buttons import dialog_buttons
from app.gui.widgets.plain_label import PlainLabel
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
        self._finder = GgufFinder(self)
        self._title = PlainLabel("", "title", elide=True)
        self.words = PlainLabel("", wrap=True, selectable=True)
        self.table = ModelChoiceTable()
        self._summary = PlainLabel("", "muted")
        cancel = Button(theme, tr("Cancel"))
        self.download_button = Button(theme, tr("Download"), "primary", icon_name="download")
        self.download_button.setDefault(True)
        self._build_layout(cancel)
        self._finder.found.connect(self._on_found)
        self._finder.failed.connect(self.failed)
        self.table.changed.connect(self._show_choice)
        cancel.clicked.connect(self.reject)
        self.download_button.clicked.connect(self._choose)

    @property
    def is_busy(self) -> bool:
        """True until the files of the repository are known."""
        return self._finder.is_busy

    def open_for(self, request: DownloadRequest, wanted: str = "") -> None:
        """List the models of a repository, and ask for a choice unless there is only one.

        Args:
            request: the repository.
            wanted: the path of the file to tick instead of the recommended one.
        """
        self._wanted = wanted
        self._request = request
        self._finder.find(request)

    def stop(self) -> None:
        """Stop looking."""
        self._finder.stop()

    def _on_found(self) -> None:
        if len(self._finder.models) <= 1:
            self.chosen.emit([self._request])
        else:
            self._show()

    def _show(self) -> None:
        self.setWindowTitle(self._request.repository)
        self._title.set_text(self._request.repository)
        words = " ".join([tr("Choose the files to download."), *self._finder.notices])
        self.words.set_text(words)
        self.table.show_models(self._finder.models, self._wanted)
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
