"""The one atomic writer: a file is whole under its name, or absent."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from app.core import leftovers
from app.core.errors import AppError, ErrorCode, system_reason

PART_SUFFIX = ".part"
_REPLACE_TRIES = 10
_REPLACE_PAUSE_SECONDS = 0.5
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""The numbers of the errors of a full disk, or of a share of it that is used up."""
_RESERVE_BYTES = 256 * 2**20
_NOT_WRITABLE = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EEXIST,
        errno.ENAMETOOLONG,
        # FAT32 holds no file of 4 GB or more, and most models are.
        errno.EFBIG,
    }
)


@contextmanager
def whole_or_absent(destination: Path) -> Iterator[BinaryIO]:
    """A file to write; it takes its name only when the block ends without an error.

    What is written goes to `NAME.part`, is synced, renamed, and the folder synced; on an error or
    a cancel it is removed, after a kill the next start removes it.

    Raises:
        AppError: `file_busy` when another job writes the same file, `folder_not_writable`,
            `disk_full`.
    """
    part = destination.with_name(destination.name + PART_SUFFIX)
    with named_failures(destination.parent):
        destination.parent.mkdir(parents=True, exist_ok=True)
        with leftovers.noted(part):
            file = _create(part, destination)
            try:
                with file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                replace(part, destination)
            except BaseException:
                part.unlink(missing_ok=True)
                raise


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder of the system's for temporary files; gone after the block, a cancel, or a kill.

    Raises:
        AppError: `folder_not_writable`, `disk_full`.
    """
    place = Path(tempfile.gettempdir())
    folder = place / f"gristmill-{uuid.uuid4().hex}"
    with leftovers.noted(folder):
        with named_failures(place):
            folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def write_atomically(destination: Path, content: bytes) -> None:
    """Write a small file whole, or leave the old one untouched."""
    with whole_or_absent(destination) as file:
        file.write(content)


def replace(source: Path, destination: Path) -> None:
    """Rename over `destination` and make the rename durable.

    On Windows a virus scanner or indexer may hold the file for a moment: it is tried again.
    """
    for attempt in range(_REPLACE_TRIES):
        try:
            source.replace(destination)
            break
        except PermissionError:
            if sys.platform != "win32" or attempt == _REPLACE_TRIES - 1:
                raise
            time.sleep(_REPLACE_PAUSE_SECONDS)
    sync_folder(destination.parent)


def extend_with_hole(file: BinaryIO, size_bytes: int) -> None:
    """Let a new file grow by `size_bytes` zeros that take no room on the disk."""
    if size_bytes == 0:
        return
    if sys.platform == "win32":
        # Elsewhere files have holes by themselves.
        file.flush()
        _mark_sparse(file.fileno())
    file.seek(size_bytes - 1, os.SEEK_CUR)
    file.write(b"\0")


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable; Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_space(folder: Path, needed_bytes: int) -> None:
    """Check that `needed_bytes` fit into `folder` and leave a reserve of 256 MB.

    Raises:
        AppError: `disk_full`.
    """
    free_bytes = shutil.disk_usage(_nearest_folder(folder)).free
    if needed_bytes + _RESERVE_BYTES > free_bytes:
        raise AppError(
            ErrorCode.DISK_FULL,
            folder=str(folder),
            needed_bytes=needed_bytes + _RESERVE_BYTES,
            free_bytes=free_bytes,
        )


@contextmanager
def named_failures(folder: Path) -> Iterator[None]:
    """Turn the system's errors while writing below `folder` into ones with a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            free_bytes = shutil.disk_usage(_nearest_folder(folder)).free
            raise AppError(
                ErrorCode.DISK_FULL,
                folder=str(folder),
                needed_bytes=_RESERVE_BYTES,
                free_bytes=free_bytes,
            ) from error
        if error.errno in _NOT_WRITABLE:
            raise AppError(
                ErrorCode.FOLDER_NOT_WRITABLE,
                folder=str(folder),
                reason=system_reason(error),
            ) from error
        raise


if sys.platform == "win32":
    import ctypes
    import msvcrt

    _FSCTL_SET_SPARSE = 0x900C4

    def _mark_sparse(descriptor: int) -> None:
        handle = ctypes.c_void_p(msvcrt.get_osfhandle(descriptor))
        returned = ctypes.c_ulong()
        ctypes.windll.kernel32.DeviceIoControl(
            handle, _FSCTL_SET_SPARSE, None, 0, None, 0, ctypes.byref(returned), None
        )


def _nearest_folder(path: Path) -> Path:
    return next(parent for parent in (path, *path.absolute().parents) if parent.is_dir())


def _create(part: Path, destination: Path) -> BinaryIO:
    try:
        return part.open("xb")
    except FileExistsError as error:
        raise AppError(ErrorCode.FILE_BUSY, file=str(destination)) from error
