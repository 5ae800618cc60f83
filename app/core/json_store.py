"""A JSON file of the program's own: read as a typed value, written atomically."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from app.core.errors import AppError, ErrorCode
from app.core.events import NoticeReported
from app.core.files import write_atomically
from app.core.salvage import back_up_invalid, salvaged

T = TypeVar("T")


@dataclass(frozen=True)
class JsonStore(Generic[T]):
    """One value of type `kind` in `file`; indented when users may want to read it."""

    file: Path
    kind: type[T]
    indented: bool = False

    def read(self) -> T | None:
        """Return the value; None if the file is absent or any part of it is invalid."""
        try:
            return msgspec.json.decode(self.file.read_bytes(), type=self.kind)
        except (OSError, ValueError, RecursionError):
            return None

    def salvage(self) -> T | None:
        """Return the value without its invalid parts; None if nothing can be read."""
        try:
            return salvaged(self.file.read_bytes(), self.kind)[0]
        except (OSError, ValueError, RecursionError):
            return None

    def salvage_with_notice(self) -> tuple[T | None, NoticeReported | None]:
        """Salvage the value; copy a file with invalid parts to `.bad` and return a notice."""
        try:
            content = self.file.read_bytes()
            value, names = salvaged(content, self.kind)
        except (OSError, ValueError, RecursionError):
            return None, None
        return value, back_up_invalid(self.file, content, names)

    def write(self, value: T) -> None:
        """Replace the file, or leave the old one untouched.

        Raises:
            AppError: `file_busy` when another process is writing it, `folder_not_writable`,
                `disk_full`.
        """
        content = msgspec.json.encode(value)
        if self.indented:
            content = msgspec.json.format(content, indent=2) + b"\n"
        write_atomically(self.file, content)

    def write_unless_busy(self, value: T) -> None:
        """Write the value, but skip it when another process is writing the file.

        For values that are found again or that don't matter individually.

        Raises:
            AppError: `folder_not_writable`, `disk_full`.
        """
        try:
            self.write(value)
        except AppError as error:
            if error.code is not ErrorCode.FILE_BUSY:
                raise
