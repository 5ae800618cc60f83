"""Results of dry loads are cached per load, and only a limited number of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.core import paths
from app.native.load_log import LoadLog
from app.profiling import dry_load_cache
from app.profiling.dry_load_cache import cache_key, get, put
from tests.support.engine.tiny_model import write_tiny_model

LOGS: dry_load_cache.DryLoadLogs = [[LoadLog(("CPU",), ("output.weight",), ()), None]]

pytestmark = pytest.mark.slow


def test_the_same_loads_have_one_key_and_others_have_others(tmp_path: Path) -> None:
    one = write_tiny_model(tmp_path / "one.gguf", context=512)
    other = write_tiny_model(tmp_path / "other.gguf", context=513)
    keys = [
        cache_key(*arguments)
        for arguments in (([one], b"a"), ([other], b"a"), ([one], b"b"), ([one, one], b"a"))
    ]
    assert len(set(keys)) == len(keys)
    assert cache_key([one], b"a") == keys[0]


def test_stored_logs_are_found() -> None:
    assert get("key") is None
    put("key", LOGS)
    assert get("key") == LOGS


@pytest.mark.parametrize("content", [b"", b"{}", b'[["x"]]'])
def test_a_damaged_file_counts_as_none(content: bytes) -> None:
    put("key", LOGS)
    (paths.dry_loads_folder() / "key.json").write_bytes(content)
    assert get("key") is None


def test_the_least_recently_used_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_load_cache, "_MAX_ENTRIES", 2)
    for age, key in enumerate(("first", "second")):
        put(key, LOGS)
        os.utime(paths.dry_loads_folder() / f"{key}.json", (age, age))
    assert get("first") == LOGS
    put("third", LOGS)
    assert get("second") is None
    assert (get("first"), get("third")) == (LOGS, LOGS)
