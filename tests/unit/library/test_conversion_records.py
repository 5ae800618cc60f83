from __future__ import annotations

import json
from pathlib import Path

from app.core import paths
from app.library.conversion_records import ConversionRecord, ConversionRecords
from tests.support.comparisons import BETTER

RECORD = ConversionRecord(("gristmill", "convert", "bolt/Grain", "--level", "Q8_0"), "bolt/Grain")


def kept(file: Path) -> Path:
    file.write_bytes(b"first")
    ConversionRecords().keep(file, RECORD)
    return file


def test_the_record_of_a_file_is_found_again(tmp_path: Path) -> None:
    file = kept(tmp_path / "a.gguf")
    assert ConversionRecords().of(file) == RECORD
    assert ConversionRecords().of(tmp_path / "b.gguf") is None


def test_the_measured_quality_of_a_file_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(b"first")
    ConversionRecords().keep(file, ConversionRecord(("gristmill", "convert"), compared=BETTER))
    record = ConversionRecords().of(file)
    assert record is not None
    assert record.compared == BETTER


def test_records_of_older_versions_have_no_quality(tmp_path: Path) -> None:
    file = kept(tmp_path / "a.gguf")
    stored = json.loads(paths.conversions_file().read_text("utf-8"))
    for entry in stored.values():
        del entry["record"]["compared"]
    paths.conversions_file().write_text(json.dumps(stored), encoding="utf-8")
    assert ConversionRecords().of(file) == RECORD


def test_a_file_that_changed_has_none(tmp_path: Path) -> None:
    file = kept(tmp_path / "a.gguf")
    file.write_bytes(b"second")
    assert ConversionRecords().of(file) is None
    file.unlink()
    assert ConversionRecords().of(file) is None


def test_a_file_that_cannot_be_read_is_replaced_by_new_records(tmp_path: Path) -> None:
    paths.conversions_file().write_bytes(b"{")
    file = kept(tmp_path / "a.gguf")
    assert ConversionRecords().of(file) == RECORD
