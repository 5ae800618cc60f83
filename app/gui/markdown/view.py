"""Show Markdown that may still grow, and lay out only what changed."""

from __future__ import annotations

import time

from PySide6.QtCore import QTimer, QUrl, Signal
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.markdown.blocks import MAX_CODE, Block, Code, Prose, normalize, split_blocks
from app.gui.markdown.code import CodeBlock
from app.gui.markdown.prose import ProseView
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING

_LONGEST_STEP = 4_000
_UNSETTLED = 2
# After a slow layout, such as of a large table, wait this many times as long for other events.
_BREATHER = 8
_SLOW_SECONDS = 0.02


class MarkdownView(QWidget):
    """A column of prose and code blocks.

    A long text is laid out in steps, so that the window stays responsive. Call `append` for text
    that grows, at most about thirty times a second.

    Args:
        theme: colors.
        name: the accessible name of the prose.

    Signals:
        link_clicked: the user activated a web or email address; nothing has been opened.
        settled: all of the text so far is laid out.
    """

    link_clicked = Signal(QUrl)
    settled = Signal()

    def __init__(self, theme: Theme, name: str, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._theme = theme
        self._pieces: list[str] = []
        self._waiting = ""
        self._tail = ""
        self._tail_begins = 0
        self._shown: list[Block] = []
        self._widgets: list[ProseView | CodeBlock] = []
        self._is_growing = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACING.medium)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self._next_step = QTimer(self, singleShot=True)
        self._next_step.timeout.connect(self._continue)

    @property
    def text(self) -> str:
        """The exact text."""
        return "".join(self._pieces)

    def set_text(self, markdown: str) -> None:
        """Show `markdown` in place of the current text."""
        if markdown == self.text:
            return
        self._pieces, self._waiting = [], ""
        self._tail, self._tail_begins = "", 0
        self._next_step.stop()
        self.append(markdown)

    def set_growing(self, is_growing: bool) -> None:  # noqa: FBT001 - a property's value
        """Show a caret where the text grows."""
        self._is_growing = is_growing
        self._place_caret()

    def append(self, text: str) -> None:
        """Add text at the end."""
        self._pieces.append(text)
        self._waiting += text
        if not self._next_step.isActive():
            self._step()

    def _step(self) -> None:
        began = time.monotonic()
        # A growing block is parsed again each time: larger steps limit the total cost.
        step = max(_LONGEST_STEP, len(self._tail) // 2)
        piece, self._waiting = self._waiting[:step], self._waiting[step:]
        self._tail = normalize(self._tail + piece)
        kept = self._shown[: self._tail_begins]
        max_code = MAX_CODE - sum(isinstance(block, Code) for block in kept)
        blocks = split_blocks(self._tail, tr("… {count} more rows"), max_code)
        self._show(self._tail_begins, blocks)
        self._settle(blocks)
        if self._waiting:
            self._next_step.start(0)
            return
        self.settled.emit()
        took = time.monotonic() - began
        if took > _SLOW_SECONDS:
            self._next_step.start(round(took * _BREATHER * 1000))

    def _continue(self) -> None:
        if self._waiting:
            self._step()

    def _settle(self, blocks: list[Block]) -> None:
        """Finish the blocks that more text can't change: all but the last ones."""
        if len(blocks) <= _UNSETTLED:
            return
        begin = blocks[-_UNSETTLED].start
        self._tail_begins += sum(block.start < begin for block in blocks)
        self._tail = self._tail[begin:]

    def _show(self, first: int, blocks: list[Block]) -> None:
        for index, block in enumerate(blocks, first):
            old = self._shown[index] if index < len(self._shown) else None
            if old is None or type(old) is not type(block):
                self._place(index, block, is_new=old is None)
            if old is None or _content(old) != _content(block):
                self._fill(self._widgets[index], block)
        self._drop(first + len(blocks))
        self._shown = self._shown[:first] + blocks
        self._place_caret()

    def _place(self, index: int, block: Block, *, is_new: bool) -> None:
        widget = ProseView(self._theme) if isinstance(block, Prose) else CodeBlock(self._theme)
        if isinstance(widget, ProseView):
            widget.setAccessibleName(self.accessibleName())
            widget.link_clicked.connect(self.link_clicked)
        if is_new:
            self._widgets.append(widget)
        else:
            self._discard(self._widgets[index])
            self._widgets[index] = widget
        self._column.insertWidget(index, widget)

    def _fill(self, widget: ProseView | CodeBlock, block: Block) -> None:
        if isinstance(block, Prose) and isinstance(widget, ProseView):
            widget.show_markdown(block.source)
        elif isinstance(block, Code) and isinstance(widget, CodeBlock):
            widget.show_code(block.language, block.text)

    def _place_caret(self) -> None:
        last = self._widgets[-1] if self._is_growing and self._widgets else None
        for widget in self._widgets:
            if isinstance(widget, ProseView):
                widget.show_caret(widget is last)

    def _drop(self, first: int) -> None:
        for widget in self._widgets[first:]:
            self._discard(widget)
        del self._widgets[first:]

    def _discard(self, widget: QWidget) -> None:
        self._column.removeWidget(widget)
        widget.hide()
        widget.deleteLater()


def _content(block: Block) -> tuple[str, ...]:
    """Return the content of a block without its position."""
    if isinstance(block, Prose):
        return ("", block.source)
    return (block.language, block.text)
