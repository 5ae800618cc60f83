"""Downloads that broke off: what remains, what is known about them, and how they are discarded."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from app.conversion.sources import source_at
from app.core.errors import AppError, ErrorCode
from app.core.events import Event, Progressed
from app.hub.download import download_repository
from app.hub.reference import RepositoryReference
from app.hub.snapshot import RetryPolicy
from app.library.downloaded_checkpoints import downloaded_checkpoints
from app.library.folder_lock import exclusive_folder, is_locked
from app.library.removal import plan_checkpoint_removal, plan_discard
from app.library.unfinished_downloads import UnfinishedDownload, unfinished_below
from tests.support.gguf.gguf_files import llama_file
from tests.support.hub.local_hub import LocalHub

OURS = RepositoryReference("owner/name")
QUICK = RetryPolicy(
    stall_seconds=0.5, first_pause_seconds=0.001, longest_pause_seconds=0.01, max_attempts=2
)
SIZE = 3_000_000


@pytest.fixture
def served(tmp_path: Path, hub: LocalHub) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    for level in ("Q4_0", "Q8_0"):
        (folder / f"a-{level}.gguf").write_bytes(random.Random(level).randbytes(SIZE))
    (folder / "model.safetensors").write_bytes(random.Random(1).randbytes(SIZE))
    hub.add_repository("owner/name", folder)
    return folder


def fetch(pattern: str | None = None) -> None:
    download_repository(OURS, None, lambda _: None, pattern, QUICK)


def break_off(hub: LocalHub, pattern: str | None = None) -> AppError:
    """Lose the connection in the middle for good."""
    hub.faults.drop_every_bytes = SIZE // 2
    hub.faults.ignore_range = True
    with pytest.raises(AppError) as caught:
        fetch(pattern)
    hub.faults.drop_every_bytes = 0
    hub.faults.ignore_range = False
    return caught.value


def unfinished(home: Path) -> tuple[UnfinishedDownload, ...]:
    return unfinished_below((home / "models", home / "checkpoints"))


def test_what_broke_off_is_known_with_its_bytes_and_its_reason(
    hub: LocalHub, served: Path, home: Path
) -> None:
    error = break_off(hub)

    (found,) = unfinished(home)
    assert found.folder == home / "checkpoints" / "owner" / "name"
    assert (found.note.problem, found.note.details) == (error.code, error.details)
    config = (served / "config.json").stat().st_size
    assert (found.done_bytes(), found.total_bytes) == (SIZE // 2 + config, SIZE + config)
    assert downloaded_checkpoints() == ()
    with pytest.raises(AppError) as caught:
        source_at(found.folder)
    assert caught.value.code is ErrorCode.DOWNLOAD_UNFINISHED


def test_what_was_resumed_to_the_end_is_a_checkpoint(
    hub: LocalHub, served: Path, home: Path
) -> None:
    break_off(hub)
    fetch()

    assert unfinished(home) == ()
    assert [checkpoint.name for checkpoint in downloaded_checkpoints()] == ["owner/name"]


def test_what_is_there_is_no_progress_of_the_resumed_download(
    hub: LocalHub, served: Path, home: Path
) -> None:
    break_off(hub)
    fetched = unfinished(home)[0].done_bytes()
    events: list[Event] = []
    download_repository(OURS, None, events.append, None, QUICK)

    progress = [event for event in events if isinstance(event, Progressed)]
    assert progress[0].done_bytes == fetched
    assert progress[-1].done_bytes == progress[-1].total_bytes


def test_what_fetched_nothing_leaves_nothing(hub: LocalHub, served: Path, home: Path) -> None:
    hub.faults.server_errors = 100
    with pytest.raises(AppError):
        fetch()

    assert unfinished(home) == ()
    assert not (home / "checkpoints" / "owner").exists()


def test_a_discarded_checkpoint_leaves_no_trace(hub: LocalHub, served: Path, home: Path) -> None:
    break_off(hub)
    (found,) = unfinished(home)

    plan = plan_discard(found)
    assert plan.size_bytes == found.done_bytes() + sum(
        record.stat().st_size for record in found.folder.glob("*.part.json")
    )
    plan.execute()
    assert not (home / "checkpoints" / "owner").exists()


def test_two_downloads_to_one_folder_are_told_apart(
    hub: LocalHub, served: Path, home: Path
) -> None:
    break_off(hub, "Q4_0")
    break_off(hub, "Q8_0")
    fetch("Q4_0")

    (found,) = unfinished(home)
    assert found.note.request.pattern == "Q8_0"
    plan_discard(found).execute()
    kept = [file.name for file in found.folder.iterdir() if not file.name.startswith(".")]
    assert kept == ["a-Q4_0.gguf"]
    assert unfinished(home) == ()


def test_what_another_process_downloads_is_not_deleted(
    hub: LocalHub, served: Path, home: Path
) -> None:
    break_off(hub)
    (found,) = unfinished(home)
    assert not is_locked(found.folder)

    with exclusive_folder(found.folder, "owner/name"):
        assert is_locked(found.folder)
        with pytest.raises(AppError) as caught:
            plan_discard(found).execute()
    assert caught.value.code is ErrorCode.DOWNLOAD_BUSY
    assert unfinished(home) == (found,)


def test_a_downloaded_checkpoint_is_deleted_with_its_folder(
    hub: LocalHub, served: Path, home: Path
) -> None:
    fetch()
    (checkpoint,) = downloaded_checkpoints()
    assert checkpoint.size_bytes() == SIZE + (served / "config.json").stat().st_size

    plan = plan_checkpoint_removal(checkpoint.folder)
    assert plan.size_bytes == checkpoint.size_bytes()
    plan.execute()
    assert not (home / "checkpoints" / "owner").exists()


def test_a_name_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "owner" / "name"
    folder.mkdir(parents=True)
    llama_file().write(tmp_path / "precious.gguf")
    (folder / ".gristmill-0.download.json").write_text(
        '{"request": {"repository": "owner/name"}, "files": {"../../precious.gguf": 9}}'
    )
    (found,) = unfinished_below((tmp_path,))
    assert tmp_path / "precious.gguf" not in found.fetched_files()
    assert found.done_bytes() == 0
