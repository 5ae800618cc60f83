"""The verb `estimate` of repositories on the Hub, which are not downloaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.core.errors import ErrorCode
from app.core.events import LevelsApproximated, Printed
from app.core.levels import LEVELS
from app.jobs.outcome import EXIT_CANCELED, EXIT_FAILED
from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.outlines import sizes_of
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import Ended, run_verb, sentence_of, started

pytestmark = pytest.mark.slow

REPOSITORY = "owner/tiny"
ARCHITECTURES = (
    # Some of its numbers are read while it is laid out.
    "ApertusConfig",
    "MixtralConfig",
    "Gemma3TextConfig",
    "Qwen2MoeConfig",
    "MambaConfig",
    "Lfm2Config",
)


@pytest.fixture(autouse=True)
def _converter(converter: Path, known_machine: None) -> Path:
    return converter


@pytest.fixture
def checkpoint(tmp_path: Path, hub: LocalHub) -> Path:
    """A checkpoint in three shards, on the Hub and here."""
    folder = make_tiny_checkpoint(tmp_path / "tiny", layers=2, shards=3)
    hub.add_repository(REPOSITORY, folder, lfs_above_bytes=100_000)
    return folder


def levels_of(ended: Ended) -> dict[str, int]:
    assert ended.status == 0, ended.complaints
    found = json.loads("\n".join(ended.lines))["levels"]
    assert all(level["exact"] for level in found)
    return {level["level"]: level["size_bytes"] for level in found}


def test_sizes_are_those_of_the_files_that_a_conversion_writes(
    tmp_path: Path, hub: LocalHub, checkpoint: Path
) -> None:
    remote = levels_of(run_verb("estimate", REPOSITORY, "--json"))
    assert remote.keys() == {level.name for level in LEVELS}
    options = [word for level in ("Q4_K_M", "F16") for word in ("--level", level)]
    written = run_verb("convert", str(checkpoint), *options, "--to", str(tmp_path))
    assert written.status == 0
    for level in ("Q4_K_M", "F16"):
        assert remote[level] == (tmp_path / f"tiny-{level}.gguf").stat().st_size


def test_speeds_are_those_of_the_folder(hub: LocalHub, checkpoint: Path) -> None:
    remote, local = (
        json.loads("\n".join(run_verb("estimate", source, "--json", "--typical-quality").lines))
        for source in (REPOSITORY, str(checkpoint))
    )
    for far, near in zip(remote["levels"], local["levels"], strict=True):
        assert far["tokens_per_second"] == pytest.approx(near["tokens_per_second"])
        assert far["problem"] is None


def test_what_was_fetched_once_is_not_fetched_again(hub: LocalHub, checkpoint: Path) -> None:
    first = run_verb("estimate", REPOSITORY, "--json")
    shards = [path.name for path in checkpoint.glob("*.safetensors")]
    fetched = {path.name: path.stat().st_size for path in checkpoint.iterdir()}
    for name, size_bytes in fetched.items():
        if name in shards:
            assert hub.sent_bytes(f"/{name}") <= 2**18
        else:
            assert hub.sent_bytes(f"/{name}") == size_bytes
    hub.requests.clear()

    second = run_verb("estimate", REPOSITORY, "--json")

    assert levels_of(second) == levels_of(first)
    assert hub.file_requests() == []
    assert len(hub.requests) == 1


def test_a_commit_that_was_fetched_is_there_without_the_hub(
    hub: LocalHub, checkpoint: Path
) -> None:
    commit = hub.repositories[REPOSITORY].newest.commit
    first = run_verb("estimate", f"{REPOSITORY}@{commit}", "--json")
    hub.requests.clear()

    second = run_verb("estimate", f"{REPOSITORY}@{commit}", "--json")

    assert levels_of(second) == levels_of(first)
    assert hub.requests == []


def test_about_the_sizes_come_first(hub: LocalHub, checkpoint: Path) -> None:
    with started("estimate", REPOSITORY, "--json") as child:
        about = child.read_until(lambda event: isinstance(event, LevelsApproximated))
        exact = child.read_until(lambda event: isinstance(event, Printed))
    assert isinstance(about, LevelsApproximated)
    assert isinstance(exact, Printed)
    sizes = {level["level"]: level["size_bytes"] for level in json.loads(exact.text)["levels"]}
    assert about.sizes.keys() == sizes.keys()
    # Its vocabulary and header are nothing in a model of the usual size.
    for level, size_bytes in about.sizes.items():
        assert 0.8 * sizes[level] < size_bytes < 1.1 * sizes[level]


def test_architectures_have_the_sizes_of_their_folders(tmp_path: Path, hub: LocalHub) -> None:
    folders = [make_checkpoint(name, tmp_path / name) for name in ARCHITECTURES]
    folders.append(make_tiny_checkpoint(tmp_path / "tied", tied=True, shards=2))
    folders.append(make_tiny_checkpoint(tmp_path / "half", dtype="float16"))
    names = [f"owner/{folder.name}" for folder in folders]
    for name, folder in zip(names, folders, strict=True):
        hub.add_repository(name, folder, lfs_above_bytes=100_000)
    sizes = sizes_of([*folders, *names])
    for place, name in enumerate(names):
        assert sizes[place] == sizes[len(names) + place], name
        assert None not in sizes[place].values()


def test_an_outline_is_not_converted(home: Path, hub: LocalHub, checkpoint: Path) -> None:
    sizes_of([REPOSITORY])
    (outline,) = (home / "outlines").glob("*/owner/tiny")
    for level in ("Q4_K_M", "BF16"):
        ended = run_verb("convert", str(outline), "--level", level, "--to", str(home / "made"))
        assert ended.status == EXIT_FAILED
        assert sentence_of(ErrorCode.WEIGHTS_ARE_HOLES).fullmatch(ended.complaints[-1])
    assert not list((home / "made").glob("*"))


@pytest.mark.parametrize("fault", ["gated", "hub_down", "damaged"])
def test_what_goes_wrong_is_one_sentence_and_leaves_nothing(
    home: Path, hub: LocalHub, checkpoint: Path, fault: str
) -> None:
    code = ErrorCode.REPOSITORY_GATED
    match fault:
        case "gated":
            hub.repositories[REPOSITORY].gated = True
        case "hub_down":
            hub.faults.status_416 = True
            code = ErrorCode.HUB_ANSWER
        case "damaged":
            first = min(checkpoint.glob("*.safetensors"))
            first.write_bytes(b"\xff" * 1000)
            hub.add_repository(REPOSITORY, checkpoint)
            code = ErrorCode.WEIGHTS_DAMAGED
    ended = run_verb("estimate", REPOSITORY)
    assert (ended.status, ended.lines) == (EXIT_FAILED, [])
    assert sentence_of(code).fullmatch(ended.complaints[-1])
    assert not list((home / "outlines").glob("*"))
    assert not list((home / "unfinished").glob("*"))


def test_a_cancel_leaves_no_outline(home: Path, hub: LocalHub, checkpoint: Path) -> None:
    hub.faults.hold_after_bytes = 1000
    with started("estimate", REPOSITORY) as child:
        assert hub.wait_for_sent(1000)
        child.cancel()
        assert child.end() == EXIT_CANCELED
    # A transfer on its way may make its folder again; it is swept in a day.
    assert not list((home / "outlines").glob("*/owner"))


def test_no_such_file_is_not_looked_for_on_the_hub(hub: LocalHub) -> None:
    ended = run_verb("estimate", "models/tiny.gguf")
    assert ended.status == EXIT_FAILED
    assert sentence_of(ErrorCode.SOURCE_NOT_FOUND).fullmatch(ended.complaints[-1])
    assert hub.requests == []


def test_what_is_unusual_in_a_repository_is_sized_and_told_too(
    tmp_path: Path, hub: LocalHub
) -> None:
    folder = make_checkpoint("Qwen3_5TextConfig", tmp_path / "odd")
    (folder / "model.safetensors").rename(folder / "my-finetune.safetensors")
    hub.add_repository("owner/odd", folder, lfs_above_bytes=100_000)
    remote = run_verb("estimate", "owner/odd", "--json")
    assert "\n".join(remote.complaints).count("which the weights lack") == 1
    local = run_verb("estimate", str(folder), "--json", "--typical-quality")
    assert levels_of(remote) == levels_of(local)
