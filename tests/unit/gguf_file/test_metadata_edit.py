"""Changed metadata: the rest of a file stays equal to the byte, and a kill leaves it whole."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.core.events import Progressed
from app.core.recommended_sampling import SAMPLING_KEYS
from app.gguf_file.editable_metadata import (
    EDITABLE_KEYS,
    TEMPLATE_KEY,
    TEXT_KEYS,
    MetadataValue,
    parsed_value,
)
from app.gguf_file.header_reader import Header, read_entries, read_header
from app.gguf_file.metadata_edit import edit_metadata
from tests.support.gguf.gguf_files import (
    LLAMA_TENSORS,
    GgufFile,
    bad_files,
    llama_file,
    llama_metadata,
)
from tests.support.machine.verbs import ROOT

NUMBERS = {"temperature": "0.25", "top_k": "17", "repeat_penalty": "1.1", "penalty_last_n": "-1"}
TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}" * 20


def typed(key: str) -> str:
    if key in TEXT_KEYS:
        return "Wörds of another length"
    if key == TEMPLATE_KEY:
        return TEMPLATE
    names = {key: name for name, key in SAMPLING_KEYS.items()}
    return NUMBERS.get(names[key], "1")


def model(folder: Path, **changes: object) -> Path:
    """Write a model whose weights are not zeros, with something behind them."""
    file = llama_file(**changes)
    content = bytearray(file.to_bytes())
    start = len(content) - data_size(file)
    content[start:] = os.urandom(len(content) - start)
    path = folder / "Little-Q4_K_M.gguf"
    path.write_bytes(bytes(content) + b"behind the weights")
    return path


def data_size(file: GgufFile) -> int:
    sizes = [-(-tensor.size_bytes // 32) * 32 for tensor in file.tensors]
    return sum(sizes[:-1]) + file.tensors[-1].size_bytes


def data_of(header: Header) -> bytes:
    return header.path.read_bytes()[header.data_offset :]


def edit(path: Path, changes: dict[str, MetadataValue | None], to: Path | None = None) -> Path:
    return edit_metadata(path, changes, to, lambda _: None)[0]


def refusal(
    path: Path, changes: dict[str, MetadataValue | None], to: Path | None = None
) -> AppError:
    with pytest.raises(AppError) as caught:
        edit(path, changes, to)
    return caught.value


@pytest.mark.parametrize("is_there", [True, False], ids=["changed", "added"])
@pytest.mark.parametrize("key", EDITABLE_KEYS)
def test_a_key_changes_and_nothing_else(key: str, is_there: bool, tmp_path: Path) -> None:
    there = {key: "old" if key in (*TEXT_KEYS, TEMPLATE_KEY) else 1.0} if is_there else {}
    metadata = {k: v for k, v in llama_metadata().items() if k != key} | there
    path = tmp_path / "Little.gguf"
    content = GgufFile(metadata, LLAMA_TENSORS).to_bytes()
    path.write_bytes(content[:-7] + b"weights")
    before, entries = read_header(path), read_entries(read_header(path))
    data = data_of(before)
    value = parsed_value(key, typed(key))

    assert edit(path, {key: value}) == path

    after = read_header(path)
    assert after.metadata[key] == pytest.approx(value) if isinstance(value, float) else value
    assert {k: v for k, v in read_entries(after).items() if k != key} == {
        k: v for k, v in entries.items() if k != key
    }
    assert list(read_entries(after)) == list(entries) + ([] if is_there else [key])
    assert after.tensors == before.tensors
    assert data_of(after) == data
    assert after.data_offset % after.alignment == 0


def test_a_number_of_the_same_length_is_written_in_place(tmp_path: Path) -> None:
    path = model(tmp_path, general__sampling__temp=0.5)
    before, place = path.read_bytes(), path.stat().st_ino
    edit(path, {"general.sampling.temp": 0.75})
    assert path.stat().st_ino == place
    old, new = struct.pack("<f", 0.5), struct.pack("<f", 0.75)
    assert path.read_bytes() == before.replace(
        b"general.sampling.temp\x06\0\0\0" + old, b"general.sampling.temp\x06\0\0\0" + new
    )


def test_the_other_name_of_a_hard_link_keeps_the_file(tmp_path: Path) -> None:
    path = model(tmp_path, general__sampling__temp=0.5)
    other = tmp_path / "other.gguf"
    other.hardlink_to(path)
    before = path.read_bytes()
    edit(path, {"general.sampling.temp": 0.75})
    assert other.read_bytes() == before
    assert read_header(path).metadata["general.sampling.temp"] == 0.75


def test_the_same_value_again_changes_nothing(tmp_path: Path) -> None:
    path = model(tmp_path)
    before = path.read_bytes(), path.stat()
    edit(path, {"general.name": "Little Llama"})
    assert (path.read_bytes(), path.stat()) == before


def test_a_copy_leaves_the_model_and_has_its_permissions(tmp_path: Path) -> None:
    path, before = model(tmp_path), (tmp_path / "Little-Q4_K_M.gguf").read_bytes()
    path.chmod(0o640)
    copy = edit(path, {TEMPLATE_KEY: TEMPLATE}, tmp_path / "new" / "copy.gguf")
    assert path.read_bytes() == before
    assert read_header(copy).metadata[TEMPLATE_KEY] == TEMPLATE
    assert data_of(read_header(copy)) == data_of(read_header(path))
    assert copy.stat().st_mode & 0o777 == 0o640
    assert refusal(path, {}, copy).code is ErrorCode.FILE_EXISTS


def test_entries_that_only_describe_can_be_removed(tmp_path: Path) -> None:
    path = model(tmp_path, quantize__imatrix__file="/home/me/secret/text.txt")
    data = data_of(read_header(path))
    gone = ["general.name", TEMPLATE_KEY, "quantize.imatrix.file"]
    edit(path, dict.fromkeys(gone))
    assert not set(gone) & read_header(path).entries.keys()
    assert b"secret" not in path.read_bytes()
    assert data_of(read_header(path)) == data


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("general.architecture", ErrorCode.METADATA_FIXED),
        ("general.alignment", ErrorCode.METADATA_FIXED),
        ("llama.block_count", ErrorCode.METADATA_FIXED),
        ("tokenizer.ggml.tokens", ErrorCode.METADATA_FIXED),
        ("split.count", ErrorCode.METADATA_FIXED),
        ("general.author", ErrorCode.METADATA_MISSING),
    ],
)
def test_what_the_model_needs_stays(key: str, code: ErrorCode, tmp_path: Path) -> None:
    path = model(tmp_path)
    before = path.read_bytes()
    assert refusal(path, {key: None}).code is code
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("general.name", ""),
        ("general.name", "two\nlines"),
        ("general.license", "x" * 1025),
        (TEMPLATE_KEY, " "),
        (TEMPLATE_KEY, "a\0b"),
        (TEMPLATE_KEY, "\udc80"),
        (TEMPLATE_KEY, "x" * (2**20 + 1)),
        ("general.sampling.temp", "5.1"),
        ("general.sampling.temp", "nan"),
        ("general.sampling.temp", "inf"),
        ("general.sampling.temp", "warm"),
        ("general.sampling.top_k", "1.5"),
        ("general.sampling.mirostat", "3"),
    ],
)
def test_values_that_no_program_could_use_are_refused(key: str, text: str) -> None:
    with pytest.raises(AppError) as caught:
        parsed_value(key, text)
    assert caught.value.code is ErrorCode.METADATA_INVALID
    assert caught.value.details["key"] == key


def test_other_keys_have_no_value_to_be_typed() -> None:
    with pytest.raises(AppError) as caught:
        parsed_value("general.architecture", "gpt2")
    assert caught.value.code is ErrorCode.METADATA_FIXED


def test_of_a_split_model_only_the_first_header_changes(tmp_path: Path) -> None:
    paths = [tmp_path / f"m-{number:05}-of-00003.gguf" for number in (1, 2, 3)]
    for number, path in enumerate(paths):
        llama_file(split__no=number, split__count=3).write(path)
    others = [path.read_bytes() for path in paths[1:]]
    data = data_of(read_header(paths[0]))

    assert edit(paths[2], {"general.name": "Another name of the model"}) == paths[0]

    assert [path.read_bytes() for path in paths[1:]] == others
    assert read_header(paths[0]).metadata["general.name"] == "Another name of the model"
    assert data_of(read_header(paths[0])) == data

    whole = edit_metadata(paths[1], {"general.name": "New"}, tmp_path / "n.gguf", lambda _: None)
    assert [path.name for path in whole] == [f"n-{n:05}-of-00003.gguf" for n in (1, 2, 3)]
    assert [path.read_bytes() for path in whole[1:]] == others
    assert read_header(whole[0]).metadata["general.name"] == "New"

    paths[1].unlink()
    assert refusal(paths[0], {"general.name": "x"}).code is ErrorCode.MISSING_SHARD


def test_a_link_to_a_model_is_followed_but_not_into_a_cache(tmp_path: Path) -> None:
    real = model(tmp_path)
    link = tmp_path / "links" / "link.gguf"
    link.parent.mkdir()
    link.symlink_to(real)
    assert edit(link, {"general.name": "A name that is longer"}) == real
    assert link.is_symlink()
    assert read_header(link).metadata["general.name"] == "A name that is longer"

    blob = real.rename(tmp_path / "b179c9523d0e6a0f98a330c7562b6827")
    link.unlink()
    link.symlink_to(blob)
    assert refusal(link, {"general.name": "x"}).code is ErrorCode.CACHE_FILE
    copy = edit(link, {"general.name": "x"}, tmp_path / "copy.gguf")
    assert read_header(copy).metadata["general.name"] == "x"


@pytest.mark.parametrize("name", bad_files())
def test_damaged_files_are_refused_by_name_and_stay(name: str, tmp_path: Path) -> None:
    content, code = bad_files()[name]
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    assert refusal(path, {"general.name": "x"}).code is code
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["bad.gguf"]


def test_a_file_that_changes_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = model(tmp_path)

    def disturb(_: Progressed) -> None:
        with path.open("r+b") as file:
            file.write(b"GGUF")
            os.utime(path, ns=(0, 0))

    with pytest.raises(AppError) as caught:
        edit_metadata(path, {"general.name": "A longer name"}, None, disturb)
    assert caught.value.code is ErrorCode.FILE_BUSY
    assert read_header(path).metadata["general.name"] == "Little Llama"
    assert [file for file in tmp_path.iterdir() if file.is_file()] == [path]


def test_the_progress_ends_with_the_whole_file(tmp_path: Path) -> None:
    path = model(tmp_path)
    told: list[Progressed] = []
    edit_metadata(path, {"general.name": "A longer name"}, None, told.append)
    assert told[-1].done_bytes == told[-1].total_bytes
    assert [one.done_bytes for one in told] == sorted(one.done_bytes for one in told)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("name", ["A longer name of the model", "Little Lamas"])
def test_a_kill_at_any_call_leaves_the_old_or_the_new_file(name: str, tmp_path: Path) -> None:
    path = model(tmp_path)
    command = [sys.executable, "-m", "tests.support.gguf.edit_kills", path, name, "120", "1"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    calls, *left = run.stdout.split("\n")[:-1]
    assert len(left) == min(120, int(calls))
    assert set(left) == {"old", "new"}
