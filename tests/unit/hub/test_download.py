"""Downloads from a Hub on loopback whose answers go wrong in every known way."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import snapshot_download

from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import Event, NoticeReported, Progressed
from app.core.sentences import describe_error
from app.hub.download import download_repository
from app.hub.reference import RepositoryReference
from app.hub.snapshot import RetryPolicy
from tests.support.hub.local_hub import LocalHub

OURS = RepositoryReference("owner/name")
QUICK = RetryPolicy(
    stall_seconds=0.5, first_pause_seconds=0.001, longest_pause_seconds=0.01, max_attempts=4
)
SIZE = 3_000_000


@pytest.fixture
def served(tmp_path: Path, hub: LocalHub) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "empty.txt").touch()
    (folder / "model.safetensors").write_bytes(random.Random(1).randbytes(SIZE))
    hub.add_repository("owner/name", folder)
    return folder


def download(destination: Path | None = None, pattern: str | None = None) -> list[Event]:
    events: list[Event] = []
    download_repository(OURS, destination, events.append, pattern, QUICK)
    return events


def failure(destination: Path | None = None) -> AppError:
    with pytest.raises(AppError) as caught:
        download(destination)
    return caught.value


def break_off(hub: LocalHub, **then: Any) -> None:
    """Let a download lose its connection in the middle for good, then set other faults."""
    hub.faults.drop_every_bytes = SIZE // 2
    hub.faults.ignore_range = True
    failure()
    hub.faults.drop_every_bytes = 0
    hub.faults.ignore_range = False
    hub.requests.clear()
    for fault, value in then.items():
        setattr(hub.faults, fault, value)


def assert_whole(home: Path, served: Path) -> None:
    folder = home / "checkpoints" / "owner" / "name"
    for file in served.iterdir():
        assert (folder / file.name).read_bytes() == file.read_bytes()
    assert not list(folder.rglob("*.part*"))


def retries(events: list[Event]) -> list[str]:
    return [
        str(event.details["reason"])
        for event in events
        if isinstance(event, NoticeReported) and event.code is NoticeCode.DOWNLOAD_RETRIED
    ]


def test_progress_runs_to_the_total(served: Path, home: Path) -> None:
    progress = [event for event in download() if isinstance(event, Progressed)]

    total = sum(file.stat().st_size for file in served.iterdir())
    assert {event.total_bytes for event in progress} == {total}
    assert progress[-1].done_bytes == total
    assert [event.done_bytes for event in progress] == sorted(
        event.done_bytes for event in progress
    )
    assert_whole(home, served)


@pytest.mark.parametrize(
    ("fault", "value", "reason"),
    [
        ("server_errors", 3, "status 503"),
        ("drop_every_bytes", 200_000, "the connection was lost"),
        ("short_body", 1, "a different size than announced"),
        ("stalls", 1, "no response in time"),
    ],
)
def test_breaks_are_mended(
    hub: LocalHub, served: Path, home: Path, fault: str, value: int, reason: str
) -> None:
    setattr(hub.faults, fault, value)

    events = download()

    assert set(retries(events)) == {reason}
    assert_whole(home, served)


def test_dropped_connections_fetch_nothing_twice(hub: LocalHub, served: Path) -> None:
    hub.faults.drop_every_bytes = 100_000

    assert len(retries(download())) == SIZE // 100_000 - (SIZE % 100_000 == 0)
    assert hub.sent_bytes("model.safetensors") == SIZE


def test_server_that_asks_for_patience(hub: LocalHub, served: Path, home: Path) -> None:
    hub.faults.rate_limits = 1
    began = time.monotonic()

    assert retries(download()) == ["status 429"]
    assert time.monotonic() - began >= 1
    assert_whole(home, served)


def test_compressed_though_asked_not_to(hub: LocalHub, served: Path, home: Path) -> None:
    hub.faults.gzip = True

    assert retries(download()) == []
    assert_whole(home, served)


def test_the_official_client_fetches_the_same(
    hub: LocalHub, served: Path, home: Path, tmp_path: Path
) -> None:
    download()
    official = snapshot_download(
        "owner/name", local_dir=tmp_path / "official", endpoint=hub.endpoint, token=False
    )

    ours = home / "checkpoints/owner/name"
    for file in served.iterdir():
        assert (Path(official) / file.name).read_bytes() == (ours / file.name).read_bytes()


def test_resume_after_giving_up(hub: LocalHub, served: Path, home: Path) -> None:
    break_off(hub)

    assert retries(download()) == []
    assert hub.sent_bytes("model.safetensors") == SIZE - SIZE // 2
    assert hub.file_requests()[-1].headers["range"] == f"bytes={SIZE // 2}-"
    assert_whole(home, served)


@pytest.mark.parametrize(
    "fault", ["ignore_range", "wrong_content_range", "status_416", "changing_etag", "gzip"]
)
def test_resume_that_the_server_does_not_honor(
    hub: LocalHub, served: Path, home: Path, fault: str
) -> None:
    break_off(hub, **{fault: True})

    download()

    assert_whole(home, served)


@pytest.mark.parametrize(
    "fault", ["ignore_range", "wrong_content_range", "status_416", "changing_etag"]
)
def test_what_has_arrived_stays_whatever_the_server_answers(
    hub: LocalHub, served: Path, home: Path, fault: str
) -> None:
    break_off(hub, **{fault: True})
    part = home / "checkpoints/owner/name/model.safetensors.part"
    # Each answer ends before it comes to anything new.
    hub.faults.drop_every_bytes = SIZE // 4

    failure()

    whole = (served / "model.safetensors").read_bytes()
    assert part.read_bytes() == whole[: part.stat().st_size]
    assert part.stat().st_size >= SIZE // 2
    hub.faults.drop_every_bytes = 0
    setattr(hub.faults, fault, False)
    hub.requests.clear()
    download()
    # Under another name the content comes whole once more, and is compared.
    most = SIZE if fault == "changing_etag" else SIZE - SIZE // 2
    assert hub.sent_bytes("model.safetensors") <= most
    assert_whole(home, served)


def test_a_refusal_of_the_moment_costs_nothing(hub: LocalHub, served: Path, home: Path) -> None:
    break_off(hub, refuses_ranges=1)

    assert retries(download()) == ["it refuses to send only the rest"]
    assert hub.sent_bytes("model.safetensors") == SIZE - SIZE // 2
    assert_whole(home, served)


def test_what_is_too_long_is_cut(hub: LocalHub, served: Path, home: Path) -> None:
    break_off(hub)
    part = home / "checkpoints/owner/name/model.safetensors.part"
    part.write_bytes((served / "model.safetensors").read_bytes() + b"more")

    assert retries(download()) == []
    assert hub.sent_bytes("model.safetensors") == 0
    assert_whole(home, served)


def test_what_differs_from_what_comes_again_is_replaced(
    hub: LocalHub, served: Path, home: Path
) -> None:
    break_off(hub, ignore_range=True)
    part = home / "checkpoints/owner/name/model.safetensors.part"
    content = bytearray(part.read_bytes())
    content[SIZE // 4] ^= 1
    part.write_bytes(content)

    assert retries(download()) == []
    # Once, not again for a checksum that is wrong in the end.
    assert hub.sent_bytes("model.safetensors") == SIZE
    assert_whole(home, served)


def test_part_whose_content_the_storage_replaced(hub: LocalHub, served: Path, home: Path) -> None:
    break_off(hub, changing_etag=True, ignore_if_range=True)

    assert retries(download()) == ["a different range than requested"] * 2
    assert_whole(home, served)


def test_part_of_another_content_is_dropped(hub: LocalHub, served: Path, home: Path) -> None:
    break_off(hub)
    (served / "model.safetensors").write_bytes(random.Random(2).randbytes(SIZE))
    hub.add_repository("owner/name", served)

    download()

    assert "range" not in hub.file_requests()[-1].headers
    assert_whole(home, served)


def test_part_of_a_new_commit_with_the_same_content_goes_on(
    hub: LocalHub, served: Path, home: Path
) -> None:
    break_off(hub)
    (served / "more.json").write_text("{}")
    hub.add_repository("owner/name", served)

    download()

    assert hub.sent_bytes("model.safetensors") == SIZE - SIZE // 2
    assert_whole(home, served)


@pytest.mark.parametrize("record", [b"", b"{}", b"null", b"\xff"])
def test_part_with_a_damaged_record_is_dropped(
    hub: LocalHub, served: Path, home: Path, record: bytes
) -> None:
    break_off(hub)
    (home / "checkpoints/owner/name/model.safetensors.part.json").write_bytes(record)

    download()

    assert_whole(home, served)


def test_part_damaged_on_this_side_is_fetched_anew(hub: LocalHub, served: Path, home: Path) -> None:
    break_off(hub)
    part = home / "checkpoints/owner/name/model.safetensors.part"
    part.write_bytes(bytes(part.stat().st_size))

    download()

    assert_whole(home, served)


def test_abandoned_part_is_removed(hub: LocalHub, served: Path, home: Path) -> None:
    break_off(hub)
    (served / "model.safetensors").rename(served / "model-00001-of-00001.safetensors")
    hub.add_repository("owner/name", served)

    download()

    assert_whole(home, served)


def test_one_turned_bit_is_mended(hub: LocalHub, served: Path, home: Path) -> None:
    hub.faults.flipped_bits = 1

    download()

    assert_whole(home, served)


def test_turned_bits_never_take_the_final_name(hub: LocalHub, served: Path, home: Path) -> None:
    hub.faults.flipped_bits = 10**6

    error = failure()

    assert error.code is ErrorCode.DOWNLOAD_DAMAGED
    assert error.details == {"file": "config.json"}
    # config.json came first, so there is nothing else that would be worth keeping.
    assert not (home / "checkpoints" / "owner").exists()


def test_silence_without_end(hub: LocalHub, served: Path, home: Path) -> None:
    hub.faults.hold_after_bytes = SIZE // 2

    error = failure()

    assert error.code is ErrorCode.HUB_UNREACHABLE
    reason = "no response in time"
    assert error.details == {"endpoint": hub.endpoint, "reason": reason, "is_kept": 1}
    assert describe_error(error.code, error.details).endswith("; what was transferred is kept.")
    part = home / "checkpoints" / "owner" / "name" / "model.safetensors.part"
    assert part.stat().st_size >= SIZE // 4


@pytest.mark.parametrize(
    ("fault", "value", "code"),
    [
        ("server_errors", 10**6, ErrorCode.HUB_UNREACHABLE),
        ("short_body", 10**6, ErrorCode.HUB_ANSWER),
        ("other_commit", True, ErrorCode.HUB_ANSWER),
        ("redirect_loop", True, ErrorCode.HUB_ANSWER),
    ],
)
def test_faults_without_end(
    hub: LocalHub, served: Path, home: Path, fault: str, value: Any, code: ErrorCode
) -> None:
    setattr(hub.faults, fault, value)

    assert failure().code is code
    assert not list((home / "checkpoints").rglob("*.part*"))


def test_disk_that_is_too_small(hub: LocalHub, served: Path) -> None:
    hub.faults.claimed_size_bytes = 2**60

    error = failure()

    assert error.code is ErrorCode.DISK_FULL
    assert error.details["needed_bytes"] > 2**60
    assert not hub.file_requests()


def test_unchanged_files_of_a_new_commit_stay(hub: LocalHub, served: Path, home: Path) -> None:
    download()
    (served / "config.json").write_text('{"model_type": "qwen2"}')
    hub.add_repository("owner/name", served)
    hub.requests.clear()

    download()

    assert [request.path.rpartition("/")[2] for request in hub.file_requests()] == ["config.json"]
    assert_whole(home, served)


def test_shards_that_the_repository_dropped_are_removed(
    hub: LocalHub, served: Path, home: Path
) -> None:
    download()
    (served / "model.safetensors").rename(served / "model-00001-of-00001.safetensors")
    hub.add_repository("owner/name", served)

    download()

    folder = home / "checkpoints" / "owner" / "name"
    assert [path.name for path in folder.glob("*.safetensors")] == [
        "model-00001-of-00001.safetensors"
    ]


def test_files_that_are_there_already_are_adopted(
    hub: LocalHub, served: Path, home: Path, tmp_path: Path
) -> None:
    destination = tmp_path / "mine"
    destination.mkdir()
    (destination / "model.safetensors").write_bytes((served / "model.safetensors").read_bytes())

    download(destination)

    assert hub.sent_bytes("model.safetensors") == 0
    assert (destination / "config.json").is_file()


def test_a_persons_own_file_is_never_overwritten(
    hub: LocalHub, served: Path, tmp_path: Path
) -> None:
    destination = tmp_path / "mine"
    destination.mkdir()
    (destination / "config.json").write_text("precious")

    assert failure(destination).code is ErrorCode.FILE_EXISTS
    assert (destination / "config.json").read_text() == "precious"


def test_our_own_file_that_was_changed_is_fetched_again(
    hub: LocalHub, served: Path, home: Path
) -> None:
    download()
    (home / "checkpoints/owner/name/config.json").write_text("{}")

    download()

    assert_whole(home, served)


@pytest.mark.parametrize("record", [b"", b"null", b'{"files": {"../x": 1}}'])
def test_damaged_manifest_costs_a_look_and_no_download(
    hub: LocalHub, served: Path, home: Path, record: bytes
) -> None:
    download()
    (home / "checkpoints/owner/name/.gristmill.json").write_bytes(record)
    hub.requests.clear()

    download()

    assert not hub.file_requests()


def test_destination_that_is_a_file(served: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()

    assert failure(tmp_path / "taken").code is ErrorCode.FOLDER_NOT_WRITABLE


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_link_in_the_destination_leads_nowhere(served: Path, tmp_path: Path) -> None:
    destination, elsewhere = tmp_path / "mine", tmp_path / "elsewhere"
    destination.mkdir()
    (destination / "config.json").symlink_to(elsewhere)

    assert failure(destination).code is ErrorCode.UNSAFE_NAME
    assert not elsewhere.exists()


def test_gguf_goes_to_the_model_folder(hub: LocalHub, tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "gguf"
    (folder / "Q8_0").mkdir(parents=True)
    for name in (
        "a-Q4_K_M.gguf",
        "Q8_0/a-Q8_0-00001-of-00002.gguf",
        "Q8_0/a-Q8_0-00002-of-00002.gguf",
    ):
        (folder / name).write_bytes(name.encode())
    hub.add_repository("owner/name", folder)
    models = home / "models" / "owner" / "name"

    assert download_repository(OURS, None, lambda _: None) == models / "a-Q4_K_M.gguf"
    path = download_repository(OURS, None, lambda _: None, "Q8_0")

    assert path == models / "Q8_0" / "a-Q8_0-00001-of-00002.gguf"
    assert len(list(models.rglob("*.gguf"))) == 3
