"""List of distinct warnings in one notice."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.text_dialog import TextDialog
from app.gui.widgets.toast import Toast

_MAX_SENTENCES = 3
_MAX_CHARACTERS = 240


class NoticeList(Toast):
    """The first sentences, and a button that shows all; hidden while there are none.

    Args:
        theme: colors.
        can_mute: with a button "Don't show again", for what returns at every load.
        parent: the page or dialog that the warnings are about.

    Signals:
        muted: the sentences that the user never wants to see again.
    """

    muted = Signal(tuple)

    def __init__(
        self, theme: Theme, *, can_mute: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(theme, tr("Dismiss these warnings"), parent)
        self._sentences: tuple[str, ...] = ()
        self._dismissed: set[str] = set()
        self._lines = [PlainLabel(wrap=True, selectable=True) for _ in range(_MAX_SENTENCES)]
        self.all_button = Button(theme, tr("Show all"), "link", compact=True)
        self.mute_button = Button(theme, tr("Don't show again"), "quiet", compact=True)
        for line in self._lines:
            self.body.addWidget(line)
        row = QHBoxLayout()
        row.setSpacing(SPACING.small)
        row.addWidget(self.all_button)
        row.addStretch(1)
        row.addWidget(self.mute_button)
        self.body.addLayout(row)
        self.setTabOrder(self.all_button, self.mute_button)
        self.setTabOrder(self.mute_button, self.close_button)
        if not can_mute:
            self.mute_button.hide()
        self.all_button.clicked.connect(self._show_all)
        self.mute_button.clicked.connect(self._mute)
        self.dismissed.connect(self._forget)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The shown sentences."""
        return self._sentences

    def show_sentences(self, sentences: Sequence[str]) -> None:
        """Replace the sentences, without those that the user has dismissed.

        An empty list resets the dismissals.
        """
        self._dismissed &= set(sentences)
        shown = tuple(one for one in dict.fromkeys(sentences) if one not in self._dismissed)
        if shown == self._sentences:
            return
        self._sentences = shown
        if not shown:
            self.hide()
            return
        self._show_lines()
        self.appear("warning", "\n".join(shown))

    def _show_lines(self) -> None:
        count = len(self._sentences)
        is_cut = count > len(self._lines)
        for index, line in enumerate(self._lines):
            sentence = self._sentences[index] if index < count else ""
            shown = textwrap.shorten(sentence, _MAX_CHARACTERS, placeholder="…")
            is_cut = is_cut or shown.endswith("…")
            line.setVisible(bool(sentence))
            line.set_text(shown)
        self.all_button.set_text(tr("Show all {count}", count=f"{count:,}"))
        self.all_button.setVisible(is_cut)

    def _show_all(self) -> None:
        title = tr("Warnings")
        TextDialog(self._theme, title, "\n\n".join(self._sentences), self.window()).open()

    def _mute(self) -> None:
        sentences = self._sentences
        self.close_button.click()
        self.muted.emit(sentences)

    def _forget(self) -> None:
        self._dismissed |= set(self._sentences)
        self._sentences = ()
