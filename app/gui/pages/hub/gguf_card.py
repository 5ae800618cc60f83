"""Card with the GGUF models of a repository; the best one for this machine is ticked."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.core.language import tr
from app.core.sizes import format_bytes
from app.gui.gguf_choice.gguf_finder import GgufFinder
from app.gui.gguf_choice.model_table import ModelChoiceTable
from app.gui.theme.tokens import SIZE
from app.gui.widgets.card import Card
from app.gui.widgets.plain_label import PlainLabel
from app.library.unfinished_downloads import DownloadRequest


class GgufCard(Card):
    """Lists the GGUF models of a repository, and lets the user choose among them.

    Signals:
        changed: `requests` or `summary` changed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("GGUF models"), parent=parent)
        self._request = DownloadRequest("")
        self._finder = GgufFinder(self)
        self.words = PlainLabel("", "muted", wrap=True, selectable=True)
        self.table = ModelChoiceTable()
        self.add(self.words)
        self.add(self.table)
        self.table.changed.connect(self.changed)
        self._finder.found.connect(self._show)
        self._finder.failed.connect(self._on_failed)

    def show_repository(self, repository: str, revision: str | None) -> None:
        """List the models of another repository."""
        self._request = DownloadRequest(repository, revision)
        self.table.show_models([])
        self.table.hide()
        self._say(tr("Listing the files…"))
        self._finder.find(self._request)

    def stop(self) -> None:
        """Stop listing."""
        self._finder.stop()

    @property
    def requests(self) -> list[DownloadRequest]:
        """The downloads of the ticked models."""
        repository, revision = self._request.repository, self._request.revision
        ticked = self.table.ticked()
        return [DownloadRequest(repository, revision, pattern=one.path) for one in ticked]

    @property
    def summary(self) -> str:
        """A sentence about the files that would be downloaded."""
        ticked = self.table.ticked()
        if self._finder.is_busy or not ticked:
            return "" if self._finder.is_busy else tr("Choose a file.")
        size = format_bytes(sum(one.size_bytes for one in ticked))
        names = ", ".join(one.level or one.path for one in ticked)
        return tr("Downloads {names}, {size}.", names=names, size=size)

    def _show(self) -> None:
        self._say(" ".join(self._finder.notices))
        self.table.show_models(self._finder.models)
        rows = self.table.rowCount() * SIZE.control
        header = self.table.horizontalHeader().sizeHint().height()
        self.table.setFixedHeight(min(rows + header + 2 * self.table.frameWidth(), SIZE.narrow))
        self.table.show()
        self.changed.emit()

    def _on_failed(self, _code: object, sentence: str, _log: str) -> None:
        self._say(sentence)
        self.changed.emit()

    def _say(self, words: str) -> None:
        self.words.set_text(words)
        self.words.setVisible(bool(words))
