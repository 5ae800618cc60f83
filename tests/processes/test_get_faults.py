"""The verb `get` with servers that misbehave: the right file, or a named error."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import ErrorCode
from app.core.events import Failed, Finished
from app.jobs.outcome import EXIT_FAILED
from app.library.stream_journal import unfinished_streams
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.hub.impatient import COMMAND
from tests.support.hub.kills import kept_bytes, killed_when, leftovers
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import Child, run_verb, running, started

pytestmark = pytest.mark.slow

NAME = "owner/Tiny"
FILE = "Tiny-Q4_K_M.gguf"
HALF = 9_000_000
"""The bytes after which the first run is killed, about half of them all."""

NOT_KEPT = 1_500_000
"""More than the headers of all weight files, which are fetched beforehand."""

HARMLESS: dict[str, dict[str, Any]] = {
    "ranges are answered with the whole file": {"ignore_range": True},
    "another range than requested": {"wrong_content_range": True},
    "short bodies": {"short_body": 3},
    "compressed": {"gzip": True},
    "ranges are refused": {"status_416": True},
    "some ranges are refused": {"refuses_ranges": 2},
    "the ETag changes": {"changing_etag": True, "drop_every_bytes": 1_000_000},
    "redirected to another host": {"other_host": True, "drop_every_bytes": 1_000_000},
    "signatures expire": {"uses_of_signature": 1, "drop_every_bytes": 1_000_000},
    "503": {"server_errors": 3},
    "429": {"rate_limits": 1},
    "stalls": {"stalls": 3},
    "dropped at every megabyte": {"drop_every_bytes": 1_000_000},
    "dropped at odd places": {"drop_every_bytes": 333_333},
    "a flipped bit": {"flipped_bits": 1},
    "longer than sent": {"announces_too_much": 2},
}
HOPELESS: dict[str, tuple[dict[str, Any], ErrorCode]] = {
    "503": ({"server_errors": 10**6}, ErrorCode.HUB_UNREACHABLE),
    "short bodies": ({"short_body": 10**6, "ignore_range": True}, ErrorCode.HUB_ANSWER),
    "circles": ({"redirect_loop": True}, ErrorCode.HUB_ANSWER),
    "flipped bits": ({"flipped_bits": 10**6}, ErrorCode.DOWNLOAD_DAMAGED),
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "Tiny"
    return make_tiny_checkpoint(folder, width=512, layers=4, shards=3)


@pytest.fixture
def hub(hub: LocalHub, checkpoint: Path, converter: Path) -> LocalHub:
    hub.add_repository(NAME, checkpoint, lfs_above_bytes=100_000)
    return hub


@pytest.fixture(scope="module")
def made_once() -> list[bytes]:
    """What `convert` makes of the checkpoint; empty until it is made."""
    return []


@pytest.fixture
def reference(checkpoint: Path, converter: Path, made_once: list[bytes], tmp_path: Path) -> bytes:
    if not made_once:
        to = tmp_path / "reference"
        ended = run_verb("convert", str(checkpoint), "--level", "Q4_K_M", "--to", str(to))
        assert ended.status == 0, ended.complaints
        made_once.append((to / FILE).read_bytes())
    return made_once[0]


@pytest.fixture
def target(hub: LocalHub, tmp_path: Path) -> Path:
    """The folder in which a run was killed halfway, so that the next one asks for ranges."""
    folder = tmp_path / "made"
    hub.faults.hold_after_bytes = HALF
    with started("get", NAME, "--level", "Q4_K_M", "--to", str(folder)) as child:
        assert hub.wait_for_sent(HALF, timeout=60)
        child.process.kill()
        child.end()
    hub.release()
    return folder


def get(target: Path) -> Child:
    command = (*COMMAND, "get", "--events", NAME, "--level", "Q4_K_M", "--to", str(target))
    with running(command) as child:
        child.end()
    return child


def assert_right(child: Child, target: Path, reference: bytes, home: Path) -> None:
    assert child.events[-1] == Finished((str(target / FILE),))
    assert (target / FILE).read_bytes() == reference
    assert [file.name for file in target.iterdir()] == [FILE]
    assert leftovers(target, home) == []


def test_what_came_before_the_plan_is_not_fetched_again(
    hub: LocalHub, checkpoint: Path, reference: bytes, home: Path, tmp_path: Path
) -> None:
    target = tmp_path / "made"
    hub.faults.hold_after_bytes = HALF
    command = ("get", NAME, "--level", "Q4_K_M", "--to", str(target))
    assert killed_when(lambda: kept_bytes(home) > HALF - NOT_KEPT, *command) is None
    assert not list(unfinished_streams())
    hub.release()
    assert_right(get(target), target, reference, home)
    weights = sum(file.stat().st_size for file in checkpoint.glob("*.safetensors"))
    assert hub.sent_bytes(".safetensors") < weights + 2 * NOT_KEPT


def test_what_was_kept_before_the_plan_may_be_damaged(
    hub: LocalHub, reference: bytes, home: Path, tmp_path: Path
) -> None:
    target = tmp_path / "made"
    hub.faults.hold_after_bytes = HALF
    command = ("get", NAME, "--level", "Q4_K_M", "--to", str(target))
    assert killed_when(lambda: kept_bytes(home) > HALF - NOT_KEPT, *command) is None
    for kept in (home / "streams").glob("*/prefetched/*"):
        content = bytearray(kept.read_bytes())
        content[len(content) // 2] ^= 1
        kept.write_bytes(content)
    hub.release()
    assert_right(get(target), target, reference, home)


@pytest.mark.parametrize("fault", HARMLESS)
def test_whatever_a_server_does_the_file_is_right(
    fault: str, hub: LocalHub, target: Path, reference: bytes, home: Path
) -> None:
    for name, value in HARMLESS[fault].items():
        setattr(hub.faults, name, value)
    assert_right(get(target), target, reference, home)


@pytest.mark.parametrize("fault", HOPELESS)
def test_what_does_not_end_is_named_and_nothing_looks_finished(
    fault: str, hub: LocalHub, target: Path, reference: bytes, home: Path
) -> None:
    faults, code = HOPELESS[fault]
    for name, value in faults.items():
        setattr(hub.faults, name, value)

    child = get(target)

    assert child.process.returncode == EXIT_FAILED
    assert isinstance(child.events[-1], Failed)
    assert child.events[-1].code is code
    # What is safe stays for another run, and is listed as unfinished.
    (stream,) = unfinished_streams()
    assert {file.part for file in stream.record.files} == set(target.iterdir())
    hub.faults = type(hub.faults)()
    assert_right(get(target), target, reference, home)


@pytest.mark.parametrize("seed", range(3))
def test_one_flipped_bit_in_each_file_is_mended(
    seed: int, checkpoint: Path, hub: LocalHub, reference: bytes, tmp_path: Path, home: Path
) -> None:
    chance, target = random.Random(seed), tmp_path / "made"
    outline_bytes = 3 * 2**18
    hub.faults.hold_after_bytes = outline_bytes
    command = (*COMMAND, "get", "--events", NAME, "--level", "Q4_K_M", "--to", str(target))
    with running(command) as child:
        assert hub.wait_for_sent(outline_bytes, timeout=60)
        sizes = {file.name: file.stat().st_size for file in checkpoint.glob("*.safetensors")}
        places = {name: {chance.randrange(size)} for name, size in sizes.items()}
        if seed == 0:
            # In the headers, which the outline has.
            places = {name: {100 + place} for place, name in enumerate(sizes)}
        hub.faults.flipped_in = places
        hub.release()
        child.end()
    assert not any(places.values())
    assert_right(child, target, reference, home)


def test_a_damaged_outline_is_named_and_fetched_again(
    hub: LocalHub, target: Path, reference: bytes, home: Path
) -> None:
    hollow = sorted((home / "outlines").rglob("*.safetensors"))[-1]
    with hollow.open("r+b") as file:
        content = file.read(200)
        file.seek(content.index(b'"pt"'))
        file.write(b'"qt"')
    child = get(target)
    assert child.events[-1] == Failed(ErrorCode.DOWNLOAD_DAMAGED, {"file": hollow.name})
    assert_right(get(target), target, reference, home)
