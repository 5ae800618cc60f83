from __future__ import annotations

from pathlib import Path

import msgspec

from app.library.folder_lock import exclusive_folder
from app.library.removal import plan_stream_discard
from app.library.stream_journal import (
    FilePosition,
    Journal,
    JournalEntry,
    StreamedFile,
    StreamRecord,
    prefetched_folder,
    remove_untouched_streams,
)
from app.library.unfinished_downloads import DownloadRequest

RECORD = StreamRecord(
    repository="owner/name",
    commit="c" * 40,
    revision=None,
    levels=("Q4_K_M",),
    is_projector=False,
    files=(StreamedFile("/models/name-Q4_K_M.gguf", 1000, "0" * 64),),
    total_bytes=5000,
)
FIRST = JournalEntry({"a": FilePosition(100, b"state")}, ((0, "q"),), {"a:10": "d1"})
SECOND = JournalEntry({"a": FilePosition(500, is_verified=True), "b": FilePosition(7)}, ((0, "k"),))


def test_a_later_run_finds_what_was_safe(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.record is None
    journal.begin(RECORD)
    journal.add(FIRST)
    journal.add(SECOND)

    found = Journal(tmp_path)

    assert found.record == RECORD
    assert found.positions == {"a": FilePosition(500, is_verified=True), "b": FilePosition(7)}
    assert found.finished == {(0, "q"), (0, "k")}
    assert found.digests == {"a:10": "d1"}


def test_what_was_safe_stays_for_a_request_that_asked_otherwise(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(RECORD)
    journal.add(FIRST)
    named = msgspec.structs.replace(RECORD, asked_levels=("Q4_K_M",))
    journal.go_on(named)

    found = Journal(tmp_path)

    assert found.record == named
    assert found.positions == {"a": FilePosition(100, b"state")}
    assert named.asked_by(DownloadRequest("Owner/Name", kind="get", levels=("Q4_K_M",)))
    assert not named.asked_by(DownloadRequest("owner/name", kind="get"))


def test_a_line_that_was_cut_off_does_not_count(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(RECORD)
    journal.add(FIRST)
    whole = (tmp_path / "journal").read_bytes()
    journal.add(SECOND)
    longer = (tmp_path / "journal").read_bytes()
    for end in range(len(whole), len(longer) - 1):
        (tmp_path / "journal").write_bytes(longer[:end])
        found = Journal(tmp_path)
        assert found.finished == {(0, "q")}
        assert found.positions == {"a": FilePosition(100, b"state")}


def test_what_a_damaged_file_led_to_is_taken_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(RECORD)
    journal.add(FIRST)
    journal.add(SECOND)
    journal.forget("a", [(0, "q")])

    found = Journal(tmp_path)

    assert found.record == RECORD
    assert found.positions == {"b": FilePosition(7)}
    assert found.finished == {(0, "k")}
    assert found.digests == {}


def test_another_record_begins_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(RECORD)
    journal.add(FIRST)
    journal.begin(RECORD)
    assert (Journal(tmp_path).finished, Journal(tmp_path).positions) == (set(), {})


def test_files_are_complete_once_the_journal_says_so(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(RECORD)
    journal.add(FIRST)
    assert not Journal(tmp_path).is_complete
    journal.add(JournalEntry(is_complete=True))
    assert Journal(tmp_path).is_complete
    journal.begin(RECORD)
    assert not Journal(tmp_path).is_complete


def test_folders_of_runs_that_never_began_are_removed(home: Path) -> None:
    begun, untouched, running = (home / "streams" / name for name in ("a", "b", "c"))
    for folder in (begun, untouched, running):
        folder.mkdir(parents=True)
        with exclusive_folder(folder, "owner/name"):
            pass
        prefetched_folder(folder).mkdir()
        (prefetched_folder(folder) / "0").write_bytes(b"1")
    Journal(begun).begin(RECORD)
    with exclusive_folder(running, "owner/name"):
        remove_untouched_streams()
    assert sorted((home / "streams").iterdir()) == [begun, running]
    assert all((prefetched_folder(folder) / "0").exists() for folder in (begun, running))
    Journal(begun).remove()
    remove_untouched_streams()
    assert not (home / "streams").exists()


def test_a_discarded_run_leaves_nothing(home: Path, tmp_path: Path) -> None:
    folder = home / "streams" / "a"
    prefetched_folder(folder).mkdir(parents=True)
    (prefetched_folder(folder) / "0").write_bytes(b"1234")
    target = StreamedFile(str(tmp_path / "name.gguf"), 5, "0" * 64)
    target.part.write_bytes(b"12345")
    Journal(folder).begin(msgspec.structs.replace(RECORD, files=(target,)))
    journal_bytes = Journal(folder).file.stat().st_size

    plan = plan_stream_discard(folder)
    assert plan is not None
    assert plan.size_bytes == 5 + 4 + journal_bytes
    plan.execute()

    assert not target.part.exists()
    assert not (home / "streams").exists()
