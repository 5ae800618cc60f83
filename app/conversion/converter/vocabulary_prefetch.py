"""Read a checkpoint's vocabulary in a child process while this one imports torch.

The child imports no torch, and is done with a large vocabulary when torch is imported here. Where
it fails, for whatever reason, the vocabulary is made here, which reports the reason.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Self

import msgspec

from app.conversion.converter.transformers_choice import Transformers
from app.core.events import Begin
from app.core.files import temporary_folder
from app.jobs.child_process import RunningVerb

VERB = "read-vocabulary"
_TIMEOUT_SECONDS = 60

Entries = dict[str, bytes]
"""Entries of a GGUF header by their keys, as `app.gguf_file.header_writer` encodes them."""


class ConvertedVocabulary(msgspec.Struct, frozen=True):
    """A vocabulary, and the converter's warnings about it."""

    entries: Entries
    warnings: tuple[str, ...] = ()


class VocabularyPrefetch:
    """Reads one vocabulary, once started. Leaving the block ends the child."""

    def __init__(self) -> None:
        self._child: RunningVerb | None = None
        self._folder = temporary_folder()
        self._file = Path()

    def __enter__(self) -> Self:
        self._file = self._folder.__enter__() / "vocabulary"
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self._child.end()
        self._folder.__exit__(None, None, None)

    def start(self, converter: Path) -> None:
        """Start the child; it imports the converter in this folder."""
        self._child = RunningVerb(VERB, str(converter), str(self._file))

    def read_with(self, transformers: Transformers) -> None:
        """Set the version of transformers; must be called before `begin`."""
        if self._child is not None:
            self._child.send(Begin(transformers))

    def begin(self, checkpoint: Path) -> None:
        """Start reading the vocabulary of a checkpoint."""
        if self._child is not None:
            self._child.send(Begin(str(checkpoint)))

    def wait(self) -> ConvertedVocabulary | None:
        """Wait for the architecture and the vocabulary; None where they could not be made."""
        if self._child is None:
            return None
        child = self._child.wait(_TIMEOUT_SECONDS)
        self._child = None
        sys.stderr.write(child.log)
        if child.returncode != 0:
            return None
        return msgspec.msgpack.decode(self._file.read_bytes(), type=ConvertedVocabulary)
