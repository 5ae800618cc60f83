"""Download of a repository: missing files in sequence, small ones first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.core import paths
from app.core.errors import AppError, ErrorCode
from app.core.events import Event
from app.core.files import raising_app_errors, require_space
from app.core.names import path_inside
from app.core.settings import load_settings
from app.hub.access_token import read_token
from app.hub.client import HubClient
from app.hub.failures import keeping_transfers
from app.hub.hub_address import hub_endpoint
from app.hub.manifest import Manifest
from app.hub.part_file import PartFile, remove_abandoned
from app.hub.progress import Progress
from app.hub.reference import RepositoryReference
from app.hub.repository import RepositoryInfo, fetch_repository
from app.hub.selection import Files, files_to_fetch, is_gguf, report_left_out
from app.hub.snapshot import RetryPolicy, Snapshot
from app.hub.speed_limit import SpeedLimit
from app.hub.transfer import Transfer
from app.library.folder_lock import exclusive_folder, remove_untouched
from app.library.unfinished_downloads import DownloadRequest, noted

Report = Callable[[Event], None]


def download_repository(
    reference: RepositoryReference,
    destination: Path | None,
    report: Report,
    pattern: str | None = None,
    retry_policy: RetryPolicy | None = None,
    *,
    allows_pickle: bool = False,
    asked: DownloadRequest | None = None,
) -> Path:
    """Download a checkpoint, or a GGUF model, from the Hub.

    Args:
        reference: The repository; its revision is resolved to one commit first.
        destination: The folder to fill; None for the program's own folder of the repository.
        report: Called with progress (bytes of all files), interruptions and skipped files.
        pattern: Selects a GGUF model, as in `app.hub.selection.files_to_fetch`.
        retry_policy: The limits for network requests.
        allows_pickle: As in `files_to_fetch`.
        asked: What the user has asked for, if that isn't just this download.

    Returns:
        The folder of the checkpoint, or the (first) GGUF file.

    Raises:
        AppError: What `fetch_repository`, `files_to_fetch` and `Transfer.fetch` raise, and
            `download_busy`, `disk_full`, `file_exists`. Complete files stay, and so do the
            received part of an incomplete one and a note about the download.
    """
    request = asked or DownloadRequest(
        reference.repository, reference.revision, pattern, allows_pickle
    )
    token = read_token()
    info = fetch_repository(reference, token)
    selection = files_to_fetch(info, pattern, allows_pickle=allows_pickle)
    report_left_out(selection, report)
    files = selection.files
    folder = (destination or _own_folder(info, files)).absolute()
    with raising_app_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with exclusive_folder(folder, info.repository):
                _fill(folder, request, info, files, token, report, retry_policy or RetryPolicy())
        except AppError as error:
            if error.code is not ErrorCode.DOWNLOAD_BUSY:
                remove_untouched(folder)
            raise
    return path_inside(folder, files[0].path) if is_gguf(files[0]) else folder


def downloaded_folder(
    reference: RepositoryReference, report: Report, *, allows_pickle: bool = False
) -> Path | None:
    """Return the folder of a checkpoint if all its files of today are there, without fetching any.

    Raises:
        AppError: What `fetch_repository` and `files_to_fetch` raise.
    """
    info = fetch_repository(reference, read_token())
    selection = files_to_fetch(info, None, allows_pickle=allows_pickle)
    files = selection.files
    folder = _own_folder(info, files).absolute()
    manifest = Manifest(folder, info.repository, info.commit)
    if is_gguf(files[0]) or not all(manifest.holds(file) for file in files):
        return None
    report_left_out(selection, report)
    return folder


def _own_folder(info: RepositoryInfo, files: Files) -> Path:
    settings, _ = load_settings()
    parent = settings.models_path() if is_gguf(files[0]) else paths.checkpoints_folder()
    return path_inside(parent, info.repository)


def _fill(
    folder: Path,
    request: DownloadRequest,
    info: RepositoryInfo,
    files: Files,
    token: str | None,
    report: Report,
    retry_policy: RetryPolicy,
) -> None:
    current = {file.path for file in info.files}
    remove_abandoned(folder, info.repository, current)
    manifest = Manifest(folder, info.repository, info.commit)
    missing = [file for file in files if not manifest.holds(file)]
    parts = [PartFile(path_inside(folder, file.path)) for file in missing]
    received = sum(part.size_bytes(file) for part, file in zip(parts, missing, strict=True))
    require_space(folder, sum(file.size_bytes for file in missing) - received)
    progress = Progress("download", sum(file.size_bytes for file in files), report)
    present = sum(file.size_bytes for file in files if file not in missing)
    progress.enter(files[-1].path, present + received)
    with (
        noted(folder, request, {file.path: file.size_bytes for file in missing}, current),
        keeping_transfers(),
        HubClient(hub_endpoint(), token, retry_policy.stall_seconds) as client,
    ):
        limit = SpeedLimit(load_settings()[0].download_bytes_per_second())
        transfer = Transfer(
            Snapshot(client, info.repository, info.commit, report, retry_policy, limit)
        )
        for file in missing:
            progress.enter(file.path)
            transfer.fetch(file, path_inside(folder, file.path), progress.count)
            manifest.add(file)
        if not is_gguf(files[0]):
            # Old shards next to new ones would be mistaken for part of the model.
            manifest.remove_outdated(current)
