"""Card with a row for each download that runs, waits or was interrupted."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.language import tr
from app.core.sizes import format_bytes
from app.gui.pages.models.download_row import DownloadRow
from app.gui.services.download_list import DownloadList
from app.gui.services.download_state import Download
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn
from app.library.download_queue import Move
from app.library.unfinished_downloads import DownloadKey

_MOST_ROWS = 3.5
"""The height of the list in rows; half a row tells that there are more."""


class DownloadsCard(Card):
    """Follows the list of downloads, in its order; hidden while it is empty.

    Args:
        theme: colors.
        downloads: what to show.
        tabbed_before: the control from which Tab goes on to the first row.
    """

    def __init__(
        self,
        theme: Theme,
        downloads: DownloadList,
        tabbed_before: QWidget,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent=parent)
        self.setAccessibleName(tr("Downloads"))
        self._theme = theme
        self._downloads = downloads
        self._tabbed_before = tabbed_before
        self.rows: dict[DownloadKey, DownloadRow] = {}
        self.pause_all = Button(theme, tr("Pause all"), "quiet", icon_name="pause", compact=True)
        self.resume_all = Button(theme, tr("Resume all"), "quiet", icon_name="play", compact=True)
        self._scroll = ScrollColumn()
        self.add(self._heading())
        self.add(self._scroll)
        self.pause_all.clicked.connect(lambda: downloads.pause(downloads.downloads))
        self.resume_all.clicked.connect(lambda: downloads.resume(downloads.downloads))
        downloads.changed.connect(self._show)
        self._show()

    @property
    def safe_control(self) -> QWidget | None:
        """The control that gets the focus when the one that has it can't be used any more."""
        buttons = [self.pause_all, self.resume_all]
        buttons += [row.go_button for row in self.rows.values()]
        return next((one for one in buttons if one.isEnabled() and not one.isHidden()), None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make room for reasons that now take more lines."""
        super().resizeEvent(event)
        self._fit()

    def _heading(self) -> QWidget:
        heading = QWidget()
        line = QHBoxLayout(heading)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING.small)
        line.addWidget(PlainLabel(tr("Downloads"), "heading"), 1)
        line.addWidget(self.pause_all)
        line.addWidget(self.resume_all)
        return heading

    def _show(self) -> None:
        downloads = self._downloads.downloads
        shown = {download.key: download for download in downloads}
        before = list(self.rows)
        for key in self.rows.keys() - shown.keys():
            self._remove(self.rows.pop(key))
        for key, download in shown.items():
            if key in self.rows:
                self.rows[key].show_download(download)
            else:
                self.rows[key] = self._new_row(download)
        self.pause_all.setEnabled(any(download.can_pause for download in downloads))
        self.resume_all.setEnabled(any(download.can_resume for download in downloads))
        self.setVisible(bool(self.rows))
        if list(shown) != before:
            self._arrange(shown)
        self._fit()

    def _new_row(self, download: Download) -> DownloadRow:
        row = DownloadRow(self._theme, download)
        row.paused.connect(lambda: self._downloads.pause([row.download]))
        row.resumed.connect(lambda: self._downloads.resume([row.download]))
        row.discarded.connect(lambda: self._discard(row.download))
        row.moved.connect(lambda where: self._move(row, where))
        self._scroll.column.addWidget(row)
        # The layout would show it only later, and the card would not make room for it.
        row.show()
        return row

    def _remove(self, row: DownloadRow) -> None:
        self._scroll.column.removeWidget(row)
        row.hide()
        row.deleteLater()

    def _arrange(self, order: Iterable[DownloadKey]) -> None:
        self.rows = {key: self.rows[key] for key in order}
        stops = [self._tabbed_before, self.pause_all, self.resume_all]
        for place, row in enumerate(self.rows.values()):
            self._scroll.column.removeWidget(row)
            self._scroll.column.insertWidget(place, row)
            stops += row.controls
        for before, after in pairwise(stops):
            QWidget.setTabOrder(before, after)

    def _fit(self) -> None:
        """Be as high as the rows, up to a limit."""
        column = self._scroll.column
        height = column.sizeHint().height()
        if column.hasHeightForWidth():
            height = column.heightForWidth(self._scroll.viewport().width())
        share = min(1.0, _MOST_ROWS / max(1, len(self.rows)))
        self._scroll.setFixedHeight(round(height * share))

    def _move(self, row: DownloadRow, where: Move) -> None:
        self._downloads.move(row.download, where)
        self._scroll.reveal(row)

    def _discard(self, download: Download) -> None:
        """Ask, unless nothing has been fetched that could be lost."""
        if not download.done_bytes:
            self._downloads.discard(download)
            return
        plan = self._downloads.plan_discard(download)
        size = format_bytes(plan.size_bytes if plan else download.done_bytes)
        dialog = ConfirmDialog(
            self._theme,
            tr("Discard the download of {name}?", name=download.name),
            tr("This deletes the part that was downloaded and frees {size}.", size=size),
            [download.folder] if download.folder else [],
            tr("Discard"),
            self,
            is_destructive=True,
        )
        dialog.accepted.connect(lambda: self._downloads.discard(download))
        dialog.open()
