"""Bad input to `convert`: one clear line with a next step, exit status 1, and nothing left."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import ErrorCode
from app.core.events import Checked, Event, Failed, Progressed
from app.jobs.outcome import EXIT_FAILED, EXIT_USAGE
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import Ended, files_below, run_verb, sentence_of, started

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99\n"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
PROGRESS = {"Downloading", "Planning", "Converting"}
MEGABYTE = 10**6


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, converter: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound checkpoint, not to be changed."""
    return make_tiny_checkpoint(tmp_path_factory.mktemp("sound") / "tiny")


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound checkpoint of two shards, not to be changed."""
    return make_tiny_checkpoint(tmp_path_factory.mktemp("sharded") / "tiny", shards=2)


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(tiny, tmp_path / "tiny")


@pytest.fixture
def shards(sharded: Path, tmp_path: Path) -> Path:
    """A copy of two shards that a test may damage."""
    return shutil.copytree(sharded, tmp_path / "tiny")


def convert(source: Path | str, target: Path, *options: str) -> Ended:
    return run_verb("convert", str(source), "--level", "Q4_K_M", "--to", str(target), *options)


def assert_refused(ended: Ended, home: Path, code: ErrorCode, **details: str) -> None:
    assert ended.status == EXIT_FAILED
    assert sentence_of(code, **details).fullmatch(ended.complaints[-1]), ended.complaints
    assert {line.partition(" ")[0] for line in ended.complaints[:-1]} <= PROGRESS
    assert_clean(home)


def assert_clean(home: Path) -> None:
    assert not list((home / "unfinished").glob("*"))
    assert not list(home.parent.rglob("*.part"))
    assert not list((home.parent / "temporary").glob("gristmill-*"))


def assert_nothing_made(target: Path) -> None:
    assert not list(target.glob("*"))


def change(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def safetensors(header: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def test_a_repository_that_does_not_exist(hub: LocalHub, home: Path, target: Path) -> None:
    ended = convert("owner/absent", target)
    assert_refused(ended, home, ErrorCode.REPOSITORY_NOT_FOUND, repository="owner/absent")
    assert_nothing_made(target)


def test_a_gated_repository(hub: LocalHub, home: Path, target: Path, tiny: Path) -> None:
    hub.add_repository("owner/gated", tiny, gated=True)
    ended = convert("owner/gated", target)
    assert_refused(ended, home, ErrorCode.REPOSITORY_GATED, repository="owner/gated")
    assert_nothing_made(target)
    assert not list((home / "checkpoints").glob("*"))


def test_a_repository_without_weights(
    hub: LocalHub, home: Path, target: Path, folder: Path
) -> None:
    (folder / WEIGHTS).unlink()
    hub.add_repository("owner/empty", folder)
    ended = convert("owner/empty", target)
    assert_refused(ended, home, ErrorCode.REPOSITORY_WITHOUT_WEIGHTS, repository="owner/empty")
    assert_nothing_made(target)


def test_a_revision_that_does_not_exist(
    hub: LocalHub, home: Path, target: Path, tiny: Path
) -> None:
    hub.add_repository("owner/name", tiny)
    ended = convert(f"{hub.endpoint}/owner/name/tree/absent", target)
    assert_refused(ended, home, ErrorCode.REVISION_NOT_FOUND, revision="absent")


def test_a_hub_that_is_not_there(home: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalHub() as gone:
        monkeypatch.setenv("HF_ENDPOINT", gone.endpoint)
    ended = convert("owner/name", target)
    assert_refused(ended, home, ErrorCode.HUB_UNREACHABLE)


def test_neither_a_folder_nor_a_repository(home: Path, target: Path) -> None:
    ended = convert("no such folder", target)
    assert_refused(ended, home, ErrorCode.SOURCE_NOT_FOUND, source="no such folder")


@pytest.mark.parametrize("name", ["config.json", WEIGHTS])
def test_a_file_is_no_checkpoint(name: str, home: Path, target: Path, tiny: Path) -> None:
    ended = convert(tiny / name, target)
    assert_refused(ended, home, ErrorCode.FILE_NOT_CONVERTIBLE, file=str(tiny / name))
    assert_nothing_made(target)


def test_a_gguf_file_that_is_not_there(home: Path, target: Path) -> None:
    ended = convert("absent.gguf", target)
    assert_refused(ended, home, ErrorCode.SOURCE_NOT_FOUND, source="absent.gguf")


def pointers(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(POINTER)


def truncated(folder: Path) -> None:
    os.truncate(folder / WEIGHTS, (folder / WEIGHTS).stat().st_size - 1)


def overlapping(folder: Path) -> None:
    header = {
        "a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]},
        "b": {"dtype": "BF16", "shape": [2], "data_offsets": [2, 6]},
    }
    (folder / WEIGHTS).write_bytes(safetensors(json.dumps(header).encode(), bytes(6)))


def no_json(folder: Path) -> None:
    (folder / "config.json").write_text('{"architectures": [')


def a_list(folder: Path) -> None:
    (folder / "config.json").write_text("[1, 2]")


def nested(folder: Path) -> None:
    (folder / "config.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)


def architecture_as_number(folder: Path) -> None:
    change(folder / "config.json", architectures=[3])


def countless_layers(folder: Path) -> None:
    change(folder / "config.json", text_config={"num_hidden_layers": 10**12})


def countless_tokens(folder: Path) -> None:
    change(folder / "config.json", vocab_size=10**9)


def broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text('{"a":')


def one_of_two(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / FIRST)


@pytest.mark.parametrize(
    ("spoil", "code", "file"),
    [
        (pointers, ErrorCode.LFS_POINTER, WEIGHTS),
        (truncated, ErrorCode.WEIGHTS_DAMAGED, WEIGHTS),
        (overlapping, ErrorCode.WEIGHTS_DAMAGED, WEIGHTS),
        (no_json, ErrorCode.CONFIG_DAMAGED, "config.json"),
        (a_list, ErrorCode.CONFIG_DAMAGED, "config.json"),
        (nested, ErrorCode.CONFIG_DAMAGED, "config.json"),
        (architecture_as_number, ErrorCode.CONFIG_DAMAGED, "config.json"),
        (countless_layers, ErrorCode.CONFIG_DAMAGED, "config.json"),
        (countless_tokens, ErrorCode.CONFIG_DAMAGED, "config.json"),
        (broken_tokenizer, ErrorCode.CONFIG_DAMAGED, "tokenizer_config.json"),
        (one_of_two, ErrorCode.MISSING_SHARD, SECOND),
    ],
)
def test_a_spoilt_checkpoint(
    spoil: Callable[[Path], None],
    code: ErrorCode,
    file: str,
    folder: Path,
    home: Path,
    target: Path,
) -> None:
    spoil(folder)
    before = files_below(folder)
    ended = convert(folder, target)
    assert_refused(ended, home, code, file=file)
    assert_nothing_made(target)
    assert files_below(folder) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not count processor time so")
def test_a_header_of_four_gigabytes_is_refused_at_once(
    folder: Path, home: Path, target: Path
) -> None:
    import resource

    with (folder / WEIGHTS).open("wb") as file:
        file.write(safetensors(b"{", length=2**32))
        file.truncate(2**32 + 8)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = convert(folder, target)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert_refused(ended, home, ErrorCode.WEIGHTS_DAMAGED, file=WEIGHTS)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


def test_a_missing_shard(shards: Path, home: Path, target: Path) -> None:
    (shards / SECOND).unlink()
    assert_refused(convert(shards, target), home, ErrorCode.MISSING_SHARD, file=SECOND)


def named_above(shards: Path) -> str:
    (shards / SECOND).rename(shards.parent / "x.safetensors")
    return "../x.safetensors"


def named_absolutely(shards: Path) -> str:
    (shards / SECOND).rename(shards.parent / "x.safetensors")
    return str(shards.parent / "x.safetensors")


def linked(shards: Path) -> str:
    (shards / SECOND).rename(shards.parent / "x.safetensors")
    try:
        (shards / SECOND).symlink_to(shards.parent / "x.safetensors")
    except OSError:
        pytest.skip("links can't be made here")
    return SECOND


@pytest.mark.parametrize("lead_out", [named_above, named_absolutely, linked])
def test_a_shard_outside_of_the_folder(
    lead_out: Callable[[Path], str], shards: Path, home: Path, target: Path
) -> None:
    name = lead_out(shards)
    weight_map = json.loads((shards / INDEX).read_text())["weight_map"]
    moved = {tensor: name if file == SECOND else file for tensor, file in weight_map.items()}
    (shards / INDEX).write_text(json.dumps({"weight_map": moved}))
    assert_refused(convert(shards, target), home, ErrorCode.UNSAFE_NAME, name=name)
    assert_nothing_made(target)


class Bait:
    """Makes a folder when it is read from a pickle."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._marker),)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "consolidated.00.pth"])
