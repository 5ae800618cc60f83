"""Offer and carry out remedies for errors and notices of a conversion."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.core.errors import ErrorCode, NoticeCode
from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.widgets.confirm_dialog import ConfirmDialog

_PICKLE, _BASE, _IMPORTANCE, _REQUANTIZE = "pickle", "base", "importance", "requantize"
_CONVERTER, _ROUNDING, _TEXT = "converter", "rounding", "text"
_OFFERS: dict[ErrorCode | NoticeCode, tuple[str, str]] = {
    ErrorCode.PICKLE_WEIGHTS: (_PICKLE, tr("Read weights only")),
    ErrorCode.ADAPTER_BASE_MISSING: (_BASE, tr("Choose the base model…")),
    ErrorCode.ADAPTER_BASE_UNNAMED: (_BASE, tr("Choose the base model…")),
    ErrorCode.LEVEL_NEEDS_IMPORTANCE_MATRIX: (_IMPORTANCE, tr("Make one from the built-in text")),
    ErrorCode.TYPE_NEEDS_IMPORTANCE_MATRIX: (_IMPORTANCE, tr("Make one from the built-in text")),
    ErrorCode.TEXT_SHORT: (_TEXT, tr("Choose another text…")),
    ErrorCode.TEXT_REPEATS: (_TEXT, tr("Choose another text…")),
    ErrorCode.TEXT_UNUSABLE: (_TEXT, tr("Choose another text…")),
    ErrorCode.GRADIENTS_UNAVAILABLE: (_ROUNDING, tr("Leave the rounding uncorrected")),
    ErrorCode.WEIGHTS_QUANTIZED_ALREADY: (_REQUANTIZE, tr("Quantize again…")),
    NoticeCode.LEVELS_LOSE_TWICE: (_REQUANTIZE, tr("Quantize again…")),
    ErrorCode.CONVERTER_MISSING: (_CONVERTER, tr("Download the converter")),
}


class Remedies(QObject):
    """Offers the actions of a notice, and carries them out.

    Signals:
        pickle_allowed: the user agreed to weights in pickle files.
        base_chosen: the folder of the model that the adapter belongs to.
        importance_wanted: the user wants to make an importance matrix.
        requantizing_allowed: the user agreed to quantize a second time.
        converter_wanted: the user wants to download llama.cpp's converter.
        text_wanted: the user wants to choose another text.
        plain_rounding_wanted: the user does without corrected rounding.
    """

    pickle_allowed = Signal()
    base_chosen = Signal(str)
    importance_wanted = Signal()
    requantizing_allowed = Signal()
    converter_wanted = Signal()
    text_wanted = Signal()
    plain_rounding_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._window = parent

    def actions(self, code: ErrorCode | NoticeCode | None) -> list[tuple[str, str]]:
        """Return the actions for an error or notice, as `NoticeBar.show_notice` takes them."""
        offer = _OFFERS.get(code) if code is not None else None
        return [offer] if offer is not None else []

    def act(self, action: str) -> None:
        """Carry out the action of a button."""
        if action == _PICKLE:
            self._ask_for_pickle()
        elif action == _BASE:
            self._ask_for_base()
        elif action == _IMPORTANCE:
            self.importance_wanted.emit()
        elif action == _REQUANTIZE:
            self._ask_to_requantize()
        elif action == _TEXT:
            self.text_wanted.emit()
        elif action == _ROUNDING:
            self.plain_rounding_wanted.emit()
        elif action == _CONVERTER:
            self.converter_wanted.emit()

    def _ask_for_pickle(self) -> None:
        dialog = ConfirmDialog(
            self._theme,
            tr("Read pickle files?"),
            tr(
                "Pickle files can carry code that runs when they are read. Gristmill reads them "
                "with torch's reader for weights alone, which refuses code, and stops if there is "
                "any. Continue only if you trust where this model comes from."
            ),
            (),
            tr("Read weights only"),
            self._window,
        )
        dialog.accepted.connect(self.pickle_allowed)
        dialog.open()

    def _ask_to_requantize(self) -> None:
        dialog = ConfirmDialog(
            self._theme,
            tr("Quantize again?"),
            tr(
                "These weights are quantized already. Quantizing them again loses more quality "
                "than the same level made from 16-bit weights."
            ),
            (),
            tr("Quantize again"),
            self._window,
        )
        dialog.accepted.connect(self.requantizing_allowed)
        dialog.open()

    def _ask_for_base(self) -> None:
        title = tr("Choose the base model's folder")
        if folder := QFileDialog.getExistingDirectory(self._window, title):
            self.base_chosen.emit(folder)
