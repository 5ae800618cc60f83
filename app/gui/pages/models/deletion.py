"""Deletion of a model or checkpoint: asks first, and refuses while it is in use."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.core.errors import AppError
from app.core.events import CheckpointListed, ModelListed
from app.core.language import tr
from app.core.sentences import describe_error
from app.core.sizes import format_bytes
from app.gui.pages.models.facts_line import Listed
from app.gui.services.workbench import Workbench
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.library.removal import RemovalPlan, plan_checkpoint_removal, plan_removal

_MAX_NAMED = 8


class Deletion(QObject):
    """Deletes files of the library.

    Signals:
        failed: a sentence that says why not.
    """

    failed = Signal(str)

    def __init__(self, workbench: Workbench, window: QWidget) -> None:
        super().__init__(window)
        self._workbench = workbench
        self._window = window

    def ask(self, listed: Listed) -> None:
        """Ask, with the size that is freed, and delete; a model that is loaded stays."""
        if self._is_loaded(listed):
            words = tr("{name} is loaded. Unload it in the chat first.", name=listed.title)
            self.failed.emit(words)
            return
        if isinstance(listed, CheckpointListed) and self._is_converted(listed):
            self.failed.emit(
                tr("{name} is being converted. Wait until that is done.", name=listed.name)
            )
            return
        try:
            plan = _plan(listed)
        except AppError as error:
            self._fail(error)
            return
        dialog = ConfirmDialog(
            self._workbench.theme,
            tr("Delete {name}?", name=listed.title),
            _consequences(listed, plan),
            _named(listed, plan),
            tr("Delete"),
            self._window,
            is_destructive=True,
        )
        dialog.accepted.connect(lambda: self._delete(plan))
        dialog.open()

    def _delete(self, plan: RemovalPlan) -> None:
        try:
            plan.execute()
        except AppError as error:
            self._fail(error)
        self._workbench.models.refresh()

    def _fail(self, error: AppError) -> None:
        self.failed.emit(describe_error(error.code, error.details))
        self._workbench.models.refresh()

    def _is_loaded(self, listed: Listed) -> bool:
        return getattr(self._workbench.engine.state, "path", None) == listed.path

    def _is_converted(self, checkpoint: CheckpointListed) -> bool:
        return any(
            task.kind == "convert" and checkpoint.path in task.arguments
            for task in self._workbench.tasks.open_tasks
        )


def _consequences(listed: Listed, plan: RemovalPlan) -> str:
    frees = tr("This frees {size}. It can't be undone.", size=format_bytes(plan.size_bytes))
    if isinstance(listed, ModelListed) and listed.program:
        owner = tr("It belongs to {program}, which will also lose it.", program=listed.program)
        return f"{owner} {frees}"
    return frees


def _plan(listed: Listed) -> RemovalPlan:
    path = Path(listed.path)
    return plan_removal(path) if isinstance(listed, ModelListed) else plan_checkpoint_removal(path)


def _named(listed: Listed, plan: RemovalPlan) -> list[str]:
    """Return the files to name, or the folder of a checkpoint."""
    if isinstance(listed, CheckpointListed):
        return [listed.path]
    files = [str(file) for file in plan.files]
    more = len(files) - _MAX_NAMED
    if more <= 0:
        return files
    return [*files[:_MAX_NAMED], tr("and {count} more", count=f"{more:,}")]
