"""Card with a row for each download that runs, waits or was interrupted."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.core.errors import AppError
from app.core.language import tr
from app.core.sentences import describe_error
from app.core.sizes import format_bytes
from app.gui.pages.models.download_row import DownloadRow
from app.gui.services.download_list import Download, DownloadKey, DownloadList
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE
from app.gui.widgets.card import Card
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.scroll_column import ScrollColumn
from app.library.removal import RemovalPlan


class DownloadsCard(Card):
    """Follows the list of downloads; hidden while it is empty.

    Args:
        theme: colors.
        downloads: what to show.
        tabbed_before: the control from which Tab goes on to the first row.

    Signals:
        failed: a sentence about a download that could not be discarded.
    """

    failed = Signal(str)

    def __init__(
        self,
        theme: Theme,
        downloads: DownloadList,
        tabbed_before: QWidget,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Downloads"), parent=parent)
        self._theme = theme
        self._downloads = downloads
        self._tabbed_before = tabbed_before
        self.rows: dict[DownloadKey, DownloadRow] = {}
        self._scroll = ScrollColumn()
        self.add(self._scroll)
        downloads.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        shown = {download.key: download for download in self._downloads.downloads}
        is_same = self.rows.keys() == shown.keys()
        for key in self.rows.keys() - shown.keys():
            self._remove(self.rows.pop(key))
        for key, download in shown.items():
            if key in self.rows:
                self.rows[key].show_download(download)
            else:
                self.rows[key] = self._new_row(download)
        self.setVisible(bool(self.rows))
        if not is_same:
            self._fit()

    def _new_row(self, download: Download) -> DownloadRow:
        row = DownloadRow(self._theme, download)
        row.paused.connect(lambda: self._downloads.pause(row.download))
        row.canceled.connect(lambda: self._downloads.cancel(row.download))
        row.resumed.connect(lambda: self._downloads.start(row.download.request))
        row.discarded.connect(lambda: self._ask_to_discard(row.download))
        self._scroll.column.addWidget(row)
        # The layout would show it only later, and the card would not make room for it.
        row.show()
        above = list(self.rows.values())
        QWidget.setTabOrder(above[-1].end_button if above else self._tabbed_before, row.go_button)
        QWidget.setTabOrder(row.go_button, row.end_button)
        return row

    def _remove(self, row: DownloadRow) -> None:
        self._scroll.column.removeWidget(row)
        row.hide()
        row.deleteLater()

    def _fit(self) -> None:
        """Be as high as the rows, up to a limit."""
        height = self._scroll.column.sizeHint().height()
        self._scroll.setFixedHeight(min(height, SIZE.field))

    def _ask_to_discard(self, download: Download) -> None:
        plan = self._downloads.plan_discard(download)
        if plan is None:
            return
        size = format_bytes(plan.size_bytes)
        dialog = ConfirmDialog(
            self._theme,
            tr("Discard the download of {name}?", name=download.name),
            tr("This deletes the part that was downloaded and frees {size}.", size=size),
            [download.folder],
            tr("Discard"),
            self,
            is_destructive=True,
        )
        dialog.accepted.connect(lambda: self._discard(plan))
        dialog.open()

    def _discard(self, plan: RemovalPlan) -> None:
        try:
            self._downloads.discard(plan)
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))
