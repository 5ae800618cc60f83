"""Start, queue and keep the tasks of the window."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.gui.children.task import Task
from app.jobs.schedule import ScheduledTask, TaskKind, startable


class TaskBoard(QObject):
    """Starts tasks as the schedule allows; `added` and `ended` carry the task."""

    added = Signal(object)
    ended = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks: list[Task] = []

    def add(self, kind: TaskKind, title: str, *arguments: str) -> Task:
        """Queue a verb; it starts as soon as the schedule allows."""
        task = Task(kind, title, arguments, parent=self)
        self._tasks.append(task)
        task.ended.connect(lambda: self._on_ended(task))
        self.added.emit(task)
        self._start_due()
        return task

    @property
    def open_tasks(self) -> tuple[Task, ...]:
        """The tasks that run or wait, oldest first."""
        return tuple(self._tasks)

    def cancel_waiting(self) -> None:
        """Cancel the tasks that have not started."""
        for task in self.open_tasks:
            if task.state == "waiting":
                task.cancel()

    def _on_ended(self, task: Task) -> None:
        self._tasks.remove(task)
        self.ended.emit(task)
        self._start_due()

    def _start_due(self) -> None:
        numbered = dict(enumerate(self._tasks))
        running = self._scheduled(numbered, "running")
        for task in startable(running, self._scheduled(numbered, "waiting")):
            numbered[task.number].start()

    @staticmethod
    def _scheduled(numbered: dict[int, Task], state: str) -> tuple[ScheduledTask, ...]:
        return tuple(
            ScheduledTask(n, task.kind) for n, task in numbered.items() if task.state == state
        )
