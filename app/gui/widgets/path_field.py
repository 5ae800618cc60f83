"""Field for a folder or file, typed or picked in the system's dialog."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from app.core.language import tr
from app.gui.theme.restyle import restyle
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.plain_text import plain_tool_tip


class PathField(QWidget):
    """A line edit for a path, and a button that browses for it, or one for each kind.

    Args:
        theme: colors.
        name: the accessible name, and the title of the dialog.
        kind: the kind to pick or drop; `either` has a button for folders and one for files, and
            leaves drops to the page.
        file_filter: for files, for example `GGUF (*.gguf)`.
        hint: shown while the field is empty, for example the default.

    Signals:
        changed: the text that the user entered or picked, which may be empty.
        entered: the user pressed Enter in the field.
    """

    changed = Signal(str)
    entered = Signal()

    def __init__(
        self,
        theme: Theme,
        name: str,
        kind: Literal["folder", "file", "either"] = "folder",
        *,
        file_filter: str = "",
        hint: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._kind, self._file_filter = kind, file_filter
        self._line = QLineEdit()
        self._line.textChanged.connect(self._show_tool_tip)
        self.set_hint(hint)
        self._line.setMinimumWidth(SIZE.field)
        # The line edit would accept drops as text.
        self._line.setAcceptDrops(False)
        self.setAcceptDrops(kind != "either")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(self._line, 1)
        self.setAccessibleName(name)
        self._add_buttons(theme, kind, row)
        self.setFocusProxy(self._line)
        self._line.setAccessibleName(name)
        self._emitted = ""
        self._line.editingFinished.connect(self._emit)
        self._line.returnPressed.connect(self.entered)

    @property
    def path(self) -> str:
        """The text, without surrounding spaces."""
        return self._line.text().strip()

    def set_path(self, path: str) -> None:
        """Show a path without emitting `changed`."""
        self._line.setText(path)
        self._emitted = self.path

    def select_all(self) -> None:
        """Select the text, so that typing replaces it."""
        self._line.selectAll()

    def set_hint(self, hint: str) -> None:
        """Change the placeholder."""
        self._line.setPlaceholderText(hint)
        self._show_tool_tip()

    def set_invalid(self, is_invalid: bool) -> None:  # noqa: FBT001 - a property's value
        """Mark the text as invalid; a nearby text must explain why."""
        restyle(self._line, "invalid", is_invalid)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept a single path of the right kind."""
        event.setAccepted(bool(self._dropped(event)))

    def dropEvent(self, event: QDropEvent) -> None:
        """Enter the dropped path."""
        self._take(self._dropped(event))

    def _dropped(self, event: QDropEvent) -> str:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        is_right = Path.is_dir if self._kind == "folder" else Path.is_file
        return str(paths[0]) if len(paths) == 1 and is_right(paths[0]) else ""

    def _add_buttons(self, theme: Theme, kind: str, row: QHBoxLayout) -> None:
        browse, name = tr("Browse…"), self.accessibleName()
        if kind != "file":
            words = tr("Folder…") if kind == "either" else browse
            button = self._button(theme, words, tr("Browse for a folder: {name}", name=name))
            button.clicked.connect(self._pick_folder)
            row.addWidget(button)
        if kind != "folder":
            words = tr("File…") if kind == "either" else browse
            button = self._button(theme, words, tr("Browse for a file: {name}", name=name))
            button.clicked.connect(self._pick_file)
            row.addWidget(button)

    def _button(self, theme: Theme, words: str, spoken: str) -> Button:
        button = Button(theme, words)
        button.setAccessibleName(spoken)
        return button

    def _show_tool_tip(self) -> None:
        """Show the whole path, which may be longer than the field."""
        self._line.setToolTip(plain_tool_tip(self.path or self._line.placeholderText()))

    def _emit(self) -> None:
        if self.path != self._emitted:
            self._emitted = self.path
            self.changed.emit(self.path)

    def _pick_folder(self) -> None:
        self._take(QFileDialog.getExistingDirectory(self, self.accessibleName(), self._start()))

    def _pick_file(self) -> None:
        title = self.accessibleName()
        self._take(QFileDialog.getOpenFileName(self, title, self._start(), self._file_filter)[0])

    def _start(self) -> str:
        return self.path if self.path and Path(self.path).exists() else str(Path.home())

    def _take(self, picked: str) -> None:
        if picked:
            self._line.setText(picked)
            self._emit()
