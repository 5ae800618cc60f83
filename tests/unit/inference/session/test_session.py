"""A session on the tiny model: its vocabulary, its sampling, what it keeps and what it refuses.

With the safe setting, because the full one takes this process down on some machines.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.core.errors import AppError, Canceled, ErrorCode
from app.core.load_options import LoadOptions
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest
from app.inference.sampling.parameters import SamplingParameters
from app.inference.session.generation import Generation, Piece, Statistics
from app.inference.session.session import Session
from app.inference.session.slot import _Repetition
from app.inference.tokens.decoding import BatchPart, Interrupted
from tests.support.engine.tiny_model import write_tiny_model

GREEDY = SamplingParameters(temperature=0)
HOT = SamplingParameters(temperature=5, top_p=1, min_p=0, top_k=0, seed=1)
END = 2
ENDLESS = msgspec.structs.replace(HOT, logit_bias={END: -100.0})


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    model = write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.gguf")
    load_request = LoadRequest(
        read_model(model), LoadOptions(context=256, threads=1, extra_buffers=False)
    )
    with Session(load_request, lambda _: None) as session:
        yield session


def reply(
    session: Session,
    prompt: str | list[int],
    sampling: SamplingParameters = GREEDY,
    max_tokens: int | None = 8,
    stops: tuple[str, ...] = (),
    **fields: Any,
) -> tuple[str, Statistics]:
    asked = request(session, prompt, sampling, max_tokens, stops=stops, **fields)
    return "".join(session.stream_reply(asked)), asked.statistics


def request(
    session: Session,
    prompt: str | list[int],
    sampling: SamplingParameters = GREEDY,
    max_tokens: int | None = 8,
    **fields: Any,
) -> Generation:
    tokens = session.vocabulary.tokenize_prompt(prompt) if isinstance(prompt, str) else prompt
    return Generation(tokens, sampling, max_tokens, **fields)


class Reader:
    """Begins a reply that others are written alongside, and keeps what comes."""

    def __init__(self, session: Session, prompt: str, **fields: Any) -> None:
        self.asked = request(session, prompt, **fields)
        self.delivered: list[Piece | Exception | None] = []
        self.asked.deliver = self.delivered.append
        session.begin(self.asked)

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.delivered if isinstance(piece, Piece))


def finish(session: Session) -> None:
    while session.is_busy:
        session.step()


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
    assert (vocabulary.bos_text(), vocabulary.eos_text()) == ("<s>", "</s>")
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
    load_request = LoadRequest(read_model(starter), LoadOptions(context=256, extra_buffers=False))
    with Session(load_request, lambda _: None) as session:
        tokens = session.vocabulary.tokenize_prompt(text)
        assert session.vocabulary.detokenize(tokens) == text.encode("utf-8", "replace")


def test_greedy_is_the_same_every_time(session: Session) -> None:
    first, statistics = reply(session, "The mill")
    assert first
    assert (statistics.reply_tokens, statistics.finish_reason) == (8, "length")
    for _ in range(3):
        assert reply(session, "The mill")[0] == first


def test_a_seed_is_the_same_text_and_another_another(session: Session) -> None:
    texts = [
        reply(session, "The mill", msgspec.structs.replace(HOT, seed=seed))[0]
        for seed in (1, 2, 1, 2)
    ]
    assert texts[:2] == texts[2:]
    assert texts[0] != texts[1]


def test_samplers_that_leave_one_token_are_greedy(session: Session) -> None:
    expected, _ = reply(session, "The mill")
    for sampling in (
        SamplingParameters(top_k=1),
        SamplingParameters(top_p=0),
        SamplingParameters(min_p=1),
    ):
        assert reply(session, "The mill", sampling)[0] == expected


def test_a_penalty_changes_what_repeats(session: Session) -> None:
    plain, _ = reply(session, "The mill", max_tokens=64)
    penalized, _ = reply(
        session, "The mill", SamplingParameters(temperature=0, repeat_penalty=10), 64
    )
    assert len(set(penalized)) > len(set(plain))


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
    session.forget_everything()
    cold, statistics = reply(session, shared + "But who eats?")
    assert statistics.reused_tokens == 0
    assert warm == cold


def test_the_reply_ends_where_the_context_does(session: Session) -> None:
    _, statistics = reply(session, "x" * 200, max_tokens=None)
    assert statistics.finish_reason == "length"
    assert statistics.prompt_tokens + statistics.reply_tokens == 256


@pytest.mark.parametrize("length", [256, 257, 5000])
def test_a_prompt_that_fills_the_context_is_refused(session: Session, length: int) -> None:
    with pytest.raises(AppError) as raised:
        reply(session, [5] * length)
    assert raised.value.code is ErrorCode.CONTEXT_FULL
    assert raised.value.details == {"tokens": length, "context": 256}
    assert reply(session, [5] * 255)[1].reply_tokens == 1


def test_an_empty_prompt_is_refused(session: Session) -> None:
    with pytest.raises(AppError) as raised:
        reply(session, [])
    assert raised.value.code is ErrorCode.REQUEST_INVALID


def test_a_stop_string_ends_the_reply_before_it(session: Session) -> None:
    text, _ = reply(session, "The mill", max_tokens=32)
    stop = text[5:8]
    cut, statistics = reply(session, "The mill", max_tokens=32, stops=(stop,))
    assert cut == text[: text.index(stop)]
    assert statistics.finish_reason == "stop"


def test_a_canceled_reply_ends_and_the_session_goes_on(session: Session) -> None:
    expected, _ = reply(session, "The mill")
    asked = request(session, "Something new")
    asked.is_canceled = True
    with pytest.raises(Canceled):
        list(session.stream_reply(asked))
    assert reply(session, "The mill")[0] == expected


def test_a_reply_is_canceled_between_two_tokens(session: Session) -> None:
    asked = request(session, "The mill", max_tokens=200)
    pieces = session.stream_reply(asked)
    next(pieces)
    asked.is_canceled = True
    session.interrupt()
    with pytest.raises(Canceled):
        list(pieces)
    assert not session.is_busy


def test_an_interrupt_loses_nothing_of_the_others(session: Session) -> None:
    expected, _ = reply(session, "The mill")
    session.forget_everything()
    session._decoder.interrupt.set()
    with pytest.raises(Interrupted):
        session._decoder.evaluate([BatchPart(0, 0, [5, 6, 7], wants_logits=True)])
    assert reply(session, "The mill")[0] == expected


def test_an_interrupted_step_is_made_up_for(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = reply(session, "The mill", max_tokens=24)
    session.forget_everything()
    evaluate, count = session._decoder.evaluate, 0

    def often_interrupted(parts: list[BatchPart]) -> list[int]:
        nonlocal count
        count += 1
        if count % 3 == 0:
            session._decoder.interrupt.set()
        return evaluate(parts)

    monkeypatch.setattr(session._decoder, "evaluate", often_interrupted)
    assert reply(session, "The mill", max_tokens=24)[0] == expected
    assert count > 24


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session with four slots."""
    model = write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.gguf", context=1024)
    options = LoadOptions(context=1024, threads=1, extra_buffers=False)
    load_request = LoadRequest(read_model(model), options, slots=4)
    with Session(load_request, lambda _: None) as session:
        yield session


