"""Atomic writing of files: a file is complete under its name, or absent."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from app.core import leftovers
from app.core.errors import AppError, ErrorCode
from app.core.unwritable import nearest_place, unwritable_folder

PART_SUFFIX = ".part"
_REPLACE_TRIES = 10
_REPLACE_PAUSE_SECONDS = 0.5
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk and of an exhausted quota."""
_RESERVE_BYTES = 256 * 2**20
SECTOR_BYTES = 512
"""The bytes that every disk writes atomically; many write more."""
_TEMPORARY_NAMES = ("TMPDIR", "TEMP", "TMP")
_ON_DISK = "/var/tmp"  # noqa: S108 - folders there get names of their own and no other's rights
_PIECE_BYTES = 16 * 2**20
_NOT_WRITABLE = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EEXIST,
        errno.ENAMETOOLONG,
        # FAT32 can't store files of 4 GiB or more, as most models are.
        errno.EFBIG,
    }
)


@contextmanager
def open_atomically(destination: Path) -> Iterator[BinaryIO]:
    """Open a file for writing; it gets its name only when the block ends without an error.

    The content goes to `NAME.part`, which is synced and renamed, and the folder is synced. An error
    or a cancel removes it; after a kill the next start does.

    Raises:
        AppError: `file_busy` if another task is writing the same file, `folder_not_writable`,
            `disk_full`.
    """
    part = destination.with_name(destination.name + PART_SUFFIX)
    with raising_app_errors(destination.parent):
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
    """Create a temporary folder, removed when the block ends, on cancellation or at the next start.

    Raises:
        AppError: `folder_not_writable`, `disk_full`.
    """
    place = temporary_place()
    folder = place / f"gristmill-{uuid.uuid4().hex}"
    with leftovers.noted(folder):
        with raising_app_errors(place):
            folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def temporary_place() -> Path:
    """Return a folder on a disk: on Linux, /tmp is often kept in memory (file-hierarchy(7)).

    A folder that the environment names comes first.
    """
    is_named = any(os.environ.get(name) for name in _TEMPORARY_NAMES)
    if is_named or not sys.platform.startswith("linux") or not os.access(_ON_DISK, os.W_OK):
        return Path(tempfile.gettempdir())
    return Path(_ON_DISK)


def write_atomically(destination: Path, content: bytes) -> None:
    """Write a small file, or leave the old one untouched."""
    with open_atomically(destination) as file:
        file.write(content)


def write_sector(path: Path, offset: int, content: bytes) -> None:
    """Replace one sector of a file, or its beginning, atomically.

    Raises:
        AppError: `folder_not_writable`, `disk_full`.
        ValueError: it is not one sector.
    """
    if offset % SECTOR_BYTES or len(content) > SECTOR_BYTES:
        raise ValueError(offset)
    with raising_app_errors(path.parent), path.open("r+b", buffering=0) as file:
        file.seek(offset)
        file.write(content)
        os.fsync(file.fileno())


def copy_bytes(
    source: BinaryIO, target: BinaryIO, size_bytes: int, on_copied: Callable[[int], None]
) -> None:
    """Copy the next bytes of a file to the end of another; the system shares them if it can.

    `on_copied` gets the number of bytes of each piece. Nothing else may be written to `target`.

    Raises:
        EOFError: the source has fewer.
    """
    target.flush()
    left = size_bytes
    while left:
        copied = _copy_piece(source, target, min(left, _PIECE_BYTES))
        if not copied:
            raise EOFError(left)
        left -= copied
        on_copied(copied)


def free_path(path: Path) -> Path:
    """Return the path, or if it exists the first free one with a number at the end of its name.

    Raises:
        AppError: `folder_not_writable`.
    """
    number, free = 1, path
    with raising_app_errors(path.parent):
        while free.exists():
            number += 1
            free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def replace(source: Path, destination: Path) -> None:
    """Rename over `destination` and make the rename durable.

    On Windows a virus scanner or indexer may hold the file for a moment, so retry.
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
    """Extend a new file by `size_bytes` zero bytes that take no space on disk."""
    if size_bytes == 0:
        return
    if sys.platform == "win32":
        # On other systems files are sparse anyway.
        file.flush()
        _mark_sparse(file.fileno())
    file.seek(size_bytes - 1, os.SEEK_CUR)
    file.write(b"\0")


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable; Windows neither has nor needs such a call."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_space(folder: Path, needed_bytes: int) -> None:
    """Check that `needed_bytes` fit into `folder` with a reserve of 256 MiB.

    Raises:
        AppError: `disk_full`; `folder_not_writable` if its file system isn't one for files.
    """
    usage = shutil.disk_usage(_nearest_folder(folder))
    if usage.total == 0:
        # Either it holds no files, like /proc, or it sets no limit, like ramfs.
        require_writable(folder)
    elif needed_bytes + _RESERVE_BYTES > usage.free:
        raise _disk_full(folder, needed_bytes, usage.free)


def require_writable(folder: Path) -> None:
    """Check that files can be made in `folder`, or that it can be made in the one around it.

    Raises:
        AppError: `folder_not_writable`, `disk_full`.
    """
    with raising_app_errors(folder), tempfile.TemporaryFile(dir=nearest_place(folder)):
        pass


def is_on_one_disk(one: Path, other: Path) -> bool:
    """Return whether two folders, or the nearest ones around them, share the space of a disk."""
    first, second = (_nearest_folder(folder).stat().st_dev for folder in (one, other))
    return first == second


@contextmanager
def raising_app_errors(folder: Path) -> Iterator[None]:
    """Convert the system's errors from writing below `folder` to `AppError`.

    An error that has other causes, too, is one of writing if no file can be made in `folder`.
    """
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            free_bytes = shutil.disk_usage(_nearest_folder(folder)).free
            raise _disk_full(folder, 0, free_bytes) from error
        if error.errno in _NOT_WRITABLE or not _takes_files(folder):
            raise unwritable_folder(folder, error) from error
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


def _copy_piece(source: BinaryIO, target: BinaryIO, size_bytes: int) -> int:
    if sys.platform == "linux":
        # Other kernels and some file systems can't.
        with suppress(OSError):
            return os.copy_file_range(source.fileno(), target.fileno(), size_bytes)
    piece = source.read(size_bytes)
    target.write(piece)
    target.flush()
    return len(piece)


def _nearest_folder(path: Path) -> Path:
    return next(parent for parent in (path, *path.absolute().parents) if parent.is_dir())


def _takes_files(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def size_of(path: Path) -> int:
    """Return the size of a file in bytes, 0 if there is none that can be looked at."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _disk_full(folder: Path, needed_bytes: int, free_bytes: int) -> AppError:
    return AppError(
        ErrorCode.DISK_FULL,
        folder=str(folder),
        needed_bytes=needed_bytes + _RESERVE_BYTES,
        reserve_bytes=_RESERVE_BYTES,
        free_bytes=free_bytes,
    )


def _create(part: Path, destination: Path) -> BinaryIO:
    try:
        return part.open("xb")
    except FileExistsError as error:
        raise AppError(ErrorCode.FILE_BUSY, file=str(destination)) from error
