"""Read the bytes of a GGUF header; reading past the file's end raises an `AppError`."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from app.core.errors import AppError, ErrorCode
from app.core.language import tr

U32, U64 = struct.Struct("<I"), struct.Struct("<Q")
_LARGEST_HEADER = 64 * 2**20
_MOST_TEXT = 16 * 2**20
_BLOCK = 2**18


class BoundedReader:
    """Reads a header block by block, neither past the file's end nor past the limit."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self.path = path
        self._window = b""
        self._window_start = 0
        self._at = 0
        self._text_bytes = 0
        self.size = path.stat().st_size

    @property
    def position(self) -> int:
        """The offset in the file of the next byte."""
        return self._window_start + self._at

    def damaged(self, reason: str) -> AppError:
        """Return the error for a file that contradicts itself or the format."""
        return AppError(ErrorCode.GGUF_DAMAGED, file=self.path.name, reason=reason)

    def truncated(self, needed_bytes: int) -> AppError:
        """Return the error for a file that should have `needed_bytes` and has fewer."""
        return AppError(
            ErrorCode.GGUF_TRUNCATED,
            file=self.path.name,
            missing_bytes=needed_bytes - self.size,
            needed_bytes=needed_bytes,
        )

    def require(self, size: int) -> None:
        """Check that `size` more bytes exist and keep the header within the size limit.

        Raises:
            AppError: `gguf_truncated`, `gguf_damaged`.
        """
        end = self.position + size
        if end > _LARGEST_HEADER:
            raise self.damaged(tr("its header claims to be larger than 64 MB"))
        if end > self.size:
            raise self.truncated(end)

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        if self._at + size > len(self._window):
            self._refill(size)
        start, self._at = self._at, self._at + size
        return self._window[start : self._at]

    def skip(self, size: int) -> None:
        """Pass over the next `size` bytes without reading them."""
        self.require(size)
        self._at += size

    def number(self, kind: struct.Struct) -> int:
        """Return the next whole number, of the given kind."""
        value: int = kind.unpack(self.take(kind.size))[0]
        return value

    def take_string(self, longest: int = _LARGEST_HEADER) -> bytes:
        """Return the next string: its length in 8 bytes, then its bytes."""
        length = self.number(U64)
        self.require(length)
        if length > longest:
            raise self.damaged(tr("a name in it is {length} bytes long", length=length))
        return self.take_text(length)

    def take_text(self, length: int) -> bytes:
        """Return the bytes of a string; their total is limited, since decoded text needs memory."""
        self._text_bytes += length
        if self._text_bytes > _MOST_TEXT:
            raise self.damaged(tr("its metadata has more than 16 MB of text"))
        return self.take(length)

    def skip_strings(self, count: int) -> None:
        """Pass over the next `count` strings."""
        # A vocabulary has about 300,000 strings: only the lengths are read.
        unpack = U64.unpack_from
        window, at = self._window, self._at
        last = len(window) - U64.size
        for _ in range(count):
            if at > last:
                self._at = at
                self._refill(U64.size)
                window, at = self._window, 0
                last = len(window) - U64.size
            at += U64.size + unpack(window, at)[0]
        self._at = at
        self.require(0)

    def _refill(self, size: int) -> None:
        self.require(size)
        start = self.position
        self._file.seek(start)
        self._window = self._file.read(max(size, _BLOCK))
        self._window_start, self._at = start, 0
        if len(self._window) < size:
            raise self.truncated(start + size)