PROMPTS = ("The mill grinds", "A baker bakes", "Whose is the grain?", "Water turns the wheel")


def likeliest(reader: Reader) -> list[tuple[int, float]]:
    """The first token's likeliest rivals: they tell what the model has read."""
    first = next(piece for piece in reader.delivered if isinstance(piece, Piece))
    return [(token, logprob) for token, _, logprob in first.probabilities[0].others]


def test_replies_beside_each_other_are_those_they_would_be_alone(wide: Session) -> None:
    alone = []
    for prompt in PROMPTS:
        wide.forget_everything()
        reader = Reader(wide, prompt, max_tokens=24, probabilities=3)
        finish(wide)
        alone.append(likeliest(reader))
    wide.forget_everything()
    readers = []
    for prompt in PROMPTS:
        readers.append(Reader(wide, prompt, max_tokens=24, probabilities=3))
        wide.step()
    assert not wide.has_room
    finish(wide)
    for reader, expected in zip(readers, alone, strict=True):
        assert reader.delivered[-1] is None
        # Other batches add in another order.
        assert dict(likeliest(reader)) == pytest.approx(dict(expected), abs=0.01)
    assert len({tuple(token for token, _ in one) for one in alone}) > 1


def test_one_of_several_can_be_canceled(wide: Session) -> None:
    readers = [Reader(wide, prompt, max_tokens=24) for prompt in PROMPTS[:3]]
    wide.step()
    readers[1].asked.is_canceled = True
    wide.interrupt()
    finish(wide)
    assert isinstance(readers[1].delivered[-1], Canceled)
    assert readers[0].delivered[-1] is readers[2].delivered[-1] is None
    assert readers[0].text


