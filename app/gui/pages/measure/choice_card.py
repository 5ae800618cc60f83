"""Card to choose what is measured, on which text, and against which reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from app.core.builtin_text import BUILTIN_TEXT
from app.core.events import ModelListed
from app.core.language import tr
from app.gui.pages.measure.measure_choice import MeasureChoice
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.collapsible_card import CollapsibleCard
from app.gui.widgets.drop_down import DropDown
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.number_box import NumberBox
from app.gui.widgets.path_field import PathField
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.segmented_choice import SegmentedChoice

_USUAL_CHUNKS, _MOST_CHUNKS = 40, 100_000


class ChoiceCard(CollapsibleCard):
    """Keeps its values while other models are shown, except for the reference.

    Signals:
        changed: the user chose something else.
    """

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, tr("What to measure"), is_open=True, parent=parent)
        self.quality = QCheckBox(tr("Quality: perplexity and KL divergence"))
        self.speed = QCheckBox(tr("Speed and peak memory"))
        self.reference = DropDown()
        self.text = PathField(
            theme,
            tr("Text"),
            "file",
            file_filter=tr("Texts (*.txt *.md *.raw);;All files (*)"),
            hint=tr("A text like those the model will read and write"),
        )
        self.text_kind = SegmentedChoice(
            theme, tr("Text"), (("builtin", tr("Built-in text")), ("own", tr("Your text…")))
        )
        self.chunks = NumberBox(1, _MOST_CHUNKS)
        self.chunks.setValue(_USUAL_CHUNKS)
        self._fault = PlainLabel("", "caption", wrap=True)
        self._fault.set_tone("danger")
        self._paths: list[str] = []
        for box in (self.quality, self.speed):
            box.setChecked(True)
        self._arrange()
        self._show()
        for box in (self.quality, self.speed):
            box.clicked.connect(self._on_changed)
        self.reference.activated.connect(self._on_changed)
        self.text_kind.changed.connect(self._on_changed)
        self.text.changed.connect(self._on_changed)
        self.chunks.valueChanged.connect(self._on_changed)

    @property
    def choice(self) -> MeasureChoice:
        """What is chosen."""
        return MeasureChoice(
            has_quality=self.quality.isChecked(),
            has_speed=self.speed.isChecked(),
            text=self._text(),
            chunks=self.chunks.value(),
            reference=self._paths[self.reference.currentIndex()] if self._paths else "",
        )

    @property
    def fault(self) -> str:
        """The reason why nothing can be measured; empty if there is none."""
        choice = self.choice
        if not (choice.has_quality or choice.has_speed):
            return tr("Tick what to measure.")
        if not choice.has_quality or self.text_kind.value == "builtin":
            return ""
        if not choice.text:
            return tr("Choose a file with your text.")
        return "" if Path(choice.text).is_file() else tr("File not found.")

    def show_references(self, models: Sequence[ModelListed], labels: dict[str, str]) -> None:
        """Offer these references; one that is chosen and still there stays chosen."""
        paths = [model.path for model in models] + [""]
        chosen = self.choice.reference
        if paths != self._paths:
            index = paths.index(chosen) if chosen and chosen in paths else 0
            self._paths = paths
            self.reference.clear()
            self.reference.addItems([*(labels[path] for path in paths if path), tr("None")])
            self.reference.setCurrentIndex(index)
        self._show()

    def _text(self) -> str:
        if self.text_kind.value == "builtin":
            return BUILTIN_TEXT
        return str(Path(self.text.path).expanduser()) if self.text.path else ""

    def _on_changed(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        for row in self._quality_rows:
            row.setEnabled(self.quality.isChecked())
        self.set_summary(" · ".join(self._summary_words()))
        is_own = self.text_kind.value == "own"
        self.text.setVisible(is_own)
        is_wrong = is_own and bool(self.text.path and self.fault) and self.quality.isChecked()
        self.text.set_invalid(is_wrong)
        self._fault.set_text(self.fault if is_wrong else "")
        self._fault.setVisible(is_wrong)

    def _summary_words(self) -> Iterator[str]:
        choice = self.choice
        if choice.has_quality:
            name = self.reference.currentText()
            yield tr("quality against {name}", name=name) if choice.reference else tr("quality")
        if choice.has_speed:
            yield tr("speed and memory")
        if choice.has_quality and choice.text:
            is_own = self.text_kind.value == "own"
            yield Path(choice.text).name if is_own else tr("built-in text")

    def _arrange(self) -> None:
        boxes = QWidget()
        column = QVBoxLayout(boxes)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        column.addWidget(self.quality)
        column.addWidget(self.speed)
        texts = QWidget()
        column = QVBoxLayout(texts)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        column.addWidget(self.text_kind)
        column.addWidget(self.text)
        texts.setFocusProxy(self.text_kind)
        self._quality_rows = (
            FormRow(
                tr("Reference"),
                tr("The file of 16 bits to compare with. Without one, there is no KL divergence."),
                self.reference,
            ),
            FormRow(
                tr("Text"),
                tr("The model predicts each token of it. Use the same text for all levels."),
                texts,
                stacked=True,
            ),
            FormRow(
                tr("Length"),
                tr("Chunks of 512 tokens. More take longer and give more exact figures."),
                self.chunks,
            ),
        )
        self.chunks.setMinimumWidth(SIZE.field)
        self.add(boxes)
        for row in self._quality_rows:
            self.add(row)
        self.add(self._fault)
