"""The verb `get`: convert while downloading, to the same bytes as download and convert."""

from __future__ import annotations

import json
import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from app.core.errors import ErrorCode, NoticeCode
from app.core.events import Failed, Finished, NoticeReported, Progressed
from app.jobs.outcome import EXIT_CANCELED, EXIT_FAILED
from app.library.conversion_records import ConversionRecords
from app.library.stream_journal import FilePosition, Journal, part_of, unfinished_streams
from app.native.importance_matrix import Activations, ImportanceMatrix, save_importance_matrix
from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.gguf.gguf_files import llama_file
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import Child, run_verb, started

pytestmark = pytest.mark.slow

NAME = "owner/Tiny"
LEVELS = ("Q4_K_M", "Q8_0")
PATIENCE_SECONDS = 120
FIRST_REQUEST_BYTES = 300_000
"""More than the outline fetches of each weight file."""
CHOSEN = [word for level in LEVELS for word in ("--level", level)]
HEADERS_BYTES = 100_000
"""More than all files and headers that are fetched before the weights."""


@pytest.fixture(autouse=True)
def _converter(converter: Path) -> Path:
    return converter


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "Tiny"
    return make_tiny_checkpoint(folder, width=512, layers=4, shards=3)


@pytest.fixture(scope="module")
def made_once() -> dict[str, bytes]:
    """The files that `convert` makes of the checkpoint, by name; empty until they are made."""
    return {}


@pytest.fixture
def reference(checkpoint: Path, made_once: dict[str, bytes], tmp_path: Path) -> dict[str, bytes]:
    if not made_once:
        made_once |= converted(checkpoint, tmp_path / "reference", *CHOSEN)
    return made_once


@pytest.fixture
def repository(hub: LocalHub, checkpoint: Path) -> str:
    hub.add_repository(NAME, checkpoint, lfs_above_bytes=HEADERS_BYTES)
    return NAME


def converted(source: Path, folder: Path, *options: str) -> dict[str, bytes]:
    ended = run_verb("convert", str(source), *options, "--to", str(folder))
    assert ended.status == 0, ended.complaints
    return contents_of(folder)


def contents_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def weights_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def get(target: Path, *options: str) -> Child:
    with started("get", NAME, *options, "--to", str(target)) as child:
        child.end()
    return child


def assert_whole(child: Child, target: Path, reference: dict[str, bytes], home: Path) -> None:
    assert child.process.returncode == 0, child.events[-1]
    assert child.events[-1] == Finished(tuple(str(target / name) for name in reference))
    assert contents_of(target) == reference
    assert_nothing_left(home)


def assert_nothing_left(home: Path) -> None:
    assert not list((home / "streams").glob("*"))
    assert not (home / "checkpoints").exists()
    assert not list((home / "unfinished").glob("*"))


def origins_in(folder: Path) -> set[str]:
    records = ConversionRecords()
    return {records.repository_of(file) for file in folder.iterdir()}


def failure(child: Child) -> Failed:
    assert child.process.returncode == EXIT_FAILED
    last = child.events[-1]
    assert isinstance(last, Failed), last
    return last


def test_several_levels_come_from_one_stream(
    hub: LocalHub,
    repository: str,
    checkpoint: Path,
    reference: dict[str, bytes],
    tmp_path: Path,
    home: Path,
) -> None:
    child = get(tmp_path / "made", *CHOSEN)

    assert_whole(child, tmp_path / "made", reference, home)
    assert weights_of(checkpoint) <= hub.sent_bytes(".safetensors")
    assert hub.sent_bytes(".safetensors") < weights_of(checkpoint) + 3 * FIRST_REQUEST_BYTES
    progress = [event for event in child.events if isinstance(event, Progressed)]
    downloaded = [event for event in progress if event.step == "download"]
    assert downloaded[-1].done_bytes == downloaded[-1].total_bytes == weights_of(checkpoint)
    assert origins_in(tmp_path / "made") == {NAME}


@pytest.mark.parametrize("configuration", ["MixtralConfig", "GemmaConfig"])
def test_stacked_experts_and_tied_weights_too(
    configuration: str, hub: LocalHub, tmp_path: Path
) -> None:
    source = make_checkpoint(configuration, tmp_path / "Tiny")
    hub.add_repository(NAME, source, lfs_above_bytes=HEADERS_BYTES)
    child = get(tmp_path / "made", "--level", "Q4_K_M")
    assert child.process.returncode == 0, child.events[-1]
    assert not [event for event in child.events if isinstance(event, NoticeReported)]
    assert contents_of(tmp_path / "made") == converted(
        source, tmp_path / "reference", "--level", "Q4_K_M"
    )