def test_both_branches_of_a_conversation_stay_read(
    wide: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A model this small reads about as fast as bytes are moved: here reading counts as slow.
    monkeypatch.setattr(wide._memory._states, "_token_seconds", 1.0)
    monkeypatch.setattr(wide._memory, "note_reading", lambda _: None)
    wide.forget_everything()
    shared = "The mill grinds what the field gives. "
    long = shared + "And the baker bakes bread for the whole village, every day of the week. " * 3
    # Less than 64 tokens are read again rather than brought back.
    branch = shared + "But who eats what is baked there, and who carries it home? " * 3
    reply(wide, long)
    _, other = reply(wide, branch)
    common = len(wide.vocabulary.tokenize_prompt(shared))
    assert common <= other.reused_tokens < common + 5
    _, again = reply(wide, long)
    assert again.reused_tokens == again.prompt_tokens - 1
    _, again = reply(wide, branch)
    assert again.reused_tokens == again.prompt_tokens - 1


def test_what_idle_slots_remember_makes_room(wide: Session) -> None:
    for number in range(4):
        reply(wide, f"{number}" * 300)
    text, statistics = reply(wide, "x" * 900, ENDLESS, None)
    assert text
    assert statistics.prompt_tokens + statistics.reply_tokens == 1024


def test_several_replies_that_fill_the_context_end_one_by_one(wide: Session) -> None:
    wide.forget_everything()
    readers = [Reader(wide, f"{n}" * 300, max_tokens=None) for n in range(3)]
    finish(wide)
    ends = [reader.delivered[-1] for reader in readers]
    refused = [end for end in ends if isinstance(end, AppError)]
    assert {error.code for error in refused} == {ErrorCode.CONTEXT_FULL}
    assert None in ends
    assert all(reader.text for reader in readers)


def test_a_context_that_is_full_moves_on_when_asked_to(wide: Session) -> None:
    asked = request(wide, "x" * 900, ENDLESS, 400, overflow="shift")
    assert "".join(wide.stream_reply(asked))
    assert asked.statistics.reply_tokens == 400
    assert asked.statistics.dropped_tokens > 200


def test_a_grammar_is_followed(session: Session) -> None:
    grammar = 'root ::= ("yes" | "no ") [0-9] [0-9]'
    hot = msgspec.structs.replace(HOT, grammar=grammar)
    texts = {reply(session, "The mill", msgspec.structs.replace(hot, seed=n))[0] for n in range(20)}
    assert len(texts) > 5
    assert all(re.fullmatch(r"(yes|no )\d\d", text) for text in texts)


@pytest.mark.parametrize(
    "grammar",
    [
        "other ::= [a-z]",
        "root ::= " + "(" * 60_000,
        'root ::= "a"{1,1000000000}',
        "root ::= ([a-z]?){1000}",
        'root ::= some{1000}\nsome ::= [a-z]{0,9} blank\nblank ::= ""',
        "root ::= " + "[a-z]{0,1000} " * 40,
        "root ::= a0\n" + "\n".join(f"a{n} ::= a{n + 1}" for n in range(3000)) + '\na3000 ::= ""',
    ],
)
def test_a_grammar_that_can_not_be_used_is_refused(session: Session, grammar: str) -> None:
    with pytest.raises(AppError) as raised:
        reply(session, "The mill", SamplingParameters(grammar=grammar))
    assert raised.value.code is ErrorCode.REQUEST_INVALID
    assert "grammar" in raised.value.details["reason"]


def test_a_bias_decides(session: Session) -> None:
    (token,) = session.vocabulary.tokenize("q")[-1:]
    text, _ = reply(
        session, "The mill", SamplingParameters(temperature=0, logit_bias={token: 100}), 5
    )
    assert text == "q" * 5


@pytest.mark.parametrize(
    "sampling",
    [
        SamplingParameters(typical_p=0.5, seed=1),
        SamplingParameters(xtc_probability=1, xtc_threshold=0.01, seed=1),
        SamplingParameters(mirostat=1, seed=1),
        SamplingParameters(mirostat=2, seed=1),
        SamplingParameters(dry_multiplier=5, dry_allowed_length=1, seed=1),
        SamplingParameters(frequency_penalty=2, presence_penalty=2, seed=1),
    ],
)
def test_every_sampler_changes_the_reply_and_keeps_to_its_seed(
    session: Session, sampling: SamplingParameters
) -> None:
    plain, _ = reply(session, "The mill", SamplingParameters(seed=1), 64)
    first, _ = reply(session, "The mill", sampling, 64)
    assert reply(session, "The mill", sampling, 64)[0] == first != plain


def test_a_model_that_repeats_itself_is_stopped(session: Session) -> None:
    (token,) = session.vocabulary.tokenize("q")[-1:]
    biased = SamplingParameters(temperature=0, logit_bias={token: 100})
    text, statistics = reply(session, "The mill", biased, 200)
    assert text == "q" * 64
    assert statistics.repeats


def test_a_phrase_without_end_is_noticed_and_a_long_list_is_not() -> None:
    repetition = _Repetition()
    phrase = [7, 8, 9, 10, 11, 12, 13]
    said = [repetition.is_endless(token) for token in (phrase * 200)]
    assert said.index(True) == 511
    repetition = _Repetition()
    numbered = [token for number in range(300) for token in (5, 6, 1000 + number)]
    assert not any(map(repetition.is_endless, numbered))
    assert not any(map(_Repetition().is_endless, phrase * 30))


def test_probabilities_are_told_with_their_text(session: Session) -> None:
    asked = request(session, "The mill", probabilities=3)
    delivered: list[Piece | Exception | None] = []
    asked.deliver = delivered.append
    session.begin(asked)
    finish(session)
    pieces = [piece for piece in delivered if isinstance(piece, Piece)]
    told = [one for piece in pieces for one in piece.probabilities]
    assert len(told) == asked.statistics.reply_tokens
    for one in told:
        assert one.others[0][0] == one.token
        assert one.others[0][2] == one.logprob < 0
        assert [other[2] for other in one.others] == sorted(
            (other[2] for other in one.others), reverse=True
        )


def test_weights_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "broken.gguf", with_numbers=False)
    options = LoadOptions(context=256, extra_buffers=False)
    load_request = LoadRequest(read_model(model), options)
    with Session(load_request, lambda _: None) as session, pytest.raises(AppError) as raised:
        reply(session, "The mill")
    assert raised.value.code is ErrorCode.MODEL_REJECTED
    assert raised.value.details["reason"] == "its weights produce values that are not numbers"


