"""Rows of a matrix in a file, so that a few can be read without the rest."""

from __future__ import annotations

from dataclasses import dataclass
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

    def read(self, start: int, count: int) -> npt.NDArray[np.float32]:
        """Read `count` rows beginning at `start`, dequantized (count x width).

        Raises:
            AppError: `file_unreadable`, even when the file has become shorter.
        """
        row_bytes = row_size_bytes(self.type_number, self.width)
        size_bytes = count * row_bytes
        try:
            # Read, not mapped: a file that is cut off meanwhile would end the process.
            content = np.fromfile(
                self.path, np.uint8, size_bytes, offset=self.offset + start * row_bytes
            )
        except OSError as error:
            raise unreadable_file(self.path, error) from error
        if content.size < size_bytes:
            raise AppError(
                ErrorCode.FILE_UNREADABLE, file=self.path.name, reason=tr("it is cut off")
            )
        return dequantize_rows(self.type_number, content.reshape(count, row_bytes))
