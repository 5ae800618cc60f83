"""Checkpoint folders: a sound one gives its figures, a bad one all of its faults, at once."""

from __future__ import annotations

import json
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.checkpoint.checks import check_files
from app.checkpoint.inspection import Checkpoint, inspect_checkpoint
from app.core.errors import AppError, ErrorCode
from app.core.sentences import describe_error

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99\n"
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
INDEX = "model.safetensors.index.json"


def open_checkpoint(folder: Path) -> Checkpoint:
    found = inspect_checkpoint(folder)
    if found.faults:
        raise found.faults[0].error
    return found.checkpoint


def safetensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def entry(begin: int, end: int, shape: tuple[int, ...], dtype: str = "BF16") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": (begin, end)}


def write_single(folder: Path, weights: bytes | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    sound = safetensors({"a": entry(0, 8, (2, 2)), "b": entry(8, 12, (2,))}, bytes(12))
    (folder / "model.safetensors").write_bytes(sound if weights is None else weights)
    return folder


def write_sharded(folder: Path, **weight_map: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    (folder / FIRST).write_bytes(safetensors({"a": entry(0, 8, (2, 2))}, bytes(8)))
    (folder / SECOND).write_bytes(safetensors({"b": entry(0, 4, (1,), "F32")}, bytes(4)))
    named = {"a": FIRST, "b": SECOND} | weight_map
    (folder / INDEX).write_text(json.dumps({"weight_map": named}))
    return folder


def refused(folder: Path) -> AppError:
    began = time.monotonic()
    with pytest.raises(AppError) as caught:
        open_checkpoint(folder)
    assert time.monotonic() - began < 2
    assert "?" not in describe_error(caught.value.code, caught.value.details)
    return caught.value


def findings(folder: Path) -> list[tuple[str, str | ErrorCode]]:
    return [(found.subject, found.error or found.finding) for found in check_files(folder)]


def test_a_single_file_gives_its_figures(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(write_single(tmp_path))
    assert checkpoint.weight_files == (tmp_path / "model.safetensors",)
    assert (checkpoint.parameters, checkpoint.weights_bytes, checkpoint.dtype) == (6, 12, "BF16")
    assert checkpoint.architecture == "LlamaForCausalLM"
    assert checkpoint.size_bytes == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_shards_give_their_sum(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(write_sharded(tmp_path))
    assert checkpoint.weight_files == (tmp_path / FIRST, tmp_path / SECOND)
    assert (checkpoint.parameters, checkpoint.weights_bytes, checkpoint.dtype) == (5, 12, "BF16")


def test_a_sound_folder_is_told_in_three_lines(tmp_path: Path) -> None:
    size = sum(path.stat().st_size for path in write_sharded(tmp_path).iterdir())
    assert findings(tmp_path) == [
        ("files", f"4 files, {size} B"),
        ("weights", "2 safetensors files, 5 parameters in BF16"),
        ("code", "no Python code in the repository"),
    ]


SOUND = {"a": entry(0, 8, (2, 2))}
BAD_WEIGHTS = {
    "empty": b"",
    "cut_off_in_the_length": b"\x08\0\0",
    "header_of_8_exabytes": safetensors(b"{}", length=2**63),
    "header_of_4_gigabytes": safetensors(b"{}", length=2**32),
    "header_past_the_end": safetensors(b"{}", length=3),
    "not_json": safetensors(b"hello"),
    "not_an_object": safetensors(b"[]"),
    "nested_deeply": safetensors(b"[" * 100_000),
    "overlapping": safetensors(SOUND | {"b": entry(4, 12, (2, 2))}, bytes(12)),
    "with_a_hole": safetensors(SOUND | {"b": entry(12, 20, (2, 2))}, bytes(20)),
    "cut_off_by_a_byte": safetensors(SOUND, bytes(7)),
    "a_byte_too_long": safetensors(SOUND, bytes(9)),
    "shape_of_another_size": safetensors({"a": entry(0, 8, (2, 3))}, bytes(8)),
    "shape_that_overflows": safetensors({"a": entry(0, 8, (2**40, 2**40))}, bytes(8)),
    "negative_shape": safetensors({"a": entry(0, 8, (-2, -2))}, bytes(8)),
    "unknown_type": safetensors({"a": entry(0, 8, (2, 2), "X16")}, bytes(8)),
    "name_twice": safetensors(
        b'{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]},'
        b'"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}',
        bytes(2),
    ),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_damaged_weights_are_refused(name: str, tmp_path: Path) -> None:
    error = refused(write_single(tmp_path, BAD_WEIGHTS[name]))
    assert error.code is ErrorCode.WEIGHTS_DAMAGED
    assert error.details["file"] == "model.safetensors"


def test_a_huge_header_in_a_large_file_is_not_read(tmp_path: Path) -> None:
    with (write_single(tmp_path) / "model.safetensors").open("wb") as file:
        file.write(safetensors(b"{", length=2**29))
        file.truncate(2**30)
    assert refused(tmp_path).code is ErrorCode.WEIGHTS_DAMAGED


def test_large_weights_are_not_read(tmp_path: Path) -> None:
    values = 2**29
    with (write_single(tmp_path) / "model.safetensors").open("wb") as file:
        start = safetensors({"a": entry(0, 2 * values, (values,))})
        file.write(start)
        file.truncate(len(start) + 2 * values)
    began = time.monotonic()
    assert open_checkpoint(tmp_path).parameters == values
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "name",
    ["../x.safetensors", "/etc/passwd", "\\\\host\\share\\x", "C:\\x", "a/../../x", "", "NUL"],
)
def test_a_shard_name_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(safetensors({"b": entry(0, 2, (1,))}, bytes(2)))
    assert refused(write_sharded(tmp_path / "c", b=name)).code is ErrorCode.UNSAFE_NAME


def link(path: Path, target: Path) -> None:
    try:
        path.symlink_to(target)
    except OSError:
        pytest.skip("links can't be made here")


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    folder = write_sharded(tmp_path / "c")
    shutil.move(folder / SECOND, tmp_path / "outside")
    link(folder / SECOND, tmp_path / "outside")
    assert refused(folder).code is ErrorCode.UNSAFE_NAME


def test_the_links_of_the_hubs_cache_are_followed(tmp_path: Path) -> None:
    blobs = write_sharded(tmp_path / "models--owner--name" / "blobs")
    folder = tmp_path / "models--owner--name" / "snapshots" / "0123"
    folder.mkdir(parents=True)
    for file in blobs.iterdir():
        link(folder / file.name, Path("..", "..", "blobs", file.name))
    assert open_checkpoint(folder).parameters == 5


def remove_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def damage_config(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"{\xff")


def nest_config(folder: Path) -> None:
    (folder / "config.json").write_text("[" * 100_000)


def list_config(folder: Path) -> None:
    (folder / "config.json").write_text("[]")


def point_config(folder: Path) -> None:
    (folder / "config.json").write_bytes(POINTER)


def point_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.model").write_bytes(POINTER)


def point_weights(folder: Path) -> None:
    (folder / FIRST).write_bytes(POINTER)


def remove_shard(folder: Path) -> None:
    (folder / SECOND).unlink()


def empty_index(folder: Path) -> None:
    (folder / INDEX).write_text('{"weight_map": {}}')


def number_in_index(folder: Path) -> None:
    (folder / INDEX).write_text('{"weight_map": {"a": 1}}')


def swap_in_index(folder: Path) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": {"a": SECOND, "b": FIRST}}))


def leave_out_of_index(folder: Path) -> None:
    write_sharded(folder)
    more = {"b": entry(0, 4, (2,)), "c": entry(4, 8, (2,))}
    (folder / SECOND).write_bytes(safetensors(more, bytes(8)))


def only_pickles(folder: Path) -> None:
    for name in (FIRST, SECOND, INDEX):
        (folder / name).unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")


def no_weights(folder: Path) -> None:
    for name in (FIRST, SECOND, INDEX):
        (folder / name).unlink()
    (folder / "adapter_model.safetensors").write_bytes(safetensors({}))


@pytest.mark.parametrize(
    ("spoil", "code", "file"),
    [
        (remove_config, ErrorCode.NOT_A_CHECKPOINT, None),
        (damage_config, ErrorCode.CONFIG_DAMAGED, "config.json"),
        (nest_config, ErrorCode.CONFIG_DAMAGED, "config.json"),
        (list_config, ErrorCode.CONFIG_DAMAGED, "config.json"),
        (point_config, ErrorCode.LFS_POINTER, "config.json"),
        (point_tokenizer, ErrorCode.LFS_POINTER, "tokenizer.model"),
        (point_weights, ErrorCode.LFS_POINTER, FIRST),
        (remove_shard, ErrorCode.MISSING_SHARD, SECOND),
        (empty_index, ErrorCode.CONFIG_DAMAGED, INDEX),
        (number_in_index, ErrorCode.CONFIG_DAMAGED, INDEX),
        (swap_in_index, ErrorCode.WEIGHTS_DAMAGED, INDEX),
        (leave_out_of_index, ErrorCode.WEIGHTS_DAMAGED, INDEX),
        (only_pickles, ErrorCode.PICKLE_WEIGHTS, "pytorch_model.bin"),
        (no_weights, ErrorCode.CHECKPOINT_WITHOUT_WEIGHTS, None),
    ],
)
def test_a_spoilt_folder_is_named(
    spoil: Callable[[Path], None], code: ErrorCode, file: str | None, tmp_path: Path
) -> None:
    folder = write_sharded(tmp_path)
    spoil(folder)
    error = refused(folder)
    assert (error.code, error.details.get("file")) == (code, file)
    assert code in [found.error for found in check_files(folder)]


def test_no_folder_is_one_finding(tmp_path: Path) -> None:
    assert findings(tmp_path / "absent") == [("files", ErrorCode.SOURCE_NOT_FOUND)]
    assert refused(tmp_path / "absent").code is ErrorCode.SOURCE_NOT_FOUND


def test_a_file_is_one_finding(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.touch()
    assert findings(file) == [("files", ErrorCode.FILE_NOT_CONVERTIBLE)]
    assert refused(file).details == {"file": str(file)}


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    folder = write_sharded(tmp_path)
    damage_config(folder)
    point_tokenizer(folder)
    (folder / FIRST).write_bytes(b"")
    remove_shard(folder)
    (folder / "modeling_own.py").touch()
    assert findings(folder) == [
        ("files", ErrorCode.CONFIG_DAMAGED),
        ("files", ErrorCode.LFS_POINTER),
        ("weights", ErrorCode.WEIGHTS_DAMAGED),
        ("weights", ErrorCode.MISSING_SHARD),
        ("code", "the repository has Python code (modeling_own.py); it will not be run"),
    ]


def test_sound_files_are_told_beside_bad_weights(tmp_path: Path) -> None:
    remove_shard(write_sharded(tmp_path))
    assert [subject for subject, _ in findings(tmp_path)] == ["files", "weights", "code"]
    assert check_files(tmp_path)[0].error is None


def test_code_is_found_and_not_run(tmp_path: Path) -> None:
    folder = write_single(tmp_path)
    (folder / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": "t.T"}}')
    assert "auto_map" in check_files(folder)[-1].finding
    for name in ("a.py", "b.py", "c.py", "sub/d.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("raise SystemExit('run')")
    finding = check_files(folder)[-1].finding
    assert finding.startswith("the repository has Python code (a.py, b.py, c.py and 1 more)")
    assert open_checkpoint(folder).python_files == ("a.py", "b.py", "c.py", "sub/d.py")


def test_a_link_to_a_snapshot_is_as_good_as_the_snapshot(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "abc"
    blobs.mkdir()
    write_single(snapshot)
    shutil.move(snapshot / "model.safetensors", blobs / "weights")
    (snapshot / "model.safetensors").symlink_to(blobs / "weights")
    (tmp_path / "link").symlink_to(snapshot)
    assert open_checkpoint(tmp_path / "link").parameters == open_checkpoint(snapshot).parameters


def test_a_link_to_itself_is_named(tmp_path: Path) -> None:
    write_single(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "model.safetensors")
    with pytest.raises(AppError) as raised:
        open_checkpoint(tmp_path)
    assert raised.value.code in {ErrorCode.UNSAFE_NAME, ErrorCode.MISSING_SHARD}


def test_a_tensor_in_two_shards_is_named(tmp_path: Path) -> None:
    write_single(tmp_path)
    for name in (FIRST, SECOND):
        shutil.copy(tmp_path / "model.safetensors", tmp_path / name)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(AppError) as raised:
        open_checkpoint(tmp_path)
    assert raised.value.code is ErrorCode.WEIGHTS_DAMAGED
    assert FIRST in str(raised.value.details["reason"])
