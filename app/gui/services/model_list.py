"""List the library, in a child process so that a slow disk never blocks the window."""

from __future__ import annotations

from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.core import events
from app.core.model_facts import Marks
from app.core.sentences import describe_error, describe_notice
from app.gui.children.child import Child
from app.gui.services.folder_watch import FolderWatch
from app.gui.services.settings_holder import SettingsHolder
from app.jobs.outcome import ProcessOutcome
from app.library.marks import MarksStore


class ModelList(QObject):
    """Scans the folders of models and downloads, and scans them again when they change.

    Signals:
        changed: `models`, `checkpoints`, `downloads` and `folders` are new, possibly empty.
        noticed: a sentence about a notice or an error.
    """

    changed = Signal()
    noticed = Signal(str)

    def __init__(self, settings: SettingsHolder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._found: list[events.Event] = []
        self._child: Child | None = None
        self._is_stale = False
        self.models: tuple[events.ModelListed, ...] = ()
        self.checkpoints: tuple[events.CheckpointListed, ...] = ()
        self.downloads: tuple[events.DownloadListed, ...] = ()
        self.folders: tuple[events.FolderListed, ...] = ()
        self.watch = FolderWatch(self)
        self.watch.changed.connect(self.refresh)
        self.is_known = False
        settings.changed.connect(self._on_settings_changed)

    def refresh(self) -> None:
        """Scan again, after a running scan if there is one."""
        if self._child is not None:
            self._is_stale = True
            return
        self._found = []
        self._child = Child("models", parent=self)
        self._child.received.connect(self._on_received)
        self._child.ended.connect(self._on_ended)
        self._child.start()

    @property
    def is_outdated(self) -> bool:
        """True if a refresh came too late for the last scan, so that another one follows."""
        return self._is_stale

    def model_at(self, path: str) -> events.ModelListed | None:
        """Return the entry of a file, if it is listed."""
        return next((model for model in self.models if Path(model.path) == Path(path)), None)

    def mark(self, model: events.ModelListed, marks: Marks) -> None:
        """Save the label and the tags of a model, and list it with them.

        Raises:
            AppError: `disk_full`, `folder_not_writable`, `file_busy`.
        """
        MarksStore().change(model.path, model.size_bytes, marks)
        self.models = tuple(
            msgspec.structs.replace(one, marks=marks) if one.path == model.path else one
            for one in self.models
        )
        self.changed.emit()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case (
                events.ModelListed()
                | events.CheckpointListed()
                | events.DownloadListed()
                | events.FolderListed()
            ):
                self._found.append(event)
            case events.FoldersWatched(folders):
                self.watch.set_folders(folders)
            case events.NoticeReported(code, details):
                self.noticed.emit(describe_notice(code, details))
            case events.Failed(code, details):
                self.noticed.emit(describe_error(code, details))

    def _on_ended(self, _: ProcessOutcome) -> None:
        if self._child is not None:
            self._child.deleteLater()
        self._child = None
        found = self._found
        self.models = tuple(one for one in found if isinstance(one, events.ModelListed))
        self.checkpoints = tuple(one for one in found if isinstance(one, events.CheckpointListed))
        self.downloads = tuple(one for one in found if isinstance(one, events.DownloadListed))
        self.folders = tuple(one for one in found if isinstance(one, events.FolderListed))
        self.is_known = True
        self.changed.emit()
        if self._is_stale:
            self._is_stale = False
            self.refresh()

    def _on_settings_changed(self, old: object, new: object) -> None:
        if self._watched(old) != self._watched(new):
            # The child reads the settings, which are saved after this.
            QTimer.singleShot(0, self, self.refresh)

    @staticmethod
    def _watched(settings: object) -> tuple[object, ...]:
        names = ("models_folder", "added_models", "shown_programs")
        return tuple(getattr(settings, name, None) for name in names)
