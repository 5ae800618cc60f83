"""Accept pickled weights only with consent, and only in the format torch has used since 1.6."""

from __future__ import annotations

import zipfile
from pathlib import Path

from app.core.errors import AppError, ErrorCode, unreadable_file

SUFFIXES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl"})
_LIST = "data.pkl"


def require_consent(file: Path, *, allows_pickle: bool) -> None:
    """Check that the user agreed to read a pickle file, and that torch wrote it.

    Reading it still runs no code: the converter can use only torch's reader for weights.

    Raises:
        AppError: `pickle_weights`, `pickle_format`, `file_unreadable`.
    """
    if not allows_pickle:
        raise AppError(ErrorCode.PICKLE_WEIGHTS, folder=str(file.parent), file=file.name)
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except OSError as error:
        raise unreadable_file(file, error) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        names = []
    if not any(name.count("/") == 1 and name.endswith(f"/{_LIST}") for name in names):
        raise AppError(ErrorCode.PICKLE_FORMAT, file=file.name)