def test_a_token_that_takes_long_to_choose_does_not_hold_up_others(wide: Session) -> None:
    session = wide
    fields: dict[str, Any] = {
        "sampling": SamplingParameters(temperature=0, grammar='root ::= [a-z]+ "!"')
    }
    expected, _ = reply(session, "The mill", max_tokens=12, **fields)
    slow = Reader(session, "The mill", max_tokens=12, is_heavy=True, **fields)
    held = threading.Event()
    # The thread beside the engine is busy, as with a grammar that has no end.
    session._sampling_thread.submit(held.wait, 60)
    other = Reader(session, "Hello", sampling=GREEDY, max_tokens=12)
    while not other.asked.is_finished:
        session.step()
    is_finished = slow.asked.is_finished
    held.set()
    finish(session)
    assert (other.delivered[-1], is_finished) == (None, False)
    assert slow.text == expected


def test_heavy_replies_take_turns_beside_light_ones(wide: Session) -> None:
    session, tokens = wide, 9
    heavy = [
        Reader(session, text, sampling=ENDLESS, max_tokens=200, is_heavy=True)
        for text in ("The mill", "Hello")
    ]
    light = Reader(session, "A stone", sampling=ENDLESS, max_tokens=tokens)
    while not light.asked.is_finished:
        session.step()
    written = [reader.asked.statistics.reply_tokens for reader in heavy]
    for reader in heavy:
        reader.asked.is_canceled = True
    finish(session)
    assert light.asked.statistics.reply_tokens == tokens
    # One of them at every third step.
    assert sum(written) <= -(-(tokens + 1) // 3) + len(heavy)
    assert max(written) - min(written) <= 1


def test_a_reply_whose_token_is_being_chosen_can_be_canceled(session: Session) -> None:
    grammar = SamplingParameters(temperature=0, grammar="root ::= [a-z]+")
    slow = Reader(session, "The mill", sampling=grammar, max_tokens=None, is_heavy=True)
    held = threading.Event()
    session._sampling_thread.submit(held.wait, 60)
    session.step()
    slow.asked.is_canceled = True
    session.step()
    is_finished = slow.asked.is_finished
    held.set()
    finish(session)
    assert not is_finished
    assert isinstance(slow.delivered[-1], Canceled)


def test_what_was_prepared_is_freed_when_it_is_not_begun(session: Session) -> None:
    asked = request(session, "The mill")
    session.prepare(asked)
    assert asked.sampler is not None
    asked.end(Canceled())
    assert asked.sampler is None
