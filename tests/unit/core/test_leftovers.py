"""What a job left unfinished is removed, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest

from app.core import leftovers, paths


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "model.gguf.part"


def _notes() -> list[Path]:
    return list(paths.leftovers_folder().glob("*"))


def _note(process: int, started: float, path: Path) -> Path:
    folder = paths.leftovers_folder()
    folder.mkdir(exist_ok=True)
    file = folder / f"{len(_notes())}.json"
    note = {"process": process, "started": started, "path": str(path)}
    file.write_bytes(msgspec.json.encode(note))
    return file


def _of_a_dead_process(path: Path) -> Path:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(child.pid).create_time()
    child.communicate(b"\n")
    return _note(child.pid, started, path)


def test_a_sweep_without_notes() -> None:
    leftovers.sweep()
    assert not paths.leftovers_folder().exists()


def test_a_finished_file_is_no_leftover(part: Path) -> None:
    with leftovers.noted(part):
        part.write_bytes(b"x")
        assert len(_notes()) == 1
    leftovers.sweep()
    assert part.exists()
    assert _notes() == []


def test_what_this_process_writes_is_not_swept(part: Path) -> None:
    with leftovers.noted(part):
        part.write_bytes(b"x")
        leftovers.sweep()
        assert part.exists()


@pytest.mark.parametrize("is_folder", [False, True])
def test_what_a_dead_process_left_is_swept(part: Path, is_folder: bool) -> None:
    if is_folder:
        (part / "deeper").mkdir(parents=True)
    else:
        part.write_bytes(b"x")
    _of_a_dead_process(part)
    leftovers.sweep()
    assert not part.exists()
    assert _notes() == []


def test_only_the_link_is_removed_not_the_folder_it_leads_to(part: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_bytes(b"x")
    part.symlink_to(kept, target_is_directory=True)
    _of_a_dead_process(part)
    leftovers.sweep()
    assert not part.is_symlink()
    assert (kept / "file").exists()


def test_a_sweep_for_one_path_leaves_the_others(part: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.part"
    for path in (part, other):
        path.write_bytes(b"x")
        _of_a_dead_process(path)
    leftovers.sweep(part)
    assert not part.exists()
    assert other.exists()
    assert len(_notes()) == 1


def test_a_relative_path_is_found_again(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part.write_bytes(b"x")
    _of_a_dead_process(part)
    monkeypatch.chdir(part.parent)
    leftovers.sweep(Path(part.name))
    assert not part.exists()


def test_a_process_id_that_is_used_again_does_not_keep_a_leftover_alive(part: Path) -> None:
    part.write_bytes(b"x")
    _note(os.getpid(), psutil.Process().create_time() - 3600, part)
    leftovers.sweep()
    assert not part.exists()


def test_a_living_process_keeps_its_file(part: Path) -> None:
    part.write_bytes(b"x")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        _note(child.pid, psutil.Process(child.pid).create_time(), part)
        leftovers.sweep()
        assert part.exists()
    finally:
        child.communicate(b"\n")
    leftovers.sweep()
    assert not part.exists()


def test_a_dead_process_s_note_about_a_living_one_s_file_removes_nothing(part: Path) -> None:
    with leftovers.noted(part):
        part.write_bytes(b"x")
        _of_a_dead_process(part)
        leftovers.sweep()
        assert part.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"process": "x"}'])
def test_a_note_that_is_just_being_written_is_left_alone(content: bytes, part: Path) -> None:
    paths.leftovers_folder().mkdir()
    note = paths.leftovers_folder() / "other.json"
    note.write_bytes(content)
    leftovers.sweep()
    assert note.read_bytes() == content


def test_a_cancel_removes_every_unfinished_file(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("1.part", "2.part", "whole"))
    with leftovers.noted(third):
        third.write_bytes(b"x")
    with leftovers.noted(first), leftovers.noted(second):
        first.write_bytes(b"x")
        second.mkdir()
        leftovers.remove_unfinished()
        assert not first.exists()
        assert not second.exists()
        assert _notes() == []
    assert third.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a name that can't be removed")
def test_what_can_t_be_removed_stays_noted(part: Path) -> None:
    # Below a file there is nothing to remove: the system refuses, as Windows does for open files.
    part.write_bytes(b"x")
    note = _of_a_dead_process(part / "impossible")
    leftovers.sweep()
    assert note.exists()
