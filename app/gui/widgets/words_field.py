"""Field for several words, separated by spaces and checked one by one."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from app.gui.theme.restyle import restyle


class WordsField(QLineEdit):
    """A line edit for words.

    Args:
        is_right: returns whether a word is valid.
        hint: an example, shown while the field is empty.

    Signals:
        changed: the words that the user entered, each once; all of them are valid.
        refused: the first invalid word.
    """

    changed = Signal(tuple)
    refused = Signal(str)

    def __init__(
        self, is_right: Callable[[str], bool], hint: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._is_right = is_right
        self.setPlaceholderText(hint)
        self.editingFinished.connect(self._take)

    @property
    def words(self) -> tuple[str, ...]:
        """The words, each once."""
        return tuple(dict.fromkeys(self.text().split()))

    def set_words(self, words: tuple[str, ...]) -> None:
        """Show words without emitting `changed`."""
        self.setText(" ".join(words))

    def set_invalid(self, is_invalid: bool) -> None:  # noqa: FBT001 - a property's value
        """Mark the words as invalid; a nearby text must explain why."""
        restyle(self, "invalid", is_invalid)

    def _take(self) -> None:
        words = self.words
        odd = next((word for word in words if not self._is_right(word)), None)
        if odd is None:
            self.changed.emit(words)
        else:
            self.refused.emit(odd)
