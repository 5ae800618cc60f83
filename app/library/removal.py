"""Removal of a model, a checkpoint or an unfinished download: first a plan, then its execution."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.core import paths
from app.core.errors import AppError, ErrorCode
from app.core.files import raising_app_errors, sync_folder
from app.gguf_file.shards import shards_of
from app.library.downloaded_checkpoints import checkpoint_at
from app.library.folder_lock import OWN_PREFIX, exclusive_folder
from app.library.importance_matrices import unshared_matrices
from app.library.other_programs.companions import companions_of
from app.library.stream_journal import Journal, prefetched_folder
from app.library.unfinished_downloads import UnfinishedDownload


@dataclass(frozen=True)
class RemovalPlan:
    """The files to remove and the space that this frees.

    `locked_folder`, if any, is locked against downloads while the files are being removed.
    """

    files: tuple[Path, ...]
    size_bytes: int
    locked_folder: Path | None = None

    def execute(self) -> None:
        """Remove the files in order: without the first, the rest is no longer a model.

        Raises:
            AppError: `folder_not_writable`, `download_busy`.
        """
        folder = self.locked_folder or self.files[0].parent
        with raising_app_errors(folder):
            if self.locked_folder is None:
                self._remove_files()
            else:
                with exclusive_folder(folder, folder.name, patience_seconds=0):
                    self._remove_files()
                _remove_emptied(folder)
            if folder.is_dir():
                sync_folder(folder)

    def _remove_files(self) -> None:
        for file in self.files:
            file.unlink(missing_ok=True)


def plan_removal(path: Path) -> RemovalPlan:
    """Plan the removal of the model in `path`: the file, or all of its shards.

    Importance matrices made along with it go too, unless another model was made with them, and so
    do the files with which another program knows it.

    Raises:
        AppError: `model_not_found`.
    """
    files = tuple(file for file in shards_of(path) if file.is_file())
    if not files:
        raise AppError(ErrorCode.MODEL_NOT_FOUND, model=str(path))
    companions = [one for file in files for one in companions_of(file)]
    return _plan(tuple(dict.fromkeys((*files, *companions, *unshared_matrices(files[0])))))


def plan_checkpoint_removal(folder: Path) -> RemovalPlan:
    """Plan the removal of a downloaded checkpoint with its whole folder."""
    return _plan(checkpoint_at(folder).files(), locked_folder=folder)


def plan_discard(download: UnfinishedDownload) -> RemovalPlan:
    """Plan the removal of what an unfinished download has fetched."""
    if download.folder.is_relative_to(paths.checkpoints_folder()):
        # Files of different commits are not a checkpoint.
        return plan_checkpoint_removal(download.folder)
    return _plan(download.fetched_files(), locked_folder=download.folder)


def plan_stream_discard(folder: Path) -> RemovalPlan | None:
    """Plan the removal of what an unfinished `get` has made; `folder` is that of its journal.

    Returns:
        None if it has made nothing.
    """
    journal = Journal(folder)
    if journal.record is None:
        return None
    parts = [file.part for file in journal.record.files if file.part.exists()]
    prefetched = prefetched_folder(folder).glob("*")
    return _plan((*parts, *prefetched, journal.file), locked_folder=folder)


def _plan(files: tuple[Path, ...], locked_folder: Path | None = None) -> RemovalPlan:
    # A link takes no space; its target may stay.
    return RemovalPlan(files, sum(file.lstat().st_size for file in files), locked_folder)


def _remove_emptied(folder: Path) -> None:
    """Remove a folder that has only our own records left, and its parent if that is then empty."""
    with suppress(OSError):
        if not any(file.is_file() for file in folder.rglob("*") if _is_foreign(file)):
            shutil.rmtree(folder)
            folder.parent.rmdir()


def _is_foreign(file: Path) -> bool:
    return not file.name.startswith(OWN_PREFIX)
