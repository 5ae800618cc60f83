"""Saved answers of the Hub."""

from __future__ import annotations

from pathlib import Path

from app.hub.answer_cache import AnswerCache, SavedAnswer

ADDRESS = "https://huggingface.co/api/models?search=x"


def test_an_answer_with_its_etag_and_age(tmp_path: Path) -> None:
    now = 1_000_000.0
    cache = AnswerCache(tmp_path / "answers", clock=lambda: now)
    assert cache.find(ADDRESS, None) is None

    cache.save(ADDRESS, None, b"one\ntwo", 'W/"x"')
    now += 5
    assert cache.find(ADDRESS, None) == SavedAnswer(b"one\ntwo", 'W/"x"', 5.0)

    cache.renew(ADDRESS, None)
    assert cache.find(ADDRESS, None) == SavedAnswer(b"one\ntwo", 'W/"x"', 0.0)


def test_an_answer_belongs_to_one_user_and_does_not_hold_the_token(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "answers")
    cache.save(ADDRESS, "hf_planted", b"private", "")

    assert cache.find(ADDRESS, None) is None
    assert cache.find(ADDRESS, "hf_other") is None
    (file,) = (tmp_path / "answers").iterdir()
    assert "hf_planted" not in file.name
    assert b"hf_planted" not in file.read_bytes()


def test_the_oldest_answers_go_first(tmp_path: Path) -> None:
    now = 0.0
    cache = AnswerCache(tmp_path / "answers", largest_bytes=250, clock=lambda: now)
    for address in ("a", "b", "c"):
        now += 1
        cache.save(address, None, bytes(90), "")
        now += 1
        cache.renew("a", None)

    assert [cache.find(address, None) is not None for address in "abc"] == [True, False, True]
    assert sum(file.stat().st_size for file in (tmp_path / "answers").iterdir()) <= 250


def test_a_folder_that_can_not_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("a file")
    cache = AnswerCache(tmp_path / "answers")

    cache.save(ADDRESS, None, b"one", "")
    cache.renew(ADDRESS, None)

    assert cache.find(ADDRESS, None) is None


def test_a_damaged_file_is_no_answer(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "answers")
    cache.save(ADDRESS, None, b"one", "")
    (file,) = (tmp_path / "answers").iterdir()
    file.write_bytes(b"")

    assert cache.find(ADDRESS, None) is None