def test_a_pickle_is_not_read(
    name: str, folder: Path, tmp_path: Path, home: Path, target: Path
) -> None:
    (folder / WEIGHTS).unlink()
    (folder / name).write_bytes(pickle.dumps(Bait(tmp_path / "marker")))
    assert_refused(convert(folder, target), home, ErrorCode.PICKLE_WEIGHTS, file=name)
    assert not (tmp_path / "marker").exists()


def test_a_level_that_llama_cpp_does_not_know(tiny: Path, target: Path) -> None:
    ended = run_verb("convert", str(tiny), "--level", "Q9_X", "--to", str(target))
    assert ended.status == EXIT_USAGE
    sentence = "“Q9_X” is not a quantization level of llama.cpp; choose one of IQ1_S, "
    assert sentence in ended.complaints[-1]
    assert "Q4_K_M, " in ended.complaints[-1]
    assert not target.exists()


def test_no_level(tiny: Path, target: Path) -> None:
    ended = run_verb("convert", str(tiny), "--to", str(target))
    assert ended.status == EXIT_USAGE
    (line,) = ended.complaints
    assert sentence_of(ErrorCode.LEVEL_MISSING).fullmatch(line)


def test_several_levels_for_one_file(tiny: Path, tmp_path: Path) -> None:
    file = tmp_path / "one.gguf"
    ended = run_verb("convert", str(tiny), "--level", "Q8_0", "--level", "Q6_K", "--to", str(file))
    assert ended.status == EXIT_USAGE
    (line,) = ended.complaints
    assert sentence_of(ErrorCode.ONE_FILE_FOR_SEVERAL_LEVELS, file=str(file)).fullmatch(line)


