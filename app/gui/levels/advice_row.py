"""Recommend a level for a purpose, in a sentence with the reasons."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.language import tr
from app.estimation.advisor import USES, Advice, Use
from app.gui.theme.tokens import SPACING
from app.gui.widgets.drop_down import DropDown
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.plain_text import plain_tool_tip
from app.gui.widgets.wheel_guard import WheelGuard


class AdviceRow(QWidget):
    """A box of purposes, and the recommendation below it.

    Signals:
        changed: the user chose another purpose.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        words: dict[Use, str] = {
            "chat": tr("Chat on this machine"),
            "long_context": tr("A long context"),
            "edge": tr("A phone or edge device"),
            "quality": tr("The best quality"),
            "smallest": tr("The smallest file"),
            "server": tr("A GPU server"),
        }
        self.use = DropDown()
        self.use.setAccessibleName(tr("What the model is for"))
        for use in USES:
            self.use.addItem(words[use], use)
        self.sentence = PlainLabel("", wrap=True, selectable=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.medium)
        row.addWidget(self.use)
        row.addWidget(self.sentence, 1)
        WheelGuard(self)
        self.use.currentIndexChanged.connect(self.changed)

    @property
    def value(self) -> Use:
        """The chosen purpose."""
        return USES[self.use.currentIndex()]

    def show_advice(self, advice: Advice) -> None:
        """Show a recommendation."""
        recommended = tr("Recommended: {sentence}", sentence=advice.sentence)
        words = recommended if advice.level else advice.sentence
        if words == self.sentence.whole_text:
            return
        self.sentence.set_text(words)
        others = "\n".join(advice.alternatives)
        self.sentence.setToolTip(plain_tool_tip(others))
        self.sentence.setAccessibleDescription(others)

    def show_words(self, words: str) -> None:
        """Show why there is no recommendation."""
        self.sentence.set_text(words)
        self.sentence.setToolTip("")
