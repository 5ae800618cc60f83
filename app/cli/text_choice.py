"""The text that an argument chooses: a file of the user, or the built-in mix."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.cli.values import path
from app.core.builtin_text import BUILTIN_DATASET, BUILTIN_TEXT
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.gguf_file.model import Model
    from app.measurement.texts.rendered_text import RenderedText

BUILTIN = Path(BUILTIN_TEXT)
"""The built-in text, in place of the path of a file."""


def text_choice(text: str) -> Path:
    """Parse the path of a text file, or the word “builtin”; `./builtin` is a file."""
    if text == BUILTIN_TEXT:
        return BUILTIN
    file = path(text)
    return file.absolute() if file == BUILTIN else file


def dataset_of(choice: Path) -> str:
    """Return the name of a text, as importance matrices and measurements record it."""
    return BUILTIN_DATASET if choice == BUILTIN else choice.name


@dataclass(frozen=True)
class ChosenText:
    """A text that was read, or the built-in one if it is None."""

    own: str | None

    def rendered_for(
        self, model: Model, part: Literal["calibration", "held_out"], reporter: Reporter
    ) -> RenderedText:
        """Return the text as this model reads it; of the built-in text, only this part."""
        from app.measurement.texts.builtin_mix import builtin_parts
        from app.measurement.texts.passage_rendering import rendered_for
        from app.measurement.texts.rendered_text import RenderedText

        if self.own is not None:
            return RenderedText(self.own)
        return rendered_for(model, getattr(builtin_parts(), part), reporter.report)


def read_choice(choice: Path, reporter: Reporter) -> ChosenText:
    """Read the chosen file.

    Raises:
        AppError: `file_unreadable`, `text_unusable`.
    """
    from app.measurement.texts.own_text import read_own_text

    return ChosenText(None if choice == BUILTIN else read_own_text(choice, reporter.report))
