"""Places for files: what is there, and why none can be made there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from app.core.errors import AppError, ErrorCode, system_reason
from app.core.language import tr


def nearest_place(path: Path) -> Path:
    """Return a path, or the nearest one above it that exists, be it a folder or not."""
    return next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))


def unwritable_folder(folder: Path, error: OSError) -> AppError:
    """Return the error for a folder that can't be made, or in which no file can be."""
    return AppError(ErrorCode.FOLDER_NOT_WRITABLE, folder=str(folder), reason=_why(folder, error))


def _why(folder: Path, error: OSError) -> str:
    place = nearest_place(folder)
    if not os.path.isdir(place):  # noqa: PTH112 - the path's own method fails where links go round
        return tr("the file {file} is in the way", file=place)
    if error.errno == errno.ENOENT:
        # The system means the new file, but would be read as if it meant the folder.
        return tr("no files can be made there")
    return system_reason(error)
