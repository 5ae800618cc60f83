"""Outlines of repositories: what is fetched, what is left out, and what goes wrong on the way."""

from __future__ import annotations

import json
import os
import re
import struct
from pathlib import Path

import pytest

from app.checkpoint.checks import check_files
from app.checkpoint.folder_kind import holds_scalars, is_outline
from app.core import paths
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import Event, NoticeReported, Progressed
from app.hub.outline import Tensors, fetch_outline
from app.hub.reference import RepositoryReference
from app.hub.snapshot import RetryPolicy
from tests.support.hub.local_hub import LocalHub

OURS = RepositoryReference("owner/name")
QUICK = RetryPolicy(
    stall_seconds=3.0, first_pause_seconds=0.001, longest_pause_seconds=0.01, max_attempts=4
)
FIRST_REQUEST = 2**18
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


@pytest.fixture
def served(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "tokenizer.json").write_text(json.dumps(["token"] * 100_000))
    (folder / "modeling_evil.py").write_text("raise SystemExit")
    for number, name in enumerate(SHARDS):
        write_shard(folder / name, {f"layers.{number}.weight": 1_000_000})
    return folder


def write_shard(file: Path, tensors: dict[str, int], note: str = "") -> bytes:
    """A safetensors file of bytes that are no zeros; gives its header."""
    header: dict[str, object] = {"__metadata__": {"note": note}}
    end = 0
    for name, size_bytes in tensors.items():
        begin, end = end, end + size_bytes
        header[name] = {"dtype": "U8", "shape": [size_bytes], "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + b"\xff" * end)
    return struct.pack("<Q", len(text)) + text


def outline(
    events: list[Event] | None = None,
    seen: list[Tensors] | None = None,
    revision: str | None = None,
) -> Path:
    return fetch_outline(
        RepositoryReference(OURS.repository, revision),
        ([] if events is None else events).append,
        ([] if seen is None else seen).append,
        lambda: None,
        lambda _: None,
        QUICK,
    )


def failure() -> AppError:
    with pytest.raises(AppError) as caught:
        outline()
    return caught.value


def outlines_there() -> list[Path]:
    return sorted(paths.outlines_folder().rglob("*.safetensors"))


def assert_nothing_left() -> None:
    assert not list(paths.outlines_folder().rglob("*"))
    assert not list(paths.leftovers_folder().glob("*"))


def assert_hollow(file: Path, original: Path) -> None:
    (length,) = struct.unpack("<Q", original.read_bytes()[:8])
    assert file.stat().st_size == original.stat().st_size
    assert file.read_bytes()[: 8 + length] == original.read_bytes()[: 8 + length]
    assert set(file.read_bytes()[8 + length :]) == {0}


def test_all_but_the_weights(hub: LocalHub, served: Path) -> None:
    snapshot = hub.add_repository(OURS.repository, served)
    events: list[Event] = []
    seen: list[Tensors] = []

    folder = outline(events, seen)

    # The last part gets into the name of the model.
    assert folder.parts[-3:] == (snapshot.commit, "owner", "name")
    assert is_outline(folder)
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert names == {"config.json", "tokenizer.json", *SHARDS}
    for name in SHARDS:
        assert_hollow(folder / name, served / name)
        assert hub.sent_bytes(f"/{name}") == FIRST_REQUEST
    for name in ("config.json", "tokenizer.json"):
        assert (folder / name).read_bytes() == (served / name).read_bytes()
    assert [set(tensors) for tensors in seen] == [{"layers.0.weight", "layers.1.weight"}]
    (last,) = (event for event in events[-1:] if isinstance(event, Progressed))
    assert (last.step, last.done_bytes) == ("outline", last.total_bytes)


@pytest.mark.parametrize("has_ranges", [True, False])
def test_the_smallest_tensors_come_along_where_that_can_be(
    hub: LocalHub, served: Path, *, has_ranges: bool
) -> None:
    tensors = {"a.weight": 500_000, "a.scale": 4, "b.scale": 64, "b.weight": 500_000, "c.scale": 2}
    header = write_shard(served / SHARDS[0], tensors)
    hub.add_repository(OURS.repository, served)
    hub.faults.ignore_range = not has_ranges

    folder = outline()

    content = (folder / SHARDS[0]).read_bytes()[len(header) :]
    real = [(500_000, 500_068), (1_000_068, 1_000_070)] if has_ranges else []
    assert holds_scalars(folder) == has_ranges
    assert [place.span() for place in re.finditer(b"\xff+", content)] == real


def test_a_second_time_nothing_is_fetched(hub: LocalHub, served: Path) -> None:
    snapshot = hub.add_repository(OURS.repository, served)
    first = outline()
    hub.requests.clear()
    seen: list[Tensors] = []

    assert outline(seen=seen) == first
    assert [request.path.partition("?")[0] for request in hub.requests] == [
        "/api/models/owner/name"
    ]
    hub.requests.clear()
    assert outline(seen=seen, revision=snapshot.commit) == first
    assert hub.requests == []
    assert len(seen) == 2


def test_a_new_commit_has_an_outline_of_its_own(hub: LocalHub, served: Path) -> None:
    hub.add_repository(OURS.repository, served)
    first = outline()
    (served / "config.json").write_text('{"model_type": "gemma"}')
    hub.add_repository(OURS.repository, served)

    second = outline()

    assert (first / "config.json").read_bytes() != (second / "config.json").read_bytes()


def test_the_outlines_used_last_are_kept(hub: LocalHub, served: Path) -> None:
    old = [paths.outlines_folder() / f"{number:040x}" for number in range(10)]
    for number, folder in enumerate(old):
        folder.mkdir(parents=True)
        os.utime(folder, (number, number))
    (paths.outlines_folder() / "left.part").mkdir()
    os.utime(paths.outlines_folder() / "left.part", (0, 0))
    hub.add_repository(OURS.repository, served)

    newest = outline()

    kept = {path.name for path in paths.outlines_folder().iterdir()}
    assert kept == {newest.parents[1].name, *(folder.name for folder in old[-7:])}


def test_a_long_header_takes_a_second_request(hub: LocalHub, served: Path) -> None:
    header = write_shard(served / SHARDS[0], {"layers.0.weight": 10_000}, note="n" * 600_000)
    hub.add_repository(OURS.repository, served)

    folder = outline()

    assert_hollow(folder / SHARDS[0], served / SHARDS[0])
    assert hub.sent_bytes(f"/{SHARDS[0]}") == len(header)
    ranges = [
        r.headers["range"] for r in hub.file_requests() if SHARDS[0] in r.path if r.sent_bytes
    ]
    assert ranges == ["bytes=0-262143", f"bytes=262144-{len(header) - 1}"]


def test_a_server_without_ranges_is_not_heard_to_the_end(hub: LocalHub, served: Path) -> None:
    size_bytes = 200_000_000
    header = write_shard(served / SHARDS[0], {})
    text = json.loads(header[8:]) | {
        "layers.0.weight": {"dtype": "U8", "shape": [size_bytes], "data_offsets": [0, size_bytes]}
    }
    with (served / SHARDS[0]).open("wb") as file:
        encoded = json.dumps(text).encode()
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        file.truncate(8 + len(encoded) + size_bytes)
    hub.add_repository(OURS.repository, served)
    hub.faults.ignore_range = True

    folder = outline()

    assert (folder / SHARDS[0]).stat().st_size == (served / SHARDS[0]).stat().st_size
    # What the system's buffers take in is on its way already.
    assert hub.sent_bytes(f"/{SHARDS[0]}") < size_bytes // 4


@pytest.mark.parametrize(
    ("fault", "value"),
    [("server_errors", 2), ("rate_limits", 1), ("drop_every_bytes", 100_000), ("stalls", 1)],
)
def test_what_passes_is_borne(hub: LocalHub, served: Path, fault: str, value: int) -> None:
    for name in SHARDS:
        write_shard(served / name, {f"{name}.weight": 100_000}, note="n" * 300_000)
    hub.add_repository(OURS.repository, served)
    events: list[Event] = []
    setattr(hub.faults, fault, value)

    folder = outline(events)

    for name in SHARDS:
        assert_hollow(folder / name, served / name)
    assert any(isinstance(event, NoticeReported) for event in events)


@pytest.mark.parametrize(
    ("fault", "value", "code"),
    [
        ("server_errors", 10**6, ErrorCode.HUB_UNREACHABLE),
        ("wrong_content_range", True, ErrorCode.HUB_ANSWER),
        ("status_416", True, ErrorCode.HUB_ANSWER),
        ("gzip", True, ErrorCode.HUB_ANSWER),
        ("redirect_loop", True, ErrorCode.HUB_ANSWER),
        ("flipped_bits", 10**6, ErrorCode.DOWNLOAD_DAMAGED),
    ],
)
def test_what_lasts_leaves_nothing_behind(
    hub: LocalHub, served: Path, fault: str, value: int, code: ErrorCode
) -> None:
    hub.add_repository(OURS.repository, served)
    setattr(hub.faults, fault, value)

    assert failure().code is code
    assert_nothing_left()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty or truncated"),
        (b"\x10\0\0", "empty or truncated"),
        (struct.pack("<Q", 2**40) + b"{}", "a header of 1,099,511,627,776 bytes"),
        (struct.pack("<Q", 17 * 2**20) + b" " * 18_000_000, "a header of 17,825,792 bytes"),
        (struct.pack("<Q", 100) + b"{}", "a header of 100 bytes"),
        (struct.pack("<Q", 2) + b"[]", "invalid"),
        (struct.pack("<Q", 4) + b"{x:}" + b"\0" * 100, "invalid"),
    ],
)
def test_a_damaged_header_leaves_nothing_behind(
    hub: LocalHub, served: Path, content: bytes, reason: str
) -> None:
    (served / SHARDS[1]).write_bytes(content)
    hub.add_repository(OURS.repository, served)

    error = failure()

    assert error.code is ErrorCode.WEIGHTS_DAMAGED
    assert error.details["file"] == SHARDS[1]
    assert reason in str(error.details["reason"])
    assert hub.sent_bytes(f"/{SHARDS[1]}") <= FIRST_REQUEST
    assert_nothing_left()


