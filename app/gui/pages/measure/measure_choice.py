"""What the user wants to have measured, and the commands that do it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class MeasureChoice:
    """The parts to measure, the text as an argument, and its length in chunks, None for all of it.

    `reference` is the path of the model to compare with, empty if there is none.
    """

    has_quality: bool
    has_speed: bool
    text: str
    chunks: int | None
    reference: str

    def arguments_for(self, path: str) -> tuple[str, ...]:
        """Return the verb and its arguments for one file; no reference is compared with itself."""
        return ("measure", path, *self._arguments(path))

    def _arguments(self, path: str) -> Iterator[str]:
        if self.has_quality:
            yield from ("--text", self.text)
            if self.reference and self.reference != path:
                yield from ("--reference", self.reference)
            if self.chunks is not None:
                yield from ("--chunks", str(self.chunks))
        if not self.has_speed:
            yield from ("--only", "quality")
        elif not self.has_quality:
            yield from ("--only", "speed")
