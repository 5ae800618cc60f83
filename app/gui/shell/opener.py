"""Open what was dropped on the window, given at a start, or named by a link."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.core.errors import AppError
from app.core.language import tr
from app.core.openable import is_link
from app.core.sentences import describe_error
from app.gui.services.settings_holder import SettingsHolder
from app.gui.shell.dropped import use_of
from app.hub.reference import parse_reference


class Opener(QObject):
    """Finds the use of paths and links; nothing is loaded or fetched by itself.

    Signals:
        repository_requested: the name and the revision, if any, of a repository whose page to open.
        conversion_requested: the path of a checkpoint or adapter.
        models_requested: the model folder or file is in the library now.
        chat_requested: the path and name of a model.
        refused: a sentence about what can't be opened.
    """

    repository_requested = Signal(str, object)
    conversion_requested = Signal(str)
    models_requested = Signal()
    chat_requested = Signal(str, str)
    refused = Signal(str)

    def __init__(self, settings: SettingsHolder, parent: QObject) -> None:
        super().__init__(parent)
        self._settings = settings

    def open_text(self, text: str) -> None:
        """Open a path, or the page of the repository that a link names."""
        if is_link(text):
            self._open_link(text)
        else:
            self.open_path(Path(text))

    def open_path(self, path: Path) -> None:
        """Convert a checkpoint, chat with a model, or list the models of a folder."""
        use = use_of(path)
        if use == "convert":
            self.conversion_requested.emit(str(path))
        elif use == "nothing":
            words = tr("Can't open {name}: it is neither a GGUF file nor a folder.", name=path.name)
            self.refused.emit(words)
        else:
            added = dict.fromkeys((*self._settings.value.added_models, str(path)))
            self._settings.change(added_models=tuple(added))
            self.models_requested.emit()
            if use == "load":
                self.chat_requested.emit(str(path), path.stem)

    def _open_link(self, link: str) -> None:
        try:
            reference = parse_reference(link)
        except AppError as error:
            self.refused.emit(describe_error(error.code, error.details))
        else:
            self.repository_requested.emit(reference.repository, reference.revision)
