"""Measurements of a file last until the file changes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from app.core import paths
from app.core.errors import AppError, ErrorCode
from app.measurement import store as module
from app.measurement.store import (
    Comparison,
    MeasuredText,
    StoredMeasurement,
    fingerprint_of,
    last_measurement,
    measured_quality,
    save_measurement,
    stored_measurement,
)

TEXT = MeasuredText("wiki.txt", "ab" * 32, 8, 512)
COMPARISON = Comparison("model-F16.gguf", TEXT, 0.03, 0.01, 1.5, 0.92)
COMPARED = StoredMeasurement(TEXT, 6.5, 120.0, 20.0, 10**9, COMPARISON)
ALONE = msgspec.structs.replace(COMPARED, perplexity=7.0, comparison=None)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "model-Q4_K_M.gguf"
    file.write_bytes(b"weights")
    return file


def keep(model: Path, measurement: StoredMeasurement = COMPARED) -> None:
    save_measurement(model, fingerprint_of(model), measurement)


def entries() -> list[Path]:
    return sorted(paths.measurements_folder().iterdir())


def test_a_measurement_is_found_again(model: Path) -> None:
    assert stored_measurement(model) is None
    assert measured_quality(model) is None
    keep(model)
    assert stored_measurement(model) == COMPARED
    quality = measured_quality(model)
    assert quality is not None
    assert (quality.kind, quality.low, quality.kl_divergence, quality.high) == (
        "measured",
        *(0.03, 0.03, 0.03),
    )
    for part in ("model-F16.gguf", "wiki.txt", "abababab", "8", "512"):
        assert part in quality.source


def test_a_measurement_without_a_reference_leaves_the_comparison(model: Path) -> None:
    keep(model)
    keep(model, ALONE)
    assert stored_measurement(model) == msgspec.structs.replace(ALONE, comparison=COMPARISON)
    assert measured_quality(model) is not None


def test_a_part_that_is_measured_later_completes_the_others(model: Path) -> None:
    keep(model)
    later = StoredMeasurement(
        prompt_tokens_per_second=240.0,
        generation_tokens_per_second=40.0,
        peak_memory_bytes=2 * 10**9,
        is_disturbed=True,
        date="2026-11-29",
    )
    keep(model, later)
    assert stored_measurement(model) == msgspec.structs.replace(
        later, text=TEXT, perplexity=6.5, comparison=COMPARISON
    )
    quality = StoredMeasurement(TEXT, 6.0, date="2026-11-30")
    keep(model, quality)
    kept = stored_measurement(model)
    assert kept is not None
    assert (kept.perplexity, kept.generation_tokens_per_second) == (6.0, 40.0)
    assert (kept.is_disturbed, kept.date) == (True, "2026-11-30")


def test_parts_of_a_file_that_has_changed_are_not_completed(model: Path) -> None:
    keep(model)
    model.write_bytes(b"other weights")
    keep(model, StoredMeasurement(TEXT, 6.0))
    assert stored_measurement(model) == StoredMeasurement(TEXT, 6.0)


def test_the_last_measurement_of_a_changed_file_is_outdated(model: Path) -> None:
    assert last_measurement(model) == (None, False)
    keep(model)
    assert last_measurement(model) == (COMPARED, True)
    model.write_bytes(b"other weights")
    assert last_measurement(model) == (COMPARED, False)
    model.unlink()
    assert last_measurement(model) == (COMPARED, False)


def test_without_a_comparison_there_is_no_quality(model: Path) -> None:
    keep(model, ALONE)
    assert stored_measurement(model) == ALONE
    assert measured_quality(model) is None


def written_to(model: Path) -> None:
    with model.open("ab") as file:
        file.write(b"more")


def replaced(model: Path) -> None:
    state = model.stat()
    model.write_bytes(b"sthgiew")
    os.utime(model, ns=(state.st_atime_ns, state.st_mtime_ns + 1))


def removed(model: Path) -> None:
    model.unlink()


@pytest.mark.parametrize("change", [written_to, replaced, removed])
def test_a_changed_file_has_no_figures(change: Callable[[Path], None], model: Path) -> None:
    keep(model)
    change(model)
    assert stored_measurement(model) is None
    assert measured_quality(model) is None


def test_a_comparison_of_what_the_file_was_does_not_come_back(model: Path) -> None:
    keep(model)
    written_to(model)
    keep(model, ALONE)
    assert stored_measurement(model) == ALONE


def test_a_file_that_changes_while_it_is_measured_has_no_figures(model: Path) -> None:
    fingerprint = fingerprint_of(model)
    written_to(model)
    save_measurement(model, fingerprint, COMPARED)
    assert stored_measurement(model) is None


def test_a_file_that_is_gone_has_no_fingerprint(model: Path) -> None:
    model.unlink()
    with pytest.raises(AppError) as caught:
        fingerprint_of(model)
    assert caught.value.code is ErrorCode.FILE_UNREADABLE


def test_any_shard_stands_for_all(tmp_path: Path) -> None:
    first, second = (tmp_path / f"large-{number:05}-of-00002.gguf" for number in (1, 2))
    for file in (first, second):
        file.write_bytes(b"half")
    keep(first)
    assert stored_measurement(second) == COMPARED
    written_to(second)
    assert stored_measurement(first) is None


def test_a_link_is_the_file_that_it_leads_to(model: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.gguf"
    link.symlink_to(model)
    keep(link)
    assert stored_measurement(model) == COMPARED


def test_files_of_one_name_do_not_mix(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / model.name
    other.parent.mkdir()
    other.write_bytes(model.read_bytes())
    os.utime(other, ns=(model.stat().st_atime_ns, model.stat().st_mtime_ns))
    keep(model)
    assert stored_measurement(other) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 10**5, b"\xff\xfe", b'{"files":[]}', b"7"])
def test_a_damaged_entry_counts_as_none(content: bytes, model: Path) -> None:
    keep(model)
    (entry,) = entries()
    entry.write_bytes(content)
    assert stored_measurement(model) is None
    keep(model)
    assert stored_measurement(model) == COMPARED


def test_a_folder_that_takes_nothing_is_an_error(model: Path) -> None:
    paths.measurements_folder().write_bytes(b"no folder")
    with pytest.raises(AppError) as caught:
        keep(model)
    assert caught.value.code is ErrorCode.FOLDER_NOT_WRITABLE
    assert stored_measurement(model) is None


def test_several_at_once_leave_whole_entries(tmp_path: Path) -> None:
    models = [tmp_path / f"{number}.gguf" for number in range(4)]
    for model in models:
        model.write_bytes(b"weights")
    errors: list[AppError] = []

    def work(number: int) -> None:
        for turn in range(8):
            measured = msgspec.structs.replace(COMPARED, perplexity=float(turn))
            try:
                keep(models[(number + turn) % 4], measured)
            except AppError as error:
                errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {error.code for error in errors} <= {ErrorCode.FILE_BUSY}
    assert len(entries()) == len(models)
    assert all(stored_measurement(model) for model in models)


def test_the_oldest_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_ENTRIES", 3)
    models = [tmp_path / f"{number}.gguf" for number in range(5)]
    for number, model in enumerate(models):
        model.write_bytes(b"weights")
        keep(model)
        for entry in entries():
            if entry.stat().st_mtime > 1000:
                os.utime(entry, (number, number))
    assert [bool(stored_measurement(model)) for model in models] == [False, False, True, True, True]
