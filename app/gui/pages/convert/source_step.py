"""The wizard's first step: a checkpoint, adapter or file, from this machine or the Hub."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QListWidgetItem, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.item_list import ItemList
from app.gui.widgets.path_field import PathField
from app.gui.widgets.plain_label import PlainLabel
from app.library.downloaded_checkpoints import downloaded_checkpoints

_FOLDER = Qt.ItemDataRole.UserRole


class SourceStep(QWidget):
    """Asks for a folder, a file or a repository.

    Signals:
        chosen: the source, as `gristmill convert` takes it.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = PathField(
            theme,
            tr("Choose a model"),
            "either",
            file_filter=tr("GGUF (*.gguf)"),
            hint=tr("owner/name on Hugging Face, a folder or a .gguf file"),
        )
        self.fault = PlainLabel("", wrap=True, selectable=True)
        self.fault.set_tone("danger")
        self.fault.hide()
        self.checkpoints = ItemList(tr("Downloaded checkpoints"))
        self._heading = PlainLabel(tr("Downloaded"), "heading")
        self.next_button = Button(theme, tr("Continue"), "primary")
        self._build_layout()
        self.source.changed.connect(lambda _: self.checkpoints.clearSelection())
        self.source.entered.connect(self._choose)
        self.checkpoints.itemClicked.connect(self._take)
        self.checkpoints.itemActivated.connect(self._choose)
        self.next_button.clicked.connect(self._choose)

    def refresh(self) -> None:
        """Update the list of downloaded checkpoints."""
        self.checkpoints.clear()
        for checkpoint in downloaded_checkpoints():
            item = QListWidgetItem(checkpoint.name)
            item.setData(_FOLDER, str(checkpoint.folder))
            self.checkpoints.addItem(item)
        has_any = self.checkpoints.count() > 0
        self._heading.setVisible(has_any)
        self.checkpoints.setVisible(has_any)
        rows = sum(map(self.checkpoints.sizeHintForRow, range(self.checkpoints.count())))
        self.checkpoints.setMaximumHeight(rows + 2 * self.checkpoints.frameWidth())

    def set_source(self, text: str) -> None:
        """Fill in the source."""
        self.source.set_path(text)

    def show_fault(self, sentence: str) -> None:
        """Say below the field what is wrong with the source, which stays there to be corrected."""
        self.fault.set_text(sentence)
        self.fault.setVisible(bool(sentence))
        self.source.set_invalid(bool(sentence))
        self.source.setFocus()

    def _build_layout(self) -> None:
        card = Card(tr("Choose a source"))
        card.add(
            PlainLabel(
                tr(
                    "A Hugging Face repository, a model folder (config.json + safetensors), a "
                    "LoRA adapter, or a GGUF file in F32, F16, BF16 or Q8_0. You can also drop "
                    "it here."
                ),
                "muted",
                wrap=True,
            )
        )
        card.add(self.source)
        card.add(self.fault)
        card.add(self._heading)
        card.add(self.checkpoints)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.next_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.large)
        column.addWidget(card)
        column.addLayout(buttons)
        column.addStretch(1)

    def _take(self, item: QListWidgetItem) -> None:
        self.source.set_path(item.data(_FOLDER))

    def _choose(self) -> None:
        self.show_fault("")
        if self.source.path:
            self.chosen.emit(self.source.path)
