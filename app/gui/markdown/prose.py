"""Show laid-out text of a message, as tall as its content, and load nothing."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QMimeData, QRectF, QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextBlock,
    QTextCursor,
    QTextDocument,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser, QWidget

from app.core.language import tr
from app.gui.markdown.document_writer import write_markdown
from app.gui.markdown.formatting import format_plain, quoted_blocks
from app.gui.markdown.links import external_link, shown_target
from app.gui.markdown.selected_text import selected_text
from app.gui.markdown.table_width import TableWidths, table_widths
from app.gui.markdown.tasks import paint_task, task_blocks
from app.gui.markdown.wheel import SidewaysBar, is_sideways
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.plain_text import plain_tool_tip

_NEVER = Qt.ScrollBarPolicy.ScrollBarAlwaysOff
_IF_NEEDED = Qt.ScrollBarPolicy.ScrollBarAsNeeded


class ProseView(QTextBrowser):
    """Markdown or plain text that can be selected; only web and email addresses are links.

    A table that is wider than the page scrolls sideways.

    Signals:
        link_clicked: the user activated a link; nothing has been opened.
    """

    link_clicked = Signal(QUrl)

    def __init__(self, theme: Theme, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._source = ""
        self._is_markdown = True
        self._natural_width = 0
        self._has_caret = False
        self._quoted: list[QTextBlock] = []
        self._tasks: list[QTextBlock] = []
        self._tables: list[TableWidths] = []
        self.setProperty("role", "prose")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(_NEVER)
        self.setHorizontalScrollBarPolicy(_NEVER)
        SidewaysBar(self)
        self.horizontalScrollBar().rangeChanged.connect(self._fit)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._has_width = False
        self.document().setDocumentMargin(0)
        self.document().setIndentWidth(SPACING.wide)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self.anchorClicked.connect(self._activate)
        self.highlighted.connect(self._show_target)
        theme.changed.connect(self._lay_out)

    def show_markdown(self, source: str) -> None:
        """Lay out Markdown; HTML in it is shown as it is written."""
        self._source, self._is_markdown = source, True
        self._lay_out()

    def show_plain(self, text: str) -> None:
        """Show plain text unchanged."""
        self._source, self._is_markdown = text, False
        self._lay_out()

    def show_caret(self, is_shown: bool) -> None:  # noqa: FBT001 - a property's value
        """Show or hide a caret after the last character."""
        if is_shown != self._has_caret:
            self._has_caret = is_shown
            self.viewport().update()

    def loadResource(self, kind: int, name: QUrl | str) -> Any:  # noqa: ARG002 - Qt's signature
        """Load nothing: no file, no network share, no URL."""
        # Qt opens the name itself if the image is empty, so it gets one to draw.
        if kind == QTextDocument.ResourceType.ImageResource.value:
            image = QImage(1, 1, QImage.Format.Format_ARGB32)
            image.fill(Qt.GlobalColor.transparent)
            return image
        return b""

    def sizeHint(self) -> QSize:
        """Return the width without line breaks, so that a short message stays small."""
        return QSize(self._natural_width, self.height())

    def minimumSizeHint(self) -> QSize:
        """Return no minimum: text can wrap at any width."""
        return QSize(0, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Adapt the height to the new line breaks."""
        self._has_width = True
        super().resizeEvent(event)
        self._fit_tables()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the text, and a line beside quotations."""
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        layout = self.document().documentLayout()
        for block in self._quoted:
            area = layout.blockBoundingRect(block)
            left = -self.horizontalScrollBar().value()
            bar = QRectF(left, area.top(), SIZE.quote, area.height())
            painter.fillRect(bar, QColor(self._theme.colors.outline))
        painter.translate(-self.horizontalScrollBar().value(), 0)
        for block in self._tasks:
            paint_task(painter, block, self._theme.colors)
        painter.resetTransform()
        if self._has_caret:
            painter.fillRect(self._caret(), QColor(self._theme.colors.accent))
        painter.end()

    def _caret(self) -> QRectF:
        end = QTextCursor(self.document())
        end.movePosition(QTextCursor.MoveOperation.End)
        line = self.cursorRect(end)
        metrics = self.fontMetrics()
        width = metrics.horizontalAdvance("0")
        left = min(line.left() + SIZE.focus, self.viewport().width() - width)
        return QRectF(left, line.top(), width, metrics.height())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll sideways here; leave vertical scrolling to the page."""
        if is_sideways(event):
            super().wheelEvent(event)
        else:
            event.ignore()

    def createMimeDataFromSelection(self) -> QMimeData:
        """Copy words, not the colors of the theme."""
        data = QMimeData()
        data.setText(selected_text(self.textCursor()))
        return data

    def _lay_out(self) -> None:
        document = self.document()
        # Lay out once at the end instead of once per format.
        document.setLayoutEnabled(False)
        self._tables = []
        document.setDefaultFont(self.font())
        if not self._has_width:
            # Until the real width is known, a likely one avoids the layout of a very narrow column.
            document.setTextWidth(SIZE.reading)
        if self._is_markdown:
            image_words = tr("[image: {name}]")
            has_links = write_markdown(document, self._source, self._theme.colors, image_words)
        else:
            has_links = False
            document.setPlainText(self._source)
            format_plain(document)
        self._quoted = list(quoted_blocks(document))
        self._tasks = list(task_blocks(document))
        self._tables = table_widths(document)
        self._fit_tables()
        document.setLayoutEnabled(True)
        if not self._is_markdown:
            self._measure()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if has_links else Qt.FocusPolicy.ClickFocus)
        self._fit()

    def _measure(self) -> None:
        width = self.document().textWidth()
        self.document().setTextWidth(-1)
        self._natural_width = math.ceil(self.document().idealWidth()) + 1
        self.document().setTextWidth(width)
        self.updateGeometry()

    def _fit_tables(self) -> None:
        width = self.viewport().width() if self._has_width else SIZE.reading
        for table in self._tables:
            table.fit(width)

    def _fit(self) -> None:
        height = math.ceil(self.document().size().height())
        # Qt makes a table that fits a few pixels too wide.
        scrolls = self.horizontalScrollBar().maximum() > SPACING.tiny
        self.setHorizontalScrollBarPolicy(_IF_NEEDED if scrolls else _NEVER)
        if scrolls:
            height += SIZE.scroll_bar
        if height != self.height():
            self.setFixedHeight(height)

    def _activate(self, address: QUrl) -> None:
        allowed = external_link(address)
        if allowed is not None:
            self.link_clicked.emit(allowed)

    def _show_target(self, address: QUrl) -> None:
        allowed = external_link(address)
        self.setToolTip(plain_tool_tip(shown_target(allowed)) if allowed is not None else "")
