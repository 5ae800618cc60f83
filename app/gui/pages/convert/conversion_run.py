"""A conversion that has been started: its tasks, and the steps of each."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.language import tr
from app.gui.children.task import Task


@dataclass(frozen=True)
class Step:
    """A step of a task: the kind of progress that it reports, and its name."""

    progress: str
    words: str


@dataclass(frozen=True)
class ConversionRun:
    """The tasks of a conversion with their steps, in the order in which they run.

    `models` is the task that makes models, one for each of `levels` (or for a size, in words); None
    if the files are parts of one. `favorite` is the level to chat with first, `commands` are those
    for a terminal.
    """

    name: str
    tasks: tuple[tuple[Task, tuple[Step, ...]], ...]
    models: Task | None
    levels: tuple[str, ...]
    favorite: str
    commands: str

    @property
    def is_over(self) -> bool:
        """True if none of the tasks is running or waiting."""
        return all(task.is_over for task, _ in self.tasks)

    def finished_models(self) -> dict[str, str]:
        """Return the levels of the finished models by their paths."""
        return dict(zip(self.models.paths, self.levels, strict=False)) if self.models else {}

    def favorite_model(self) -> str:
        """Return the path of the model to chat with first, empty if there is none."""
        levels = self.finished_models()
        favorites = [path for path, level in levels.items() if level == self.favorite]
        return next(iter([*favorites, *levels]), "")


def download_steps() -> tuple[Step, ...]:
    """Return the steps of a download."""
    return (Step("download", tr("Downloading")),)


def conversion_steps(
    *, makes_matrix: bool = False, measures_model: bool = False, corrects: bool = False
) -> tuple[Step, ...]:
    """Return the steps of a conversion.

    Args:
        makes_matrix: a text was chosen, for an importance matrix or for what is measured instead.
        measures_model: types are chosen for a size, or the rounding is corrected.
        corrects: the rounding is corrected.
    """
    last = Step("convert", tr("Converting"))
    if measures_model:
        measuring = tr("Measuring how much errors matter")
        correcting = tr("Measuring and correcting the rounding")
        return (Step("sensitivity", correcting if corrects else measuring), last)
    if not makes_matrix:
        return (last,)
    copy = Step("convert", tr("Preparing the importance matrix"))
    return (copy, Step("calibrate", tr("Making the importance matrix")), last)
