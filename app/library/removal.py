"""Removal of a model: first a plan, then its execution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core.errors import AppError, ErrorCode
from app.core.files import raising_app_errors, sync_folder
from app.gguf_file.shards import shards_of


@dataclass(frozen=True)
class RemovalPlan:
    """The files to remove and the space that this frees."""

    files: tuple[Path, ...]
    size_bytes: int

    def execute(self) -> None:
        """Remove the files, the first shard first: without it the rest is no longer a model.

        Raises:
            AppError: `folder_not_writable`.
        """
        folder = self.files[0].parent
        with raising_app_errors(folder):
            for file in self.files:
                file.unlink(missing_ok=True)
            sync_folder(folder)


def plan_removal(path: Path) -> RemovalPlan:
    """Plan the removal of the model in `path`: the file, or all of its shards.

    Raises:
        AppError: `model_not_found`.
    """
    files = tuple(file for file in shards_of(path) if file.is_file())
    if not files:
        raise AppError(ErrorCode.MODEL_NOT_FOUND, model=str(path))
    return RemovalPlan(files, sum(file.stat().st_size for file in files))
