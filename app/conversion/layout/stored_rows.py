"""Rows of a matrix in a file, so that a few can be read without the rest."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.core.errors import AppError, ErrorCode, unreadable_file
from app.core.language import tr
from app.native.quantization import dequantize_rows, row_size_bytes


@dataclass(frozen=True)
class StoredRows:
    """`count` rows of `width` weights in ggml's type `type_number`, contiguous."""

    path: Path
    offset: int
    count: int
    width: int
    type_number: int

    @property
    def row_bytes(self) -> int:
        """The bytes of a row."""
        return row_size_bytes(self.type_number, self.width)

    def __getitem__(self, rows: slice) -> StoredRows:
        """Return some of the rows that follow one another."""
        start, stop, _ = rows.indices(self.count)
        return replace(self, offset=self.offset + start * self.row_bytes, count=stop - start)

    def read(self, start: int, count: int) -> npt.NDArray[np.float32]:
        """Read `count` rows beginning at `start`, dequantized (count x width).

        Raises:
            AppError: as `read_bytes`.
        """
        return dequantize_rows(self.type_number, self[start : start + count].read_bytes())

    def read_bytes(self) -> npt.NDArray[np.uint8]:
        """Read all rows as the file holds them (count x bytes of a row).

        Raises:
            AppError: `file_unreadable`, even when the file has become shorter.
        """
        size_bytes = self.count * self.row_bytes
        try:
            # Read, not mapped: a file that is cut off meanwhile would end the process.
            content = np.fromfile(self.path, np.uint8, size_bytes, offset=self.offset)
        except OSError as error:
            raise unreadable_file(self.path, error) from error
        if content.size < size_bytes:
            raise AppError(
                ErrorCode.FILE_UNREADABLE, file=self.path.name, reason=tr("it is cut off")
            )
        return content.reshape(self.count, self.row_bytes)

    def will_be_read(self) -> None:
        """Tell the system, so that the rows come into its cache while others are worked on."""
        if sys.platform != "linux":
            return
        size_bytes = self.count * self.row_bytes
        # Not every file system takes advice; what can't be read is reported when it is read.
        with suppress(OSError), self.path.open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), self.offset, size_bytes, os.POSIX_FADV_WILLNEED)
