"""A folder or file: typed, or picked in the system's dialog."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button


class PathField(QWidget):
    """A line edit for a path and a button that browses for it.

    Args:
        theme: colours.
        name: the accessible name, and the title of the dialog.
        kind: what is picked.
        file_filter: for files, for example `GGUF (*.gguf)`.
        hint: shown while the field is empty, for example the default.

    Signals:
        changed: a person entered or picked another path; the text, which may be empty.
    """

    changed = Signal(str)

    def __init__(
        self,
        theme: Theme,
        name: str,
        kind: Literal["folder", "file"] = "folder",
        *,
        file_filter: str = "",
        hint: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._kind, self._file_filter = kind, file_filter
        self._line = QLineEdit()
        self._line.setPlaceholderText(hint)
        self._line.setMinimumWidth(SIZE.field)
        self._browse = Button(theme, self.tr("Browse…"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(self._line, 1)
        row.addWidget(self._browse)
        self.setFocusProxy(self._line)
        self.setAccessibleName(name)
        self._line.setAccessibleName(name)
        self._browse.setAccessibleName(self.tr("Browse for: {name}").replace("{name}", name))
        self._told = ""
        self._line.editingFinished.connect(self._tell)
        self._browse.clicked.connect(self._pick)

    @property
    def path(self) -> str:
        """What is entered, without blanks at its ends."""
        return self._line.text().strip()

    def set_path(self, path: str) -> None:
        """Show a path without telling."""
        self._line.setText(path)
        self._told = self.path

    def _tell(self) -> None:
        if self.path != self._told:
            self._told = self.path
            self.changed.emit(self.path)

    def _pick(self) -> None:
        title = self.accessibleName()
        start = self.path if Path(self.path).exists() else ""
        if self._kind == "folder":
            picked = QFileDialog.getExistingDirectory(self, title, start)
        else:
            picked, _ = QFileDialog.getOpenFileName(self, title, start, self._file_filter)
        if picked:
            self._line.setText(picked)
            self._tell()
