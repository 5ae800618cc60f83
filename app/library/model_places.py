"""Places of the library's models: the user's folders and files, and those of other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core.settings import Settings
from app.library.other_programs.program_folders import ProgramFolder, program_folders


@dataclass(frozen=True)
class ModelPlace:
    """A file or folder with models; `program` is the other program that it belongs to, if any.

    If not `is_shown`, it is only offered.
    """

    path: Path
    program: str = ""
    is_shown: bool = True


def model_places(settings: Settings) -> tuple[ModelPlace, ...]:
    """Return the user's own places first, then those of other programs that none of them covers."""
    own = tuple(ModelPlace(path) for path in settings.search_paths())
    others = (
        ModelPlace(one.folder, one.program, one.program in settings.shown_programs)
        for one in program_folders()
        if not any(one.folder.is_relative_to(place.path) for place in own)
    )
    return (*own, *others)


def library_places(settings: Settings) -> tuple[Path, ...]:
    """Return where to look for the models that the library lists."""
    return tuple(place.path for place in model_places(settings) if place.is_shown)


def owner_of(path: str, programs: tuple[ProgramFolder, ...]) -> str:
    """Return the name of the program that a file belongs to; empty if it is the user's own."""
    owners = (one.program for one in programs if Path(path).is_relative_to(one.folder))
    return next(owners, "")
