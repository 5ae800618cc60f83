"""Start, queue and keep the tasks of the window."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from app.gui.children.task import Task, TaskState
from app.jobs.schedule import DEFAULT_LIMITS, ScheduledTask, TaskKind, startable


class TaskBoard(QObject):
    """Starts tasks as the schedule allows; `added` and `ended` carry the task."""

    added = Signal(object)
    ended = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks: list[Task] = []
        self._limits = dict(DEFAULT_LIMITS)

    def add(
        self,
        kind: TaskKind,
        title: str,
        *arguments: str,
        after: Task | None = None,
        folder: str = "",
        steps: tuple[str, ...] = (),
    ) -> Task:
        """Queue a verb; it starts as soon as the schedule allows.

        With `after` it also waits until that task has finished, and is canceled if that doesn't.
        Of the tasks with the same `folder`, one runs at a time. `steps` are those of a `Task`.
        """
        task = Task(kind, title, arguments, after=after, folder=folder, steps=steps, parent=self)
        self._tasks.append(task)
        task.ended.connect(lambda: self._on_ended(task))
        self.added.emit(task)
        self._start_due()
        return task

    @property
    def open_tasks(self) -> tuple[Task, ...]:
        """The tasks that run or wait, in the order in which they start."""
        return tuple(self._tasks)

    def limit_downloads(self, at_once: int) -> None:
        """Change how many downloads run at the same time; those that run already go on."""
        self._limits["network"] = at_once
        self._start_due()

    def arrange(self, wanted: Sequence[Task]) -> None:
        """Let these tasks start in this order, at the places that they have among all tasks."""
        places = [place for place, task in enumerate(self._tasks) if task in wanted]
        for place, task in zip(places, wanted, strict=True):
            self._tasks[place] = task

    def cancel_waiting(self) -> None:
        """Cancel the tasks that have not started."""
        for task in self.open_tasks:
            if task.state == "waiting":
                task.cancel()

    def _on_ended(self, task: Task) -> None:
        self._tasks.remove(task)
        self.ended.emit(task)
        for follower in self.open_tasks:
            if follower.after is task and task.state != "finished":
                follower.cancel()
        self._start_due()

    def _start_due(self) -> None:
        numbered = dict(enumerate(self._tasks))
        numbers = {task: number for number, task in numbered.items()}

        def scheduled(state: TaskState) -> tuple[ScheduledTask, ...]:
            return tuple(
                ScheduledTask(
                    number,
                    task.kind,
                    numbers.get(task.after) if task.after else None,
                    task.folder,
                )
                for task, number in numbers.items()
                if task.state == state
            )

        for due in startable(scheduled("running"), scheduled("waiting"), self._limits):
            numbered[due.number].start()
