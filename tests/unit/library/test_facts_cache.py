"""The cache of a scan: the files that are read again, and broken caches."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.core.errors import ErrorCode
from app.core.events import ModelListed
from app.library.facts_cache import FactsCache
from app.library.listed_model import read_listed_model
from tests.support.gguf.gguf_files import llama_file
from tests.unit.library.test_index import write_shards


class Reads:
    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, path: Path) -> ModelListed | None:
        self.names.append(path.name)
        return read_listed_model(path)


def listed(file: Path, *models: Path) -> tuple[list[ModelListed | None], list[str]]:
    reads = Reads()
    cache = FactsCache(file, reads)
    found = [cache.model_at(model) for model in models]
    cache.save()
    return found, reads.names


def test_only_files_that_changed_are_read_again(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    kept = llama_file().write(tmp_path / "kept.gguf")
    changed = llama_file().write(tmp_path / "changed.gguf")
    first, _ = listed(cache, kept, changed)
    assert listed(cache, kept, changed) == (first, [])
    llama_file(llama__context_length=1024).write(changed)
    os.utime(changed, ns=(1, 1))
    again, read = listed(cache, kept, changed)
    assert read == ["changed.gguf"]
    assert again[0] == first[0]
    assert again[1] is not None
    assert again[1].context == 1024


def test_every_shard_counts(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    shards = write_shards(tmp_path)
    listed(cache, shards[0])
    shards[2].unlink()
    (found,), read = listed(cache, shards[0])
    assert read == [shards[0].name]
    assert found is not None
    assert found.problem is ErrorCode.MISSING_SHARD


def test_faults_and_other_kinds_of_files_are_known_too(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF")
    adapter = llama_file(general__type="adapter").write(tmp_path / "adapter.gguf")
    first, _ = listed(cache, bad, adapter)
    assert first[1] is None
    assert listed(cache, bad, adapter) == (first, [])


def test_a_file_that_could_not_be_opened_is_tried_again(tmp_path: Path) -> None:
    gone = tmp_path / "gone.gguf"
    assert listed(tmp_path / "cache", gone)[1] == ["gone.gguf"]
    assert listed(tmp_path / "cache", gone)[1] == ["gone.gguf"]


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"\x82\xa7version\xa10\xa7entries\x80"])
def test_a_broken_or_older_cache_is_made_anew(content: bytes, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    model = llama_file().write(tmp_path / "x.gguf")
    listed(cache, model)
    whole = cache.read_bytes()
    cache.write_bytes(content)
    assert listed(cache, model)[1] == ["x.gguf"]
    assert cache.read_bytes() == whole


def test_a_cache_cut_off_anywhere_is_made_anew(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    model = llama_file().write(tmp_path / "x.gguf")
    listed(cache, model)
    whole = cache.read_bytes()
    for end in range(0, len(whole), 7):
        cache.write_bytes(whole[:end])
        assert FactsCache(cache)._known == {}


def test_what_is_not_used_is_dropped_unless_its_place_is_gone(tmp_path: Path) -> None:
    cache_file = tmp_path / "cache"
    here, away = tmp_path / "here.gguf", tmp_path / "drive" / "away.gguf"
    for path in (here, away):
        llama_file().write(path)
    listed(cache_file, here, away)
    cache = FactsCache(cache_file)
    assert [model.path for model in cache.models_below(tmp_path / "drive")] == [str(away)]
    cache.save()
    assert listed(cache_file, away)[1] == []
    assert listed(cache_file, here)[1] == ["here.gguf"]


def test_numbers_and_texts_of_a_hostile_header_are_bounded(tmp_path: Path) -> None:
    content = llama_file().to_bytes()
    huge = content[:8] + b"\xff" * 16 + content[24:]
    (tmp_path / "x.gguf").write_bytes(huge)
    long = llama_file(**{"general__" + "k" * 60_000: 1}).to_bytes()
    (tmp_path / "y.gguf").write_bytes(long[:-1])
    (x, y), _ = listed(tmp_path / "cache", tmp_path / "x.gguf", tmp_path / "y.gguf")
    assert x is not None
    assert y is not None
    assert x.problem is ErrorCode.GGUF_DAMAGED
    assert y.problem is ErrorCode.GGUF_TRUNCATED
    assert len((tmp_path / "cache").read_bytes()) < 5000
