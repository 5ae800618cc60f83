"""A conversion that has been started: its tasks, and the steps of each."""

from __future__ import annotations

from collections.abc import Sequence
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


def planning_steps() -> tuple[Step, ...]:
    """Return the steps of choosing types for a size."""
    return (
        Step("sensitivity", tr("Measuring how much errors matter")),
        Step("comparison", tr("Checking the chosen types on other text")),
    )


def step_in_words(steps: Sequence[Step], index: int, *, first: int = 1, total: int = 0) -> str:
    """Return the name of a step, with its number if there are several in all.

    Args:
        steps: some of the steps.
        index: the index of the step among these.
        first: the number of the first of these among all.
        total: the number of all; 0 if these are all.
    """
    words, total = steps[index].words, total or len(steps)
    if total == 1:
        return words
    return tr("{number} of {total}: {step}", number=first + index, total=total, step=words)


def conversion_steps(
    *,
    makes_matrix: bool = False,
    chooses_types: bool = False,
    corrects: bool = False,
    tunes: bool = False,
) -> tuple[Step, ...]:
    """Return the steps of a conversion.

    Args:
        makes_matrix: a text was chosen, for an importance matrix or for what is measured instead.
        chooses_types: types are chosen for a size.
        corrects: the rounding is corrected.
        tunes: scales and norms are tuned after that.
    """
    last = Step("convert", tr("Converting"))
    if chooses_types or corrects:
        correcting = Step("rounding", tr("Correcting the rounding"))
        tuning = Step("tuning", tr("Tuning scales and norms"))
        checking = Step("comparison", tr("Checking the result on other text"))
        return (
            *(planning_steps() if chooses_types else ()),
            *((correcting, *((tuning,) if tunes else ()), checking) if corrects else ()),
            last,
        )
    if not makes_matrix:
        return (last,)
    copy = Step("convert", tr("Preparing the importance matrix"))
    return (copy, Step("calibrate", tr("Making the importance matrix")), last)
