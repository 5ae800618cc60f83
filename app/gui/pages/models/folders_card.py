"""Card with the folders of the library, and with other programs whose models can be shown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.core.events import FolderListed
from app.core.language import tr, tr_count
from app.core.sizes import format_bytes
from app.gui.services.workbench import Workbench
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.collapsible_card import CollapsibleCard
from app.gui.widgets.plain_label import PlainLabel


class FoldersCard(CollapsibleCard):
    """Lists where models are looked for; folders are added and removed, their files are not."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench.theme, tr("Folders"), parent=parent)
        self._theme = workbench.theme
        self._models = workbench.models
        self._settings = workbench.settings
        self.rows: list[FolderRow] = []
        self._rows = QVBoxLayout()
        self._rows.setSpacing(SPACING.medium)
        holder = QWidget()
        holder.setLayout(self._rows)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self.add(holder)
        self.add_button = Button(workbench.theme, tr("Add a folder…"), icon_name="plus")
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.add_button)
        line.addStretch(1)
        foot = QWidget()
        foot.setLayout(line)
        self.add(foot)
        self.add_button.clicked.connect(self._pick)
        self._models.changed.connect(self._show)
        self._show()

    def add_folder(self, folder: str) -> None:
        """Add a folder to look for models in."""
        added = dict.fromkeys((*self._settings.value.added_models, folder))
        self._settings.change(added_models=tuple(added))

    def _pick(self) -> None:
        title = tr("Add a folder with models")
        picked = QFileDialog.getExistingDirectory(self, title, str(Path.home()))
        if picked:
            self.add_folder(picked)

    def _show(self) -> None:
        folders = [*_own(self._models.folders), *_by_program(self._models.folders)]
        if [row.folder for row in self.rows] != folders:
            self._replace_rows(folders)
        self.set_summary(_summary(folders))

    def _replace_rows(self, folders: Iterable[FolderListed]) -> None:
        for row in self.rows:
            self._rows.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = [self._row(folder) for folder in folders]
        for row in self.rows:
            self._rows.addWidget(row)

    def _row(self, folder: FolderListed) -> FolderRow:
        value, state = self._settings.value, _state(folder)
        if folder.path == str(value.models_path()):
            state = tr("{state}; downloads go here", state=state)
        can_go = folder.program or folder.path in value.added_models
        row = FolderRow(self._theme, folder, state, _action(folder) if can_go else "")
        row.button.clicked.connect(lambda: self._act(folder))
        return row

    def _act(self, folder: FolderListed) -> None:
        value = self._settings.value
        if not folder.program:
            added = tuple(path for path in value.added_models if path != folder.path)
            self._settings.change(added_models=added)
        elif folder.is_shown:
            shown = tuple(name for name in value.shown_programs if name != folder.program)
            self._settings.change(shown_programs=shown)
        else:
            self._settings.change(shown_programs=(*value.shown_programs, folder.program))


class FolderRow(QWidget):
    """A folder with its contents in figures, and a button that removes or shows it, if possible."""

    def __init__(
        self,
        theme: Theme,
        folder: FolderListed,
        state: str,
        action: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.folder = folder
        self.name = PlainLabel(folder.program or folder.path, elide=True)
        self.state = PlainLabel(state, "caption", elide=True)
        if not folder.is_connected:
            self.state.set_tone("warning")
        self.button = Button(theme, action, compact=True)
        self.button.setAccessibleDescription(folder.program or folder.path)
        self.button.setVisible(bool(action))
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.name)
        words.addWidget(self.state)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addLayout(words, 1)
        row.addWidget(self.button)


def _own(folders: Iterable[FolderListed]) -> list[FolderListed]:
    return [folder for folder in folders if not folder.program]


def _by_program(folders: Iterable[FolderListed]) -> list[FolderListed]:
    """Return one entry for each program that has models, wherever it keeps them."""
    merged: dict[str, FolderListed] = {}
    for folder in folders:
        if not folder.program or not folder.models:
            continue
        before = merged.get(folder.program)
        merged[folder.program] = _together(before, folder) if before else folder
    return list(merged.values())


def _together(one: FolderListed, other: FolderListed) -> FolderListed:
    return FolderListed(
        path=f"{one.path}, {other.path}",
        models=one.models + other.models,
        size_bytes=one.size_bytes + other.size_bytes,
        program=one.program,
        is_shown=one.is_shown,
    )


def _action(folder: FolderListed) -> str:
    if not folder.program:
        return tr("Remove")
    return tr("Hide them") if folder.is_shown else tr("Show them")


def _state(folder: FolderListed) -> str:
    count = _count(folder.models)
    size = format_bytes(folder.size_bytes)
    if not folder.is_connected:
        if not folder.models:
            return tr("Not connected")
        words = tr("Not connected; {count}, {size} when last seen")
    elif folder.program and folder.is_shown:
        words = tr("{count}, {size}, used in place: {path}")
    elif folder.program:
        words = tr("{count}, {size}, can be used in place: {path}")
    elif not folder.models:
        return tr("No models yet")
    else:
        words = tr("{count}, {size}")
    return words.format(count=count, size=size, path=folder.path)


def _summary(folders: Iterable[FolderListed]) -> str:
    """Return the important facts for the closed card."""
    folders = list(folders)
    gone = [Path(folder.path).name for folder in folders if not folder.is_connected]
    offered = [
        tr("{program} ({count}, {size})").format(
            program=folder.program,
            count=_count(folder.models),
            size=format_bytes(folder.size_bytes),
        )
        for folder in folders
        if folder.program and not folder.is_shown
    ]
    sentences = []
    if gone:
        sentences.append(tr("Not connected: {names}", names=", ".join(gone)))
    if offered:
        sentences.append(tr("Found in other programs: {names}", names=", ".join(offered)))
    return "  ·  ".join(sentences)


def _count(models: int) -> str:
    return tr_count("1 model", "{count} models", models)