def test_pickles_tell_nothing_beforehand(hub: LocalHub, served: Path) -> None:
    for name in SHARDS:
        (served / name).unlink()
    (served / "pytorch_model.bin").write_bytes(b"pickle")
    hub.add_repository(OURS.repository, served)

    error = failure()

    assert error.code is ErrorCode.PICKLES_WITHOUT_OUTLINE
    assert error.details == {"repository": "owner/name", "file": "pytorch_model.bin"}
    assert hub.file_requests() == []


def test_gguf_files_are_named_with_their_sizes(hub: LocalHub, tmp_path: Path) -> None:
    folder = tmp_path / "gguf"
    folder.mkdir()
    for level, size_bytes in (("Q8_0", 8_000_000), ("Q4_K_M", 4_000_000)):
        (folder / f"name-{level}.gguf").write_bytes(bytes(size_bytes))
    hub.add_repository(OURS.repository, folder)

    error = failure()

    assert error.code is ErrorCode.GGUF_ALONE
    assert error.details["files"] == "name-Q4_K_M.gguf (4 MB), name-Q8_0.gguf (8 MB)"
    assert hub.file_requests() == []


def test_an_index_is_not_believed(hub: LocalHub, served: Path) -> None:
    for name, code in (
        ("../../outside.safetensors", ErrorCode.UNSAFE_NAME),
        ("model-00003-of-00003.safetensors", ErrorCode.MISSING_SHARD),
    ):
        index = {"weight_map": {"layers.0.weight": SHARDS[0], "layers.1.weight": name}}
        (served / "model.safetensors.index.json").write_text(json.dumps(index))
        hub.add_repository(OURS.repository, served)
        assert code in {check.error for check in check_files(outline())}