def test_killed_anywhere_it_goes_on_where_it_was(
    hub: LocalHub,
    repository: str,
    checkpoint: Path,
    reference: dict[str, bytes],
    tmp_path: Path,
    home: Path,
) -> None:
    target, chance = tmp_path / "made", random.Random(7)
    all_bytes = weights_of(checkpoint)
    for _ in range(4):
        sent = hub.sent_bytes()
        hub.faults.hold_after_bytes = sent + chance.randrange(HEADERS_BYTES, all_bytes // 2)
        with started("get", NAME, *CHOSEN, "--to", str(target)) as child:
            if not hub.wait_for_sent(hub.faults.hold_after_bytes, timeout=60):
                break
            child.process.kill()
        hub.release()
    hub.release()
    child = get(target, *CHOSEN)
    assert_whole(child, target, reference, home)


def test_canceled_it_keeps_what_is_safe_and_resumes(
    hub: LocalHub,
    repository: str,
    checkpoint: Path,
    reference: dict[str, bytes],
    tmp_path: Path,
    home: Path,
) -> None:
    first, *_ = sorted(checkpoint.glob("*.safetensors"))
    target = tmp_path / "made"
    hub.faults.hold_after_bytes = weights_of(checkpoint)
    with started("get", NAME, *CHOSEN, "--to", str(target)) as child:
        wait_until(lambda: first_is_noted(home, checkpoint))
        child.cancel()
        assert child.end() == EXIT_CANCELED
    hub.release()
    assert not list(target.glob("*.gguf"))
    sent = hub.sent_bytes(first.name)

    child = get(target, *CHOSEN)

    assert_whole(child, target, reference, home)
    assert hub.sent_bytes(first.name) == sent


def test_without_a_level_it_resumes_the_one_that_was_recommended(
    hub: LocalHub, repository: str, checkpoint: Path, tmp_path: Path, home: Path
) -> None:
    target = tmp_path / "made"
    hub.faults.hold_after_bytes = weights_of(checkpoint)
    with started("get", NAME, "--to", str(target)) as child:
        wait_until(lambda: first_is_noted(home, checkpoint))
        child.cancel()
        child.end()
    hub.release()
    (unfinished,) = unfinished_streams()
    assert unfinished.record.asked_levels == ()
    (level,) = unfinished.record.levels

    child = get(target)

    assert child.events[-1] == Finished((str(target / f"Tiny-{level}.gguf"),))
    assert_nothing_left(home)


def first_is_noted(home: Path, checkpoint: Path) -> bool:
    """Return whether the journal has all of the first weight file."""
    first, *_ = sorted(checkpoint.glob("*.safetensors"))
    return noted(home, first.name) == FilePosition(first.stat().st_size, b"", True)


def noted(home: Path, name: str) -> FilePosition | None:
    """Return what the only journal says about a weight file."""
    folders = list((home / "streams").glob("*"))
    return Journal(folders[0]).positions.get(name) if folders else None


def wait_until(is_so: Callable[[], bool]) -> None:
    given_up = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < given_up
        threading.Event().wait(0.02)


def test_a_damaged_file_is_fetched_again(
    hub: LocalHub, repository: str, reference: dict[str, bytes], tmp_path: Path, home: Path
) -> None:
    # The first responses are those of the outline, whose damage shows in its checksums.
    hub.faults.hold_after_bytes = HEADERS_BYTES
    target = tmp_path / "made"
    with started("get", NAME, *CHOSEN, "--to", str(target)) as child:
        assert hub.wait_for_sent(HEADERS_BYTES, timeout=60)
        hub.faults.flipped_bits = 2
        hub.release()
        child.end()
    assert_whole(child, target, reference, home)


def test_a_file_that_stays_damaged_is_named(hub: LocalHub, repository: str, tmp_path: Path) -> None:
    hub.faults.hold_after_bytes = HEADERS_BYTES
    with started("get", NAME, *CHOSEN, "--to", str(tmp_path / "made")) as child:
        assert hub.wait_for_sent(HEADERS_BYTES, timeout=60)
        hub.faults.flipped_bits = 100
        hub.release()
        child.end()
    assert failure(child).code is ErrorCode.DOWNLOAD_DAMAGED
    assert not list((tmp_path / "made").glob("*.gguf"))


def test_another_commit_begins_anew_and_leaves_nothing(
    hub: LocalHub, repository: str, tmp_path: Path, home: Path
) -> None:
    target = tmp_path / "made"
    hub.faults.hold_after_bytes = 5_000_000
    with started("get", NAME, *CHOSEN, "--to", str(target)) as child:
        assert hub.wait_for_sent(5_000_000, timeout=60)
        child.process.kill()
    hub.release()
    newer = make_tiny_checkpoint(tmp_path / "newer" / "Tiny", width=256, layers=1, seed=2)
    hub.add_repository(NAME, newer, lfs_above_bytes=HEADERS_BYTES)
    child = get(target, *CHOSEN)
    assert_whole(child, target, converted(newer, tmp_path / "reference", *CHOSEN), home)


def test_an_existing_file_stays_and_no_weights_are_fetched(
    hub: LocalHub, repository: str, reference: dict[str, bytes], tmp_path: Path, home: Path
) -> None:
    target = tmp_path / "made"
    target.mkdir()
    (target / "Tiny-Q4_K_M.gguf").write_bytes(b"mine")
    assert failure(get(target, *CHOSEN)).code is ErrorCode.RESULT_EXISTS
    assert failure(get(target, *CHOSEN, "--keep-checkpoint")).code is ErrorCode.RESULT_EXISTS
    assert contents_of(target) == {"Tiny-Q4_K_M.gguf": b"mine"}
    # Only their headers, which have told the name of the file.
    assert hub.sent_bytes(".safetensors") < 3 * FIRST_REQUEST_BYTES
    assert_nothing_left(home)
    assert get(target, *CHOSEN, "--overwrite").process.returncode == 0
    assert contents_of(target) == reference


def test_an_older_file_of_the_same_size_is_not_taken_for_the_new_one(
    hub: LocalHub, repository: str, reference: dict[str, bytes], tmp_path: Path, home: Path
) -> None:
    target = tmp_path / "made"
    target.mkdir()
    for name, content in reference.items():
        (target / name).write_bytes(bytes(len(content)))
    hub.faults.hold_after_bytes = 5_000_000
    with started("get", NAME, *CHOSEN, "--overwrite", "--to", str(target)) as child:
        wait_until(lambda: bool(list((home / "streams").glob("*/journal"))))
        child.process.kill()
    hub.release()
    for part in target.glob("*.part"):
        part.unlink()
    child = get(target, *CHOSEN, "--overwrite")
    assert_whole(child, target, reference, home)


def test_killed_while_files_get_their_names_it_gives_the_rest_theirs(
    hub: LocalHub, repository: str, reference: dict[str, bytes], tmp_path: Path, home: Path
) -> None:
    target = tmp_path / "made"
    part = part_of(target / f"Tiny-{LEVELS[1]}.gguf")
    hub.faults.bytes_per_second = 5_000_000
    with started("get", NAME, *CHOSEN, "--to", str(target)) as child:
        reader = threading.Thread(target=child.end)
        reader.start()
        wait_until(part.exists)
        # Nothing can be renamed to a folder that isn't empty.
        (target / f"Tiny-{LEVELS[1]}.gguf" / "in the way").mkdir(parents=True)
        reader.join()
    assert failure(child).code is ErrorCode.FOLDER_NOT_WRITABLE
    assert (target / f"Tiny-{LEVELS[0]}.gguf").read_bytes() == reference[f"Tiny-{LEVELS[0]}.gguf"]
    shutil.rmtree(target / f"Tiny-{LEVELS[1]}.gguf")
    sent = hub.sent_bytes(".safetensors")
    child = get(target, *CHOSEN)
    assert_whole(child, target, reference, home)
    assert hub.sent_bytes(".safetensors") == sent


def test_without_a_level_it_takes_the_recommended_one(repository: str, tmp_path: Path) -> None:
    estimate = run_verb("estimate", NAME, "--json")
    level = json.loads("\n".join(estimate.lines))["advice"]["level"]
    child = get(tmp_path / "made")
    assert child.events[-1] == Finished((str(tmp_path / "made" / f"Tiny-{level}.gguf"),))


def test_the_checkpoint_is_kept_on_request(
    repository: str, reference: dict[str, bytes], checkpoint: Path, tmp_path: Path, home: Path
) -> None:
    child = get(tmp_path / "made", *CHOSEN, "--keep-checkpoint")
    assert child.process.returncode == 0, child.events[-1]
    assert contents_of(tmp_path / "made") == reference
    assert (home / "checkpoints" / NAME / "config.json").is_file()
    assert origins_in(tmp_path / "made") == {NAME}


def test_what_needs_the_whole_checkpoint_says_so_and_keeps_it(
    repository: str, tmp_path: Path, home: Path
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("The miller ground the grain and the mill stood by the river. " * 300)
    child = get(tmp_path / "made", "--level", "Q4_K_M", "--calibration", str(text))
    assert child.process.returncode == 0, child.events[-1]
    (notice,) = [event for event in child.events if isinstance(event, NoticeReported)][:1]
    assert notice.code is NoticeCode.CHECKPOINT_KEPT
    assert (home / "checkpoints" / NAME / "config.json").is_file()


def test_a_model_that_does_not_chat_is_named_before_its_weights_come(
    hub: LocalHub, checkpoint: Path, reference: dict[str, bytes], tmp_path: Path
) -> None:
    facts = {"pipeline_tag": "feature-extraction"}
    hub.add_repository(NAME, checkpoint, lfs_above_bytes=HEADERS_BYTES, facts=facts)
    child = get(tmp_path / "made", *CHOSEN)
    assert contents_of(tmp_path / "made") == reference
    (place,) = [
        place
        for place, event in enumerate(child.events)
        if isinstance(event, NoticeReported) and event.code is NoticeCode.MODEL_WITHOUT_CHAT
    ]
    assert not any(isinstance(event, Progressed) for event in child.events[:place])


def test_a_layout_that_reads_weights_leaves_only_the_checkpoint(
    hub: LocalHub, tmp_path: Path, home: Path
) -> None:
    source = make_checkpoint("MambaConfig", tmp_path / "Tiny")
    weights = load_file(source / "model.safetensors")
    # The converter compares both.
    weights["lm_head.weight"] = weights["backbone.embeddings.weight"].clone()
    save_file(weights, source / "model.safetensors", {"format": "pt"})
    hub.add_repository(NAME, source, lfs_above_bytes=HEADERS_BYTES)
    child = get(tmp_path / "made", "--level", "Q8_0")
    assert child.process.returncode == 0, child.events[-1]
    assert NoticeCode.CHECKPOINT_KEPT in {
        event.code for event in child.events if isinstance(event, NoticeReported)
    }
    assert list(contents_of(tmp_path / "made")) == ["Tiny-Q8_0.gguf"]
    assert not (home / "streams").exists()


def test_of_a_gguf_repository_it_downloads_a_file(hub: LocalHub, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for level in LEVELS:
        llama_file().write(folder / f"tiny-{level}.gguf")
    hub.add_repository(NAME, folder)
    child = get(tmp_path / "made", "--level", "Q8_0")
    assert child.events[-1] == Finished((str(tmp_path / "made" / "tiny-Q8_0.gguf"),))


def test_another_importance_matrix_begins_anew(
    hub: LocalHub, repository: str, checkpoint: Path, tmp_path: Path, home: Path
) -> None:
    target, matrix = tmp_path / "made", tmp_path / "matrix.gguf"
    options = ("--level", "Q4_K_M", "--imatrix", str(matrix))
    save_matrix(matrix, seed=1)
    hub.faults.hold_after_bytes = weights_of(checkpoint)
    with started("get", NAME, *options, "--to", str(target)) as child:
        wait_until(lambda: first_is_noted(home, checkpoint))
        child.process.kill()
    hub.release()
    save_matrix(matrix, seed=2)
    child = get(target, *options)
    assert_whole(child, target, converted(checkpoint, tmp_path / "again", *options), home)


def save_matrix(file: Path, seed: int) -> None:
    names = [f"blk.{layer}.ffn_up.weight" for layer in range(4)]
    chance = np.random.default_rng(seed)
    entries = {
        name: Activations(chance.random((1, 512), np.float32) + 0.01, np.array([8]))
        for name in names
    }
    save_importance_matrix(file, ImportanceMatrix(entries, 1, 512, ("text",)))


def test_two_at_once_get_into_no_quarrel(
    hub: LocalHub, repository: str, reference: dict[str, bytes], tmp_path: Path, home: Path
) -> None:
    target = tmp_path / "made"
    hub.faults.hold_after_bytes = 5_000_000
    with started("get", NAME, *CHOSEN, "--to", str(target)) as first:
        assert hub.wait_for_sent(5_000_000, timeout=60)
        second = get(target, *CHOSEN)
        assert failure(second).code is ErrorCode.DOWNLOAD_BUSY
        hub.release()
        first.end()
    assert_whole(first, target, reference, home)
