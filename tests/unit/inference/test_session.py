"""A session on the tiny model: its vocabulary, its sampling, what it keeps and what it refuses.

With the safe setting, because the full one takes this process down on some machines.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.core.errors import AppError, Cancelled, ErrorCode
from app.inference.loading import LoadWishes
from app.inference.sampling import Sampling
from app.inference.session import AbortFlag, Session, Statistics
from tests.tiny_model import write_tiny_model

GREEDY = Sampling(temperature=0)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    model = write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.gguf")
    wishes = LoadWishes(model, 1, 256, 256, threads=1, has_extra_buffers=False)
    with Session(wishes, lambda _: None) as session:
        yield session


def reply(
    session: Session,
    prompt: str | list[int],
    sampling: Sampling = GREEDY,
    most_tokens: int | None = 8,
    stops: tuple[str, ...] = (),
    abort: AbortFlag | None = None,
) -> tuple[str, Statistics]:
    statistics = Statistics()
    tokens = session.vocabulary.tokenize_prompt(prompt) if isinstance(prompt, str) else prompt
    pieces = session.reply(tokens, sampling, most_tokens, stops, statistics, abort or AbortFlag())
    return "".join(pieces), statistics


def said(session: Session, tokens: list[int]) -> bytes:
    """The tiny vocabulary has bytes alone, so the mark of a space stays as it is."""
    text = session.vocabulary.detokenize(tokens).replace("▁".encode(), b" ")
    return text.removeprefix(b" ")


def test_the_begin_token_comes_once(session: Session) -> None:
    tokens = session.vocabulary.tokenize_prompt("mill")
    assert tokens[0] == 1
    assert session.vocabulary.tokenize_prompt("<s>mill").count(1) == 1
    assert said(session, tokens) == b"mill"


def test_control_tokens_are_only_read_when_asked_for(session: Session) -> None:
    vocabulary = session.vocabulary
    assert 2 in vocabulary.tokenize("</s>")
    assert 2 not in vocabulary.tokenize("</s>", with_control_tokens=False)
    assert (vocabulary.begin_text(), vocabulary.end_text()) == ("<s>", "</s>")
    assert vocabulary.piece(2) == b""


@pytest.mark.parametrize("text", ["a\0b", "小麦粉 🌾", " " * 300, "x" * 10_000, "\ud800"])
def test_every_text_has_tokens_and_comes_back(session: Session, text: str) -> None:
    tokens = session.vocabulary.tokenize(text)
    expected = text.encode("utf-8", "replace")
    assert said(session, tokens) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["a\0b", "小麦粉 🌾👩🏽‍🌾", "\n" + " " * 300 + "return", "\ud800", "Ğü\r\n"]
)
def test_a_real_vocabulary_gives_every_text_back(starter: Path, text: str) -> None:
    wishes = LoadWishes(starter, 30, 256, 8192, has_extra_buffers=False)
    with Session(wishes, lambda _: None) as session:
        tokens = session.vocabulary.tokenize_prompt(text)
        assert session.vocabulary.detokenize(tokens) == text.encode("utf-8", "replace")


def test_greedy_is_the_same_every_time(session: Session) -> None:
    first, statistics = reply(session, "The mill")
    assert first
    assert (statistics.reply_tokens, statistics.finish_reason) == (8, "length")
    for _ in range(3):
        assert reply(session, "The mill")[0] == first


def test_a_seed_is_the_same_text_and_another_another(session: Session) -> None:
    hot = Sampling(temperature=5, top_p=1, min_p=0, top_k=0)
    texts = [
        reply(session, "The mill", msgspec.structs.replace(hot, seed=seed))[0]
        for seed in (1, 2, 1, 2)
    ]
    assert texts[:2] == texts[2:]
    assert texts[0] != texts[1]


def test_samplers_that_leave_one_token_are_greedy(session: Session) -> None:
    expected, _ = reply(session, "The mill")
    for sampling in (Sampling(top_k=1), Sampling(top_p=0), Sampling(min_p=1)):
        assert reply(session, "The mill", sampling)[0] == expected


def test_a_penalty_changes_what_repeats(session: Session) -> None:
    plain, _ = reply(session, "The mill", most_tokens=64)
    penalised, _ = reply(session, "The mill", Sampling(temperature=0, repeat_penalty=10), 64)
    assert len(set(penalised)) > len(set(plain))


def test_what_was_read_is_not_read_again(session: Session) -> None:
    prompt = "The mill grinds what the field gives"
    reply(session, "another thing altogether")
    text, first = reply(session, prompt)
    again, second = reply(session, prompt)
    assert (text, first.prompt_tokens) == (again, second.prompt_tokens)
    assert first.reused_tokens < second.reused_tokens == first.prompt_tokens - 1


def test_reuse_does_not_change_the_reply(session: Session) -> None:
    shared = "The mill grinds what the field gives. "
    reply(session, shared + "And the baker bakes.")
    warm, statistics = reply(session, shared + "But who eats?")
    assert statistics.reused_tokens > len(shared)
    session._forget()
    cold, statistics = reply(session, shared + "But who eats?")
    assert statistics.reused_tokens == 0
    assert warm == cold


def test_the_reply_ends_where_the_context_does(session: Session) -> None:
    _, statistics = reply(session, "x" * 200, most_tokens=None)
    assert statistics.finish_reason == "length"
    assert statistics.prompt_tokens + statistics.reply_tokens == 256


@pytest.mark.parametrize("length", [256, 257, 5000])
def test_a_prompt_that_fills_the_context_is_refused(session: Session, length: int) -> None:
    with pytest.raises(AppError) as raised:
        reply(session, [5] * length)
    assert raised.value.code is ErrorCode.CONTEXT_FULL
    assert raised.value.facts == {"tokens": length, "context": 256}
    assert reply(session, [5] * 255)[1].reply_tokens == 1


def test_an_empty_prompt_is_refused(session: Session) -> None:
    with pytest.raises(AppError) as raised:
        reply(session, [])
    assert raised.value.code is ErrorCode.REQUEST_INVALID


def test_a_stop_string_ends_the_reply_before_it(session: Session) -> None:
    text, _ = reply(session, "The mill", most_tokens=32)
    stop = text[5:8]
    cut, statistics = reply(session, "The mill", most_tokens=32, stops=(stop,))
    assert cut == text[: text.index(stop)]
    assert statistics.finish_reason == "stop"


def test_an_abort_stops_at_once_and_the_session_goes_on(session: Session) -> None:
    expected, _ = reply(session, "The mill")
    abort = AbortFlag()
    abort.set()
    with pytest.raises(Cancelled):
        reply(session, "Something new", abort=abort)
    assert reply(session, "The mill")[0] == expected


def test_an_abort_between_two_tokens(session: Session) -> None:
    abort = AbortFlag()
    tokens = session.vocabulary.tokenize_prompt("The mill")
    pieces = session.reply(tokens, GREEDY, 200, (), Statistics(), abort)
    next(pieces)
    abort.set()
    with pytest.raises(Cancelled):
        list(pieces)


def test_weights_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "broken.gguf", with_numbers=False)
    wishes = LoadWishes(model, 1, 256, 256, has_extra_buffers=False)
    with Session(wishes, lambda _: None) as session, pytest.raises(AppError) as raised:
        reply(session, "The mill")
    assert raised.value.code is ErrorCode.MODEL_REJECTED
    assert raised.value.facts["reason"] == "its weights give values that are not numbers"
