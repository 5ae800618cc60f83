"""Reading GGUF headers: good files give their facts, bad ones a named error and cost nothing."""

from __future__ import annotations

import gc
import os
import struct
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.core.sentences import describe_error
from app.gguf_file.header_reader import read_array, read_header, read_strings
from tests.support.gguf.gguf_files import (
    ARRAY,
    FLOAT32,
    UINT32,
    GgufFile,
    Tensor,
    Typed,
    bad_files,
    llama_file,
    mutations,
    string,
)

_BAD_FILES = bad_files()
_NAMED = {ErrorCode.NOT_GGUF, ErrorCode.GGUF_TRUNCATED, ErrorCode.GGUF_DAMAGED}


@contextmanager
def within(*, seconds: float) -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


@contextmanager
def within_memory(*, megabytes: float) -> Iterator[None]:
    gc.collect()
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < megabytes * 2**20


def test_a_good_file_is_read_in_full(tmp_path: Path) -> None:
    content = GgufFile(
        {
            "text": "grüße",
            "not utf-8": b"\xff\xfe",
            "whole": 7,
            "half": 0.5,
            "yes": True,
            "few": [1, 2, 3],
            "words": ["a", "b"],
            "none": [],
            "general.alignment": 64,
        },
        [Tensor("first", (3,)), Tensor("second", (256, 2), 12), Tensor("third", (4, 0))],
        alignment=64,
    )
    header = read_header(content.write(tmp_path / "a.gguf"))
    assert header.metadata == {
        "text": "grüße",
        "not utf-8": "\ufffd\ufffd",
        "whole": 7,
        "half": 0.5,
        "yes": True,
        "few": (1, 2, 3),
        "words": ("a", "b"),
        "none": (),
        "general.alignment": 64,
    }
    assert [(t.name, t.shape, t.type_name, t.offset, t.size_bytes) for t in header.tensors] == [
        ("first", (3,), "F32", 0, 12),
        ("second", (256, 2), "Q4_K", 64, 288),
        ("third", (4, 0), "F32", 384, 0),
    ]
    assert header.alignment == 64
    assert header.data_offset % 64 == 0
    assert header.size_bytes == header.data_offset + 384


def test_long_arrays_are_read_only_when_asked_for(tmp_path: Path) -> None:
    words = [f"word {number}" for number in range(70_000)]
    numbers = [Typed(FLOAT32, number / 2) for number in range(70_000)]
    content = GgufFile({"words": words, "numbers": numbers, "after": 1})
    header = read_header(content.write(tmp_path / "a.gguf"))
    assert header.metadata == {"after": 1}
    assert header.arrays["words"].count == header.arrays["numbers"].count == 70_000
    assert read_array(header, "words") == tuple(words)
    assert read_array(header, "numbers")[-1] == 34_999.5
    assert list(read_strings(header, "words"))[-1] == b"word 69999"


def test_a_text_of_megabytes_is_passed_over(tmp_path: Path) -> None:
    content = GgufFile({"tokenizer.huggingface.json": "x" * (2**20 + 1), "after": 1})
    assert read_header(content.write(tmp_path / "a.gguf")).metadata == {"after": 1}


@pytest.mark.parametrize("name", _BAD_FILES)
def test_a_bad_file_gives_a_named_error_at_once(name: str, tmp_path: Path) -> None:
    content, code = _BAD_FILES[name]
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with within(seconds=2), within_memory(megabytes=4), pytest.raises(AppError) as caught:
        read_header(path)
    assert caught.value.code is code
    assert "?" not in describe_error(code, caught.value.details)


def test_every_place_to_be_cut_off_is_named(tmp_path: Path) -> None:
    content = llama_file().to_bytes()
    path = tmp_path / "cut.gguf"
    for size in range(4, len(content), 37):
        path.write_bytes(content[:size])
        with pytest.raises(AppError) as caught:
            read_header(path)
        assert caught.value.code is ErrorCode.GGUF_TRUNCATED
        facts = caught.value.details
        assert facts["missing_bytes"] == int(facts["needed_bytes"]) - size > 0


def test_mutated_files_are_read_or_named(tmp_path: Path) -> None:
    good = llama_file()
    content = good.to_bytes()
    path = tmp_path / "mutated.gguf"
    outcomes: list[ErrorCode | None] = []
    with within_memory(megabytes=80):
        for mutated in mutations(content, 500, seed=7, header_bytes=len(good.header())):
            path.write_bytes(mutated)
            try:
                read_header(path)
                outcomes.append(None)
            except AppError as error:
                outcomes.append(error.code)
    assert set(outcomes) <= _NAMED | {None}
    assert len(set(outcomes)) > 2


def test_a_header_full_of_entries_stays_cheap(tmp_path: Path) -> None:
    path = tmp_path / "full.gguf"
    entry = struct.pack("<I", ARRAY) + struct.pack("<IQ", 8, 500_000) + b"\0" * 8 * 500_000
    parts = b"".join(string(f"key {number}") + entry for number in range(15))
    path.write_bytes(GgufFile(pair_count=15).header() + parts)
    with within(seconds=5):
        header = read_header(path)
    assert len(header.arrays) == 15


def test_a_header_above_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.gguf"
    with path.open("wb") as file:
        file.write(GgufFile(pair_count=1).header() + string("key"))
        file.write(struct.pack("<IIQ", ARRAY, UINT32, 900_000))
        file.truncate(2**30)
    assert read_header(path).arrays["key"].count == 900_000
    with path.open("r+b") as file:
        file.write(GgufFile(pair_count=1).header() + string("key"))
        file.write(struct.pack("<IQ", 8, 2**27))
    with pytest.raises(AppError) as caught:
        read_header(path)
    assert caught.value.code is ErrorCode.GGUF_DAMAGED


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a matter of Unix")
def test_a_named_pipe_does_not_hold_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(AppError) as caught:
        read_header(tmp_path / "pipe.gguf")
    assert caught.value.code is ErrorCode.FILE_UNREADABLE


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.gguf", tmp_path):
        with pytest.raises(AppError) as caught:
            read_header(path)
        assert caught.value.code is ErrorCode.FILE_UNREADABLE
