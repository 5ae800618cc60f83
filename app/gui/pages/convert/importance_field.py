"""Choose no importance matrix, a text to make one from, or a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.pages.convert.conversion_options import (
    ConversionOptions,
    ImportanceKind,
    expanded_path,
    path_exists,
)
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.path_field import PathField
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.segmented_choice import SegmentedChoice


class ImportanceField(QWidget):
    """A choice, and a field for its file.

    Signals:
        changed: the user chose something else.
    """

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = SegmentedChoice(
            theme,
            tr("Importance matrix"),
            (
                ("none", tr("None")),
                ("builtin", tr("Built-in text")),
                ("text", tr("Your text…")),
                ("file", tr("From a file…")),
            ),
        )
        self.matrix = PathField(
            theme,
            tr("Importance matrix"),
            "file",
            file_filter=tr("Importance matrices (*.gguf *.dat *.imatrix);;All files (*)"),
            hint=tr("A .gguf or .dat file made with this model"),
        )
        self.text = PathField(
            theme,
            tr("Text to make an importance matrix from"),
            "file",
            file_filter=tr("Texts (*.txt *.md *.raw);;All files (*)"),
            hint=tr("A text like those the model will read and write"),
        )
        self._fields: dict[str, PathField] = {"file": self.matrix, "text": self.text}
        self._fault = PlainLabel("", "caption", wrap=True)
        self._fault.set_tone("danger")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        for widget in (self.kind, self.matrix, self.text, self._fault):
            column.addWidget(widget)
        self.setFocusProxy(self.kind)
        self._show()
        self.kind.changed.connect(self._on_changed)
        for field in self._fields.values():
            field.changed.connect(self._on_changed)

    def reset(self) -> None:
        """Choose no importance matrix."""
        self.kind.set_value("none")
        for field in self._fields.values():
            field.set_path("")
        self._show()

    @property
    def fault(self) -> str:
        """The reason why a conversion can't start; empty if there is none."""
        field = self._fields.get(self.kind.value)
        if field is None:
            return ""
        if not field.path:
            return tr("Choose a file, or no importance matrix.")
        if not path_exists(field.path):
            return tr("File not found.")
        is_folder = Path(expanded_path(field.path)).is_dir()
        return tr("That is a folder, not a file.") if is_folder else ""

    def choose_builtin_text(self) -> None:
        """Choose to make a matrix from the built-in text."""
        self.kind.set_value("builtin")
        self._on_changed()

    def offer_own_text(self) -> None:
        """Ask for a text of the user."""
        self.kind.set_value("text")
        self._on_changed()
        self.text.setFocus()

    def applied_to(self, options: ConversionOptions) -> ConversionOptions:
        """Return the options with this choice; a faulty one is left out."""
        if self.kind.value == "builtin":
            return replace(options, importance_kind="builtin", importance_path="")
        kind: ImportanceKind = "none"
        field = self._fields.get(self.kind.value)
        if field is not None and not self.fault:
            kind = "text" if field is self.text else "file"
        path = field.path if field is not None and kind != "none" else ""
        return replace(options, importance_kind=kind, importance_path=path)

    def _on_changed(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        chosen = self._fields.get(self.kind.value)
        # A field that is still empty is not called wrong before anything was entered.
        fault = self.fault if chosen is not None and chosen.path else ""
        for field in self._fields.values():
            field.setVisible(field is chosen)
            field.set_invalid(bool(fault) and field is chosen)
        self._fault.set_text(fault)
        self._fault.setVisible(bool(fault))