def test_weights_in_folders_are_not_a_checkpoint(hub: LocalHub, served: Path) -> None:
    # As the pipelines of diffusers are.
    (served / "config.json").rename(served / "model_index.json")
    (served / "unet").mkdir()
    for name in SHARDS:
        (served / name).rename(served / "unet" / name)
    hub.add_repository(OURS.repository, served)

    assert failure().code is ErrorCode.REPOSITORY_WITHOUT_WEIGHTS
    assert_nothing_left()


def test_weights_without_a_configuration_are_not_a_checkpoint(hub: LocalHub, served: Path) -> None:
    (served / "config.json").unlink()
    hub.add_repository(OURS.repository, served)

    error = failure()

    assert (error.code, error.details) == (ErrorCode.NOT_A_CHECKPOINT, {"folder": "owner/name"})
    assert hub.file_requests() == []


def test_an_adapter_has_no_outline(hub: LocalHub, served: Path) -> None:
    (served / "config.json").rename(served / "adapter_config.json")
    hub.add_repository(OURS.repository, served)

    assert failure().code is ErrorCode.ADAPTER_WITHOUT_OUTLINE
    assert hub.file_requests() == []


def test_a_gated_repository(hub: LocalHub, served: Path) -> None:
    hub.add_repository(OURS.repository, served, gated=True)

    assert failure().code is ErrorCode.REPOSITORY_GATED
    assert_nothing_left()


def test_a_missing_repository(hub: LocalHub) -> None:
    assert failure().code is ErrorCode.REPOSITORY_NOT_FOUND
    assert_nothing_left()


def test_a_companion_of_an_odd_name_is_left_out_and_named(hub: LocalHub, served: Path) -> None:
    hub.add_repository(OURS.repository, served, unsafe_names={"tokenizer.json": "why?.json"})
    events: list[Event] = []

    place = fetch_outline(OURS, events.append, lambda _: None, lambda: None, lambda _: None)

    (told,) = (event for event in events if isinstance(event, NoticeReported))
    assert (told.code, told.details) == (NoticeCode.FILES_LEFT_OUT, {"files": "why?.json"})
    assert {path.name for path in place.iterdir()} >= {"config.json", *SHARDS}
