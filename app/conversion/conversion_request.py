"""A request to convert a source to levels, and the paths of the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.conversion.own_types import name_with_bits
from app.conversion.sources import Source
from app.conversion.type_choices import NO_CHOICES, TypeChoices
from app.conversion.type_plan import TypePlan
from app.conversion.writer import QuantizationOptions
from app.core.files import free_path
from app.core.levels import Level


@dataclass(frozen=True)
class ConversionRequest:
    """A request to convert a source to `levels`, written to `folder` or as `file`.

    With `keeps_existing` a file that would replace another gets a free name. A dry run ends after
    the plan; with `reports_tensors` it reports the type of each tensor, too.
    `skips_unsuitable` leaves out levels that this source can't or need not be converted to: the
    user did not choose them. `present_bytes` of the files are on the disk already. The types of the
    only level are also written to `types_file`, even in a dry run.
    """

    source: Source
    levels: Sequence[Level]
    folder: Path
    file: Path | None = None
    threads: int = 1
    replaces: bool = False
    keeps_existing: bool = False
    is_dry_run: bool = False
    reports_tensors: bool = False
    skips_unsuitable: bool = False
    reference_only: bool = False
    choices: TypeChoices = NO_CHOICES
    present_bytes: int = 0
    types_file: Path | None = None

    @property
    def quantization(self) -> QuantizationOptions:
        """The options of the quantization."""
        return QuantizationOptions(self.threads, self.choices, reference_only=self.reference_only)

    @property
    def lacks_level(self) -> bool:
        """True if the user chose none, which is possible only if all types have names."""
        return self.skips_unsuitable and len(self.levels) > 1 and not self.is_dry_run

    @property
    def known_targets(self) -> tuple[Path, ...]:
        """The paths of the files, as far as they are known before their types are."""
        if self.file is not None:
            return (self._free(self.file),)
        if self.choices.overrides:
            return ()
        return tuple(self._free(self._usual_path(level)) for level in self.levels)

    def target(self, plan: TypePlan) -> Path:
        """Return the path of a planned file: of types of its own, its name tells the bits."""
        usual = self._usual_path(plan.level)
        if self.file is None and plan.has_own_types:
            usual = usual.with_name(name_with_bits(usual.name, plan.level, plan.bits_per_weight))
        return self._free(usual)

    def _usual_path(self, level: Level) -> Path:
        return self.file or self.folder / self.source.file_name(level)

    def _free(self, path: Path) -> Path:
        return free_path(path) if self.keeps_existing and not self.replaces else path
