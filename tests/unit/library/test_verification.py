"""Verifying a model: the expected checksums, and the remembered results."""

from __future__ import annotations

import hashlib
import os
import random
import sys
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.core.events import Event, Progressed
from app.core.model_facts import Verification
from app.library.download_record import DownloadRecord, VerifiedFile, record_store
from app.library.verification import VerificationStore, verify
from tests.support.gguf.gguf_files import llama_file
from tests.unit.library.test_index import write_shards


class Reported:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def report(self, event: Event) -> None:
        self.events.append(event)

    def restore_output(self) -> None:
        pass


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def record(file: Path, checksum: str) -> None:
    verified = VerifiedFile("acme/grain", "c" * 40, file.stat().st_size, checksum, 0)
    record_store(file.parent).write(DownloadRecord(files={file.name: verified}))


def flip_a_bit(file: Path, seed: int) -> None:
    content = bytearray(file.read_bytes())
    content[random.Random(seed).randrange(len(content))] ^= 1
    file.write_bytes(content)


def changed(file: Path) -> AppError:
    with pytest.raises(AppError) as caught:
        verify(file, Reported())
    assert caught.value.code is ErrorCode.CHECKSUM_DIFFERS
    return caught.value


def test_a_file_from_the_hub_is_compared_with_what_the_hub_listed(tmp_path: Path) -> None:
    file = llama_file().write(tmp_path / "x.gguf")
    record(file, sha256(file))
    reported = Reported()
    found = verify(file, reported)
    assert (found.outcome, found.sha256) == ("verified", (sha256(file),))
    assert VerificationStore().of(file) == found
    size = file.stat().st_size
    assert reported.events[-1] == Progressed("verify", size, size)


@pytest.mark.parametrize("seed", range(10))
def test_a_flipped_bit_is_told_each_time(seed: int, tmp_path: Path) -> None:
    file = llama_file().write(tmp_path / "x.gguf")
    record(file, sha256(file))
    flip_a_bit(file, seed)
    for _ in range(2):
        assert changed(file).details == {"file": "x.gguf", "source": "acme/grain lists"}
    stored = VerificationStore().of(file)
    assert stored is not None
    assert stored.outcome == "changed"


def test_where_nothing_is_known_the_checksum_is_recorded(tmp_path: Path) -> None:
    file = llama_file().write(tmp_path / "x.gguf")
    assert verify(file, Reported()).outcome == "recorded"
    assert verify(file, Reported()).outcome == "verified"
    flip_a_bit(file, 1)
    assert str(changed(file).details["source"]).startswith("was recorded on 20")
    changed(file)


def test_a_file_that_was_touched_counts_as_changed_until_it_is_verified(tmp_path: Path) -> None:
    file = llama_file().write(tmp_path / "x.gguf")
    found = verify(file, Reported())
    os.utime(file, ns=(1, 1))
    assert VerificationStore().of(file) == Verification("changed", found.date, found.sha256)
    assert verify(file, Reported()).outcome == "verified"


def test_all_shards_are_hashed(tmp_path: Path) -> None:
    shards = write_shards(tmp_path)
    assert verify(shards[0], Reported()).sha256 == tuple(map(sha256, shards))
    flip_a_bit(shards[2], 1)
    assert changed(shards[0]).details["file"] == shards[2].name


def test_names_of_ollamas_blobs_are_checksums(tmp_path: Path) -> None:
    content = llama_file().to_bytes()
    file = tmp_path / f"sha256-{hashlib.sha256(content).hexdigest()}"
    file.write_bytes(content)
    assert verify(file, Reported()).outcome == "verified"
    flip_a_bit(file, 1)
    assert changed(file).details["source"] == "Ollama's manifest lists"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_names_of_blobs_in_the_hubs_cache_are_checksums(tmp_path: Path) -> None:
    content = llama_file().to_bytes()
    blob = tmp_path / "models--a--b" / "blobs" / hashlib.sha256(content).hexdigest()
    blob.parent.mkdir(parents=True)
    blob.write_bytes(content)
    link = tmp_path / "models--a--b" / "snapshots" / "c" / "x.gguf"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    assert verify(link, Reported()).outcome == "verified"


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        verify(tmp_path / "gone.gguf", Reported())
    assert caught.value.code is ErrorCode.FILE_UNREADABLE