@pytest.mark.slow
def test_a_level_that_needs_an_importance_matrix(tiny: Path, home: Path, target: Path) -> None:
    ended = run_verb("convert", str(tiny), "--level", "IQ2_XS", "--to", str(target))
    code = ErrorCode.LEVEL_NEEDS_IMPORTANCE_MATRIX
    assert_refused(ended, home, code, level="IQ2_XS")


def test_a_file_that_is_there_already(tiny: Path, home: Path, target: Path) -> None:
    target.mkdir()
    file = target / "tiny-Q4_K_M.gguf"
    file.write_bytes(b"old")
    assert_refused(convert(tiny, target), home, ErrorCode.RESULT_EXISTS, file=str(file))
    assert file.read_bytes() == b"old"


def test_a_data_folder_that_is_a_file(
    tiny: Path, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRISTMILL_HOME", str(tmp_path / "file"))
    ended = convert(tiny, target)
    assert ended.status == EXIT_FAILED
    (line,) = ended.complaints
    assert sentence_of(ErrorCode.FOLDER_NOT_WRITABLE).fullmatch(line)


@pytest.mark.slow
def test_a_target_folder_that_is_a_file(tiny: Path, tmp_path: Path, home: Path) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    target = tmp_path / "file" / "models"
    assert_refused(convert(tiny, target), home, ErrorCode.FOLDER_NOT_WRITABLE, folder=str(target))
    assert (tmp_path / "file").read_bytes() == b"kept"


@pytest.mark.parametrize("option", ["--to", "--types-to"])
def test_a_file_is_in_the_way_of_a_folder_before_anything_is_planned(
    option: str, tiny: Path, tmp_path: Path, home: Path
) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    target = tmp_path / "file" / "made"
    ended = run_verb("convert", str(tiny), "--level", "Q8_0", option, str(target))
    folder = target if option == "--to" else target.parent
    reason = f"the file {tmp_path / 'file'} is in the way"
    code = ErrorCode.FOLDER_NOT_WRITABLE
    assert_refused(ended, home, code, folder=str(folder), reason=reason)
    assert not any("enough space" in line for line in ended.lines)


@pytest.mark.parametrize("option", ["--to", "--types-to"])
def test_a_name_that_is_too_long_for_a_file(
    option: str, tiny: Path, tmp_path: Path, home: Path
) -> None:
    target = tmp_path / f"{'x' * 300}.gguf"
    ended = run_verb("convert", str(tiny), "--level", "Q8_0", option, str(target))
    assert_refused(ended, home, ErrorCode.FOLDER_NOT_WRITABLE, folder=str(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_types_can_not_be_written_to_a_file_system_that_takes_no_files(
    dry: tuple[str, ...], tiny: Path, home: Path, target: Path
) -> None:
    options = ("--level", "Q8_0", "--to", str(target), "--types-to", "/proc/types.txt", *dry)
    ended = run_verb("convert", str(tiny), *options)
    assert_refused(ended, home, ErrorCode.FOLDER_NOT_WRITABLE, folder="/proc")
    assert not target.exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_a_target_folder_in_a_file_system_that_takes_no_files(tiny: Path, home: Path) -> None:
    ended = convert(tiny, Path("/proc/gristmill"))
    assert_refused(ended, home, ErrorCode.FOLDER_NOT_WRITABLE, folder="/proc/gristmill")


def unknown_architecture(folder: Path) -> None:
    change(folder / "config.json", architectures=["MillstoneForCausalLM"])


def without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.model").unlink()


def unknown_pre_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE({chr(97 + i): i for i in range(26)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.Digits()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer.model").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')


def spoil_weights(folder: Path, spoil: Callable[[dict[str, Any]], None]) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / WEIGHTS)
    spoil(tensors)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def not_a_number(folder: Path) -> None:
    def spoil(tensors: dict[str, Any]) -> None:
        tensors["model.layers.0.mlp.up_proj.weight"][3, 7] = float("nan")

    spoil_weights(folder, spoil)


def infinite(folder: Path) -> None:
    def spoil(tensors: dict[str, Any]) -> None:
        tensors["model.norm.weight"][0] = float("-inf")

    spoil_weights(folder, spoil)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "code", "facts"),
    [
        (
            unknown_architecture,
            ErrorCode.ARCHITECTURE_UNSUPPORTED,
            {"architecture": "MillstoneForCausalLM"},
        ),
        (without_tokenizer, ErrorCode.TOKENIZER_MISSING, {}),
        (unknown_pre_tokenizer, ErrorCode.TOKENIZER_UNKNOWN, {}),
        (not_a_number, ErrorCode.WEIGHTS_NOT_FINITE, {"tensor": "blk.0.ffn_up.weight"}),
        (infinite, ErrorCode.WEIGHTS_NOT_FINITE, {"tensor": "output_norm.weight"}),
    ],
)
def test_a_checkpoint_that_the_converter_can_do_nothing_with(
    spoil: Callable[[Path], None],
    code: ErrorCode,
    facts: dict[str, str],
    folder: Path,
    home: Path,
    target: Path,
) -> None:
    spoil(folder)
    assert_refused(convert(folder, target), home, code, **facts)
    assert_nothing_made(target)


@pytest.mark.slow
def test_what_the_converter_says_is_in_the_log(folder: Path, home: Path, target: Path) -> None:
    change(folder / "config.json", num_hidden_layers=None)
    ended = convert(folder, target)
    assert_refused(ended, home, ErrorCode.CONVERTER_FAILED)
    log = home / "logs" / "convert.log"
    assert ended.complaints[-1].endswith(f"({log})")
    assert "Traceback" in log.read_text()


@pytest.mark.slow
def test_weights_that_do_not_fit_their_configuration(
    folder: Path, home: Path, target: Path
) -> None:
    spoil_weights(folder, lambda tensors: tensors.pop("model.layers.0.mlp.up_proj.weight"))
    ended = convert(folder, target)
    assert_refused(ended, home, ErrorCode.CHECKPOINT_REJECTED)
    assert "blk.0.ffn_up.weight" in ended.complaints[-1]
    assert_nothing_made(target)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a separate file system of 400 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400m", "gristmill", str(folder)]
    if (
        sys.platform != "linux"
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path, size_bytes: int) -> None:
    """Use up this many bytes, or all that are left."""
    with (disk / "filling").open("wb", buffering=0) as file, suppress(OSError):
        for _ in range(size_bytes // MEGABYTE):
            file.write(bytes(MEGABYTE))


@pytest.mark.slow
def test_a_full_disk_is_seen_before_anything_is_written(
    tiny: Path, home: Path, small_disk: Path
) -> None:
    fill(small_disk, 200 * MEGABYTE)
    target = small_disk / "target"
    assert_refused(convert(tiny, target), home, ErrorCode.DISK_FULL, folder=str(target))
    assert not target.exists()


def is_converting(event: Event) -> bool:
    return isinstance(event, Progressed) and event.step == "convert"


@pytest.mark.slow
def test_a_disk_that_fills_up_half_way(tmp_path: Path, home: Path, small_disk: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny", layers=24)
    target = small_disk / "target"
    levels = ("--level", "Q8_0", "--level", "F32")
    with started("convert", str(source), *levels, "--to", str(target)) as child:
        child.read_until(is_converting)
        fill(small_disk, 400 * MEGABYTE)
        assert child.end() == EXIT_FAILED
    failure = child.events[-1]
    assert isinstance(failure, Failed)
    assert failure.code is ErrorCode.DISK_FULL
    assert_nothing_made(target)
    assert_clean(home)

    (small_disk / "filling").unlink()
    assert convert(source, target).status == 0


@pytest.mark.slow
def test_every_check_is_told_before_the_first_fault(shards: Path, target: Path) -> None:
    no_json(shards)
    (shards / SECOND).unlink()
    with started("convert", str(shards), "--level", "Q8_0", "--to", str(target)) as child:
        assert child.end() == EXIT_FAILED
    told = [(event.subject, event.error) for event in child.events if isinstance(event, Checked)]
    assert told == [
        ("files", ErrorCode.CONFIG_DAMAGED),
        ("weights", ErrorCode.MISSING_SHARD),
        ("code", None),
    ]
    assert isinstance(child.events[-1], Failed)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_an_output_without_room_is_said(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app", "models", "list", str(tmp_path)]
    write_tiny_model(tmp_path / "tiny.gguf")
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == EXIT_FAILED
    assert sentence_of(ErrorCode.OUTPUT_NOT_WRITABLE).search(ended.stderr), ended.stderr
