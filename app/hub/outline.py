"""Outline of a repository: everything that a conversion reads of it except the weights.

Its weight files have their true headers and sizes, and the values of tensors of a few bytes, which
the converter reads while it lays out a model; the other tensors are holes, which take no space. An
outline is fetched once per commit and kept in the program's data folder, never in the model folder;
it has a mark by which the conversion refuses to read its weights.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.checkpoint.folder_kind import (
    ADAPTER_CONFIGURATION,
    LARGEST_SCALAR_BYTES,
    OUTLINE_MARK,
    OUTLINE_SCALARS,
)
from app.checkpoint.weight_files import WEIGHTS_SUFFIX, TensorEntry, read_shard, small_tensor_ranges
from app.core import leftovers, paths
from app.core.errors import AppError, ErrorCode
from app.core.events import Event
from app.core.files import PART_SUFFIX, extend_with_hole, raising_app_errors, replace
from app.core.language import tr
from app.core.names import path_inside
from app.core.sizes import format_bytes
from app.hub.access_token import read_token
from app.hub.client import HubClient
from app.hub.hub_address import hub_endpoint
from app.hub.progress import Progress
from app.hub.reference import RepositoryReference
from app.hub.remote_header import fetch_part, fetch_safetensors_header
from app.hub.repository import RepositoryFile, RepositoryInfo, fetch_repository
from app.hub.selection import Files, files_to_fetch, is_gguf, report_left_out
from app.hub.snapshot import RetryPolicy, Snapshot
from app.hub.transfer import Transfer

_CONNECTIONS = 8
_KEPT = 8
_DAY_SECONDS = 86_400
_RETRY_POLICY = RetryPolicy(stall_seconds=20.0, max_attempts=3)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_CONFIGURATION = "config.json"
_CONFIGURATIONS = frozenset({_CONFIGURATION, "tokenizer_config.json"})
_MAX_NAMED = 12

Tensors = Mapping[str, TensorEntry]


@dataclass(frozen=True)
class _Listener:
    """Callbacks for the parts that arrive before the whole outline."""

    on_tensors: Callable[[Tensors], None]
    on_config: Callable[[Path], None]


def fetch_outline(
    reference: RepositoryReference,
    report: Callable[[Event], None],
    on_tensors: Callable[[Tensors], None] = lambda _: None,
    while_fetching: Callable[[], None] = lambda: None,
    on_config: Callable[[Path], None] = lambda _: None,
    retry_policy: RetryPolicy = _RETRY_POLICY,
) -> Path:
    """Return the folder with the outline of a checkpoint; fetch it if necessary.

    Args:
        reference: The repository; its revision is resolved to one commit first.
        report: Called with progress (bytes of all files), interruptions and skipped files.
        on_tensors: Called with all tensors as soon as they are known.
        while_fetching: Called when the repository is known but its files are not fetched yet.
        on_config: Called with the folder once it has the configurations of model and tokenizer.
        retry_policy: The limits for network requests.

    Raises:
        AppError: What `fetch_repository` and `files_to_fetch` raise; `not_a_checkpoint`,
            `pickles_without_outline`, `adapter_without_outline`, `gguf_alone`; `weights_damaged`,
            `hub_unreachable` and the like, which leave nothing behind.
    """
    kept = _kept(reference)
    if kept is None:
        token = read_token()
        info = fetch_repository(reference, token)
        kept = _folder_of(info.repository, info.commit)
        if not kept.is_dir():
            files = _checkpoint_files(info, report)
            while_fetching()
            with (
                _unfinished(kept) as folder,
                _opened_snapshot(info, token, report, retry_policy) as snapshot,
            ):
                _fill(folder, files, snapshot, report, _Listener(on_tensors, on_config))
            _remove_old(kept)
            return kept
    os.utime(_root_of(kept))
    on_config(kept)
    on_tensors(_tensors_in(kept))
    return kept


def remove_outline(folder: Path) -> None:
    """Remove an outline that proved to be damaged; the next run fetches it again."""
    shutil.rmtree(_root_of(folder), ignore_errors=True)


def _kept(reference: RepositoryReference) -> Path | None:
    """Return the stored outline for a full commit hash, without asking the Hub."""
    if not _COMMIT.fullmatch(reference.revision or ""):
        return None
    folder = _folder_of(reference.repository, reference.revision or "")
    return folder if folder.is_dir() else None


def _folder_of(repository: str, commit: str) -> Path:
    # The converter writes the folder's name into its output, so it must be the repository's.
    return path_inside(paths.outlines_folder() / commit, repository)


def _root_of(folder: Path) -> Path:
    return folder.parents[1]


def _checkpoint_files(info: RepositoryInfo, report: Callable[[Event], None]) -> Files:
    try:
        selection = files_to_fetch(info)
    except AppError as error:
        if error.code is not ErrorCode.PICKLE_WEIGHTS:
            raise
        unread = {"repository": info.repository, "file": str(error.details["file"])}
        raise AppError(ErrorCode.PICKLES_WITHOUT_OUTLINE, **unread) from error
    files = selection.files
    if is_gguf(files[0]):
        raise _only_gguf(info)
    names = {file.path for file in files}
    if _CONFIGURATION not in names:
        if ADAPTER_CONFIGURATION in names:
            raise AppError(ErrorCode.ADAPTER_WITHOUT_OUTLINE, repository=info.repository)
        raise AppError(ErrorCode.NOT_A_CHECKPOINT, folder=info.repository)
    report_left_out(selection, report)
    return files


def _only_gguf(info: RepositoryInfo) -> AppError:
    files = sorted(filter(is_gguf, info.files), key=lambda file: file.size_bytes)
    named = [f"{file.path} ({format_bytes(file.size_bytes)})" for file in files[:_MAX_NAMED]]
    more = [tr("{count} more", count=len(files) - _MAX_NAMED)] if len(files) > _MAX_NAMED else []
    words = ", ".join([*named, *more])
    return AppError(ErrorCode.GGUF_ALONE, repository=info.repository, files=words)


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """Create a folder to fill, which is renamed to `folder` if the block ends without an error."""
    part = paths.outlines_folder() / f"{uuid.uuid4().hex}{PART_SUFFIX}"
    with raising_app_errors(paths.outlines_folder()), leftovers.noted(part):
        try:
            part.mkdir(parents=True)
            yield part
            folder.parent.mkdir(parents=True, exist_ok=True)
            if not folder.is_dir():
                replace(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _opened_snapshot(
    info: RepositoryInfo,
    token: str | None,
    report: Callable[[Event], None],
    retry_policy: RetryPolicy,
) -> Iterator[Snapshot]:
    with HubClient(hub_endpoint(), token, retry_policy.stall_seconds) as client:
        yield Snapshot(client, info.repository, info.commit, report, retry_policy)


def _fill(
    folder: Path,
    files: Files,
    snapshot: Snapshot,
    report: Callable[[Event], None],
    listener: _Listener,
) -> None:
    weights = [file for file in files if file.path.endswith(WEIGHTS_SUFFIX)]
    others = [file for file in files if file not in weights]
    progress = Progress("outline", sum(file.size_bytes for file in others), report)
    transfer = Transfer(snapshot)

    def fetch(file: RepositoryFile) -> None:
        progress.enter(file.path)
        transfer.fetch(file, path_inside(folder, file.path), progress.count)

    mark = folder / OUTLINE_MARK
    mark.touch()
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        headers = [pool.submit(_fetch_hollow, file, folder, snapshot) for file in weights]
        # Others wait for these.
        others.sort(key=lambda file: file.path not in _CONFIGURATIONS)
        fetched = [pool.submit(fetch, file) for file in others]
        try:
            _wait_for(fetched[: sum(file.path in _CONFIGURATIONS for file in others)])
            listener.on_config(folder)
            _wait_for(headers)
            listener.on_tensors(_tensors_in(folder))
            _wait_for(fetched)
            if all(pool.map(lambda file: _fetch_scalars(file, folder, snapshot), weights)):
                mark.write_text(OUTLINE_SCALARS, encoding="utf-8")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _fetch_hollow(file: RepositoryFile, folder: Path, snapshot: Snapshot) -> None:
    header = fetch_safetensors_header(snapshot, file)
    with path_inside(folder, file.path).open("xb") as hollow:
        hollow.write(header)
        extend_with_hole(hollow, file.size_bytes - len(header))


def _fetch_scalars(file: RepositoryFile, folder: Path, snapshot: Snapshot) -> bool:
    """Fill in the smallest tensors; return False if the server has no range support."""
    path = path_inside(folder, file.path)
    with path.open("r+b") as hollow:
        for start, end in small_tensor_ranges(LARGEST_SCALAR_BYTES, path):
            part = fetch_part(snapshot, file, start, end)
            if part is None:
                return False
            hollow.seek(start)
            hollow.write(part)
    return True


def _wait_for(futures: list[Future[None]]) -> None:
    for future in futures:
        future.result()


def _tensors_in(folder: Path) -> Tensors:
    shards = [read_shard(path) for path in sorted(folder.glob(f"*{WEIGHTS_SUFFIX}"))]
    return {name: entry for shard in shards for name, entry in shard.items()}


def _remove_old(newest: Path) -> None:
    """Keep the most recently used outlines, and unfinished ones of the last day."""
    for part in paths.outlines_folder().glob(f"*{PART_SUFFIX}"):
        # A canceled transfer may create its folder again, without a note about it.
        if time.time() - part.stat().st_mtime > _DAY_SECONDS:
            shutil.rmtree(part, ignore_errors=True)
    roots = [root for root in paths.outlines_folder().iterdir() if _COMMIT.fullmatch(root.name)]
    roots.sort(key=lambda root: (root == _root_of(newest), root.stat().st_mtime_ns))
    for root in roots[:-_KEPT]:
        shutil.rmtree(root, ignore_errors=True)
