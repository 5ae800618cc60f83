"""Options of a conversion and their arguments on the command line."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.core.builtin_text import BUILTIN_TEXT
from app.core.language import tr
from app.core.levels import LEVELS

VERB = "convert"
PROJECTOR_LEVEL = "F16"
CORRECTED_LEVELS = frozenset(level.name for level in LEVELS) - {"F16", "BF16", "F32"}
"""Levels whose rounding can be corrected."""
ImportanceKind = Literal["none", "builtin", "text", "file"]
_IMPORTANCE_OPTIONS: dict[ImportanceKind, str] = {"file": "--imatrix", "text": "--calibration"}


@dataclass(frozen=True)
class ConversionOptions:
    """All options except the levels; an empty field leaves the choice to the program.

    With `target_bytes`, the best file of at most this size is made instead of levels.
    `importance_path` is the file of the kinds "text" and "file". `overrides` are pairs of a pattern
    for tensor names and a type; `types_from` is a GGUF file, or a list
    of types, whose types the other tensors get.
    """

    source: str = ""
    target_bytes: int | None = None
    corrects: bool = False
    tunes: bool = False
    importance_kind: ImportanceKind = "none"
    importance_path: str = ""
    overrides: tuple[tuple[str, str], ...] = ()
    output_type: str = ""
    embedding_type: str = ""
    types_from: str = ""
    threads: int | None = None
    uses_reference_code: bool = False
    folder: str = ""
    base: str = ""
    allows_pickle: bool = False
    requantizes: bool = False
    wants_projector: bool = False
    keeps_existing: bool = False

    @property
    def has_importance(self) -> bool:
        """True if there is an importance matrix, or a text to make one from."""
        has_file = self.importance_kind != "none" and bool(self.importance_path)
        return has_file or self.importance_kind == "builtin"

    @property
    def makes_importance(self) -> bool:
        """True if an importance matrix is made."""
        return self.has_importance and self.importance_kind != "file"

    @property
    def measures_model(self) -> bool:
        """True if the model is measured on a text before it is converted."""
        return self.target_bytes is not None or self.corrects

    @property
    def has_types(self) -> bool:
        """True if any option changes the types of tensors."""
        chosen = (self.overrides, self.output_type, self.embedding_type, self.types_from)
        return self.has_importance or any(chosen)

    def for_source(self, source: str) -> ConversionOptions:
        """Return options for `source`, keeping only those that apply to any source."""
        return ConversionOptions(
            source=source,
            threads=self.threads,
            uses_reference_code=self.uses_reference_code,
            folder=self.folder,
        )

    def check_arguments(self) -> tuple[str, ...]:
        """Return the arguments of `gristmill convert` that check the source and plan the levels."""
        return (self.source, *self._type_options(), *self._place_options(), "--dry-run")

    def run_arguments(self, levels: Sequence[str]) -> tuple[str, ...]:
        """Return the arguments of `gristmill convert` that write these levels, or the one file."""
        chosen = self._size_options() or [word for one in levels for word in ("--level", one)]
        return (self.source, *chosen, *self._measuring_options(), *self._run_options())

    def plan_arguments(self) -> tuple[str, ...]:
        """Return the arguments of `gristmill convert` that plan the file of a size."""
        place = [*self._place_options(), *_pairs(("--threads", str(self.threads or "")))]
        measured = [*self._size_options(), *self._measuring_options()]
        return (self.source, *measured, *place, "--dry-run")

    def projector_arguments(self) -> tuple[str, ...]:
        """Return the arguments of `gristmill convert` that write the multimodal projector."""
        return (self.source, "--mmproj", "--level", PROJECTOR_LEVEL, *self._run_options())

    def consent(self) -> tuple[str, ...]:
        """Return the consent flags that the user has given, for any verb that plans levels."""
        pickle = ("--allow-pickle",) if self.allows_pickle else ()
        return (*pickle, "--requantize") if self.requantizes else pickle

    def _size_options(self) -> list[str]:
        return _pairs(("--target-size", str(self.target_bytes or "")))

    def _measuring_options(self) -> list[str]:
        has_text = self.has_importance or not self.measures_model
        text = [] if has_text else ["--calibration", BUILTIN_TEXT]
        switches = ("--correct",) * self.corrects + ("--tune",) * (self.corrects and self.tunes)
        return [*switches, *text, *self._type_options()]

    def _type_options(self) -> list[str]:
        options: list[str] = []
        if self.importance_kind == "builtin":
            options += ("--calibration", BUILTIN_TEXT)
        elif self.has_importance:
            options += (
                _IMPORTANCE_OPTIONS[self.importance_kind],
                expanded_path(self.importance_path),
            )
        # Joined with its option, because a pattern may begin with a hyphen.
        options += (f"--type={pattern}={name}" for pattern, name in self.overrides)
        types = (
            ("--types-from", expanded_path(self.types_from)),
            ("--output-type", self.output_type),
            ("--embedding-type", self.embedding_type),
        )
        return [*options, *_pairs(*types)]

    def _place_options(self) -> list[str]:
        options = _pairs(("--base", expanded_path(self.base)), ("--to", expanded_path(self.folder)))
        return [*options, *self.consent()]

    def _run_options(self) -> list[str]:
        options = [*self._place_options(), *_pairs(("--threads", str(self.threads or "")))]
        existing = "--keep-both" if self.keeps_existing else "--overwrite"
        return [*options, *(["--reference"] if self.uses_reference_code else []), existing]


def _pairs(*options: tuple[str, str]) -> list[str]:
    return [word for option, value in options if value for word in (option, value)]


def command_line(arguments: Sequence[str]) -> str:
    """Return the command for a terminal, quoted for a shell."""
    return shlex.join(("gristmill", VERB, *arguments))


def command_lines(options: ConversionOptions, levels: Sequence[str]) -> str:
    """Return the terminal commands that do the same as the window."""
    lines = [command_line(options.run_arguments(levels))]
    if options.wants_projector:
        lines.append(command_line(options.projector_arguments()))
    return "\n".join(lines)


def measuring_fault(options: ConversionOptions, levels: Sequence[str]) -> str:
    """Return why a model can't be measured with these options; empty if it can, or needn't be."""
    if not options.measures_model:
        return ""
    if options.target_bytes is not None and options.types_from:
        return tr("Types come from a file, or are chosen for a size, not both.")
    if options.corrects and options.target_bytes is None and len(levels) > 1:
        return tr("Rounding is corrected for one level at a time.")
    if options.corrects and not CORRECTED_LEVELS.issuperset(levels):
        return tr("Rounding is corrected for the levels from Q2_K to Q8_0.")
    is_matrix = options.importance_kind == "file"
    return tr("The model is measured on a text; choose one.") if is_matrix else ""


def measured_text(options: ConversionOptions) -> str:
    """Return what a model is measured on, as a sentence."""
    if options.importance_kind == "text":
        return tr("Measured on {name}.", name=Path(options.importance_path).name)
    if options.importance_kind == "file":
        return tr("A finished importance matrix says too little.")
    return tr("Measured on the built-in text.")


def projector_path_for(file: str, level: str) -> str:
    """Return the path of the projector that goes with the file of a level."""
    path = Path(file)
    name = path.name.removesuffix(f"-{level}.gguf")
    return str(path.with_name(f"mmproj-{name}-{PROJECTOR_LEVEL}.gguf"))


def expanded_path(path: str) -> str:
    """Return the absolute path with `~` expanded; an empty text stays empty."""
    if not path:
        return ""
    try:
        return str(Path(path).expanduser().absolute())
    except RuntimeError:
        # The `~` names an unknown user; the command line reports that the path does not exist.
        return path


def path_exists(path: str) -> bool:
    """Return whether a text is an existing path."""
    try:
        return bool(path) and Path(expanded_path(path)).exists()
    except (OSError, ValueError):
        return False
