"""Filters and the order of a search."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from msgspec.structs import asdict, replace
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QWidget

from app.core.hub_events import HubSearch
from app.core.language import tr
from app.core.sizes import GIGABYTE
from app.gui.theme.tokens import SPACING
from app.gui.widgets.drop_down import DropDown
from app.gui.widgets.wheel_guard import WheelGuard

_FIXED_LENGTH = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
_LETTERS = 4
_AROUND = 3
"""The room beside the words, in letters."""
_Fields = dict[str, Any]
_Choices = Sequence[tuple[str, _Fields]]


class FilterBar(QWidget):
    """A row of boxes, each with the fields of a `HubSearch` that its value sets.

    `order` and `fits` are for other rows.

    Signals:
        changed: the user chose another value.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes = {name: _box(name, choices) for name, choices in _filters().items()}
        self.order = _box(tr("Order"), _orders())
        self.fits = QCheckBox(tr("Fits this machine"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        for box in self.boxes.values():
            box.setSizeAdjustPolicy(_FIXED_LENGTH)
            box.setMinimumContentsLength(_LETTERS)
            row.addWidget(box, len(box.itemText(0)) + _AROUND)
        for box in (*self.boxes.values(), self.order):
            box.currentIndexChanged.connect(self.changed)
        self.fits.toggled.connect(self.changed)
        WheelGuard(self)

    @property
    def is_restricting(self) -> bool:
        """True if a filter leaves models out."""
        return replace(self.applied_to(HubSearch()), sort="trending") != HubSearch()

    def applied_to(self, search: HubSearch) -> HubSearch:
        """Return the search with these filters and this order."""
        fields: _Fields = {"fits_only": self.fits.isChecked()}
        for box in (*self.boxes.values(), self.order):
            fields |= box.currentData()
        return replace(search, **fields)

    def show_search(self, search: HubSearch) -> None:
        """Show the filters of a search."""
        fields = asdict(search)
        was_blocked = self.blockSignals(True)
        for box in (*self.boxes.values(), self.order):
            rows = [box.itemData(row) for row in range(box.count())]
            fitting = (row for row, chosen in enumerate(rows) if chosen.items() <= fields.items())
            box.setCurrentIndex(next(fitting, 0))
        self.fits.setChecked(search.fits_only)
        self.blockSignals(was_blocked)


def _box(name: str, choices: _Choices) -> DropDown:
    box = DropDown()
    box.setAccessibleName(name)
    for words, fields in choices:
        box.addItem(words, fields)
    return box


def _orders() -> _Choices:
    return (
        (tr("Trending"), {"sort": "trending"}),
        (tr("Most downloads"), {"sort": "downloads"}),
        (tr("Most likes"), {"sort": "likes"}),
        (tr("Recently updated"), {"sort": "updated"}),
    )


def _filters() -> dict[str, _Choices]:
    return {
        tr("Task"): _tasks(),
        tr("Format"): (
            (tr("Format"), {"format": ""}),
            ("safetensors", {"format": "safetensors"}),
            ("GGUF", {"format": "gguf"}),
        ),
        tr("Size"): _sizes(),
        tr("License"): (
            (tr("License"), {"license": ""}),
            *((name, {"license": name}) for name in LICENSES),
            (tr("Other"), {"license": "other"}),
        ),
        tr("Language"): _languages(),
        tr("Access"): (
            (tr("Access"), {"gated": None}),
            (tr("Open"), {"gated": False}),
            (tr("Gated"), {"gated": True}),
        ),
    }


def _tasks() -> _Choices:
    return (
        (tr("Task"), {"task": ""}),
        (tr("Text"), {"task": "text-generation"}),
        (tr("Text about images"), {"task": "image-text-to-text"}),
        (tr("Embeddings"), {"task": "feature-extraction"}),
        (tr("Speech to text"), {"task": "automatic-speech-recognition"}),
        (tr("Images"), {"task": "text-to-image"}),
    )


def _sizes() -> _Choices:
    bounds = (0, 1, 4, 9, 16, 40, 0)
    choices = [(tr("Size"), _between(0, 0))]
    for least, most in pairwise(bounds):
        if not least:
            words = tr("Up to {most} B", most=most)
        elif not most:
            words = tr("Over {least} B", least=least)
        else:
            words = tr("{least} to {most} B", least=least, most=most)
        choices.append((words, _between(least, most)))
    return choices


def _between(least: int, most: int) -> _Fields:
    return {"min_parameters": least * GIGABYTE, "max_parameters": most * GIGABYTE}


def _languages() -> _Choices:
    names = {
        "en": tr("English"),
        "zh": tr("Chinese"),
        "es": tr("Spanish"),
        "fr": tr("French"),
        "de": tr("German"),
        "pt": tr("Portuguese"),
        "it": tr("Italian"),
        "ru": tr("Russian"),
        "ja": tr("Japanese"),
        "ko": tr("Korean"),
        "ar": tr("Arabic"),
        "hi": tr("Hindi"),
    }
    found = [(name, {"language": code}) for code, name in names.items()]
    return [(tr("Language"), {"language": ""}), *found]


LICENSES = (
    "apache-2.0",
    "mit",
    "llama3.1",
    "llama3.2",
    "llama3.3",
    "gemma",
    "cc-by-4.0",
    "cc-by-nc-4.0",
    "bsd-3-clause",
)
