"""What a window or a recurrent state forgot comes back, and no reply is another for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from app.core.load_options import LoadOptions
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest
from app.inference.sampling.parameters import SamplingParameters
from app.inference.session.generation import Generation, Piece, Statistics
from app.inference.session.session import Session
from tests.support.checkpoints.vocabularies import (
    vocabulary_file,
    write_hybrid_model_on,
    write_recurrent_model_on,
    write_windowed_model_on,
)

pytestmark = pytest.mark.slow

CONTEXT, MICRO_BATCH = 4096, 128
# Without chance a random model soon says the same without end, and is stopped.
SAMPLING = SamplingParameters(seed=1, temperature=2.0, logit_bias={2: -100.0})
Write = Callable[..., Path]


def opened(model: Path, slots: int = 1, *, swa_full: bool = False) -> Session:
    options = LoadOptions(
        context=CONTEXT,
        micro_batch=MICRO_BATCH,
        threads=1,
        flash_attention="off",
        extra_buffers=False,
        swa_full=swa_full,
    )
    session = Session(LoadRequest(read_model(model), options, slots=slots), lambda _: None)
    # Whole states are for what comes back from other slots.
    session._memory._states.save = lambda *_: False
    return session


@pytest.fixture(
    params=[
        write_recurrent_model_on,
        write_windowed_model_on,
        write_hybrid_model_on,
        partial(write_hybrid_model_on, window=64),
    ],
    ids=["recurrent", "window", "hybrid", "hybrid-window"],
)
def model(request: pytest.FixtureRequest, converter: Path, tmp_path: Path) -> Path:
    write: Write = request.param
    return write(vocabulary_file(converter, "llama-spm"), tmp_path / "m.gguf", context=CONTEXT)


@pytest.fixture
def session(model: Path) -> Iterator[Session]:
    with opened(model) as session:
        yield session


def conversation(number: int, length: int) -> list[int]:
    return [1, 40 + number, *(60 + (number + 3) * place % 190 for place in range(length - 2))]


def reply(
    session: Session, prompt: list[int], max_tokens: int = 1
) -> tuple[dict[int, float], Statistics]:
    """How likely the likeliest first tokens are, and the figures."""
    delivered: list[Piece | Exception | None] = []
    asked = Generation(prompt, SAMPLING, max_tokens, probabilities=5, deliver=delivered.append)
    session.begin(asked)
    while session.is_busy:
        session.step()
    assert delivered[-1] is None
    first = next(piece for piece in delivered if isinstance(piece, Piece))
    likeliest = {token: value for token, _, value in first.probabilities[0].others}
    return likeliest, asked.statistics


def cold(session: Session, prompt: list[int]) -> dict[int, float]:
    """The same of a context that has read nothing."""
    session.forget_everything()
    likeliest, statistics = reply(session, prompt)
    assert statistics.reused_tokens == 0
    return likeliest


def test_a_reply_that_is_asked_for_again_reads_little(session: Session) -> None:
    prompt = conversation(0, 1000)
    reply(session, prompt, 700)
    warm, statistics = reply(session, prompt)
    assert statistics.reused_tokens == len(prompt) - 4
    assert warm == pytest.approx(cold(session, prompt), abs=0.01)


def test_a_turn_whose_history_has_lost_the_thoughts_reads_what_follows(session: Session) -> None:
    prompt = conversation(0, 1000)
    reply(session, prompt, 700)
    turn = [*prompt[:-2], *conversation(3, 80)]
    warm, statistics = reply(session, turn)
    assert statistics.reused_tokens == len(prompt) - 4
    assert warm == pytest.approx(cold(session, turn), abs=0.01)


def test_long_thoughts_that_are_left_out_do_not_take_the_question_along(model: Path) -> None:
    prompt = conversation(0, 400)
    with opened(model, slots=2) as session:
        reply(session, prompt, 900)
        turn = [*prompt, *conversation(3, 80)]
        warm, statistics = reply(session, turn)
        assert statistics.reused_tokens == len(prompt) - 4
        assert warm == pytest.approx(cold(session, turn), abs=0.01)


def test_an_edited_question_goes_back_to_the_turn_before(session: Session) -> None:
    first = conversation(0, 900)
    reply(session, first)
    reply(session, [*first, *conversation(3, 600)], 300)
    edited = [*first, *conversation(5, 500)]
    warm, statistics = reply(session, edited)
    assert statistics.reused_tokens == len(first)
    assert warm == pytest.approx(cold(session, edited), abs=0.01)


def test_another_branch_far_back_is_read_anew(session: Session) -> None:
    shared = conversation(0, 500)
    reply(session, [*shared, *conversation(3, 1200)], 300)
    branch = [*shared, *conversation(5, 100)]
    warm, statistics = reply(session, branch)
    assert statistics.reused_tokens == 0
    assert warm == pytest.approx(cold(session, branch), abs=0.01)


def test_a_step_that_is_interrupted_changes_no_reply(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = conversation(0, 1500)
    expected = cold(session, prompt)
    session.forget_everything()
    evaluate, count = session._decoder.evaluate, 0

    def often_interrupted(*arguments: object, **named: object) -> object:
        nonlocal count
        count += 1
        if count % 2:
            session._decoder.interrupt.set()
        return partial(evaluate, *arguments, **named)()

    monkeypatch.setattr(session._decoder, "evaluate", often_interrupted)
    found, _ = reply(session, prompt)
    assert found == pytest.approx(expected, abs=0.01)


def test_branches_beside_each_other_never_run_out_of_room(model: Path) -> None:
    slots = 4
    with opened(model, slots) as session:
        shared = conversation(0, 500)
        reply(session, [*shared, *conversation(9, 100)], 10)
        asked = []
        for number in range(slots):
            prompt = [*shared, *conversation(number, 100)]
            asked.append(Generation(prompt, SAMPLING, 250))
            session.begin(asked[-1])
        while session.is_busy:
            session.step()
        assert [one.statistics.reply_tokens for one in asked] == [250] * slots


@pytest.mark.parametrize("swa_full", [False, True])
def test_a_window_goes_on_in_a_context_that_is_full(
    converter: Path, tmp_path: Path, *, swa_full: bool
) -> None:
    vocabulary = vocabulary_file(converter, "llama-spm")
    model = write_windowed_model_on(vocabulary, tmp_path / "m.gguf", context=CONTEXT)
    prompt = conversation(0, CONTEXT - 100)
    with opened(model, slots=2, swa_full=swa_full) as session:
        asked = Generation(prompt, SAMPLING, 300, overflow="shift")
        assert "".join(session.stream_reply(asked))
        assert asked.statistics.reply_tokens == 300
        assert asked.statistics.dropped_tokens == (CONTEXT - 1 - 4) // 2
        (slot,) = [slot for slot in session._slots if slot.read]
        assert slot.tokens[:4] == prompt[:4]
        after = [*slot.tokens, *conversation(3, 20)]
        warm, statistics = reply(session, after)
        assert statistics.reused_tokens == len(slot.tokens) - 20
        if not swa_full:
            # What was moved, was computed in its old place.
            assert warm == pytest.approx(cold(session, after), abs=0.01)


def test_whole_windows_can_be_gone_back_to_anywhere(converter: Path, tmp_path: Path) -> None:
    vocabulary = vocabulary_file(converter, "llama-spm")
    model = write_windowed_model_on(vocabulary, tmp_path / "m.gguf", context=CONTEXT)
    shared = conversation(0, 1000)
    with opened(model, swa_full=True) as session:
        reply(session, [*shared, *conversation(3, 1200)], 300)
        branch = [*shared, *conversation(5, 100)]
        warm, statistics = reply(session, branch)
        # The first two tokens are the same in all.
        assert statistics.reused_tokens >= len(shared)
        assert warm == pytest.approx(cold(session, branch), abs=0.01)


def test_the_second_turn_of_a_window_is_that_of_a_context_that_keeps_all(
    converter: Path, tmp_path: Path
) -> None:
    vocabulary = vocabulary_file(converter, "llama-spm")
    model = write_windowed_model_on(vocabulary, tmp_path / "m.gguf", context=CONTEXT)
    texts = []
    for swa_full in (False, True):
        with opened(model, swa_full=swa_full) as session:
            prompt, said = conversation(0, 700), []
            for turn in range(3):
                asked = Generation(prompt, SAMPLING, 200)
                said.append("".join(session.stream_reply(asked)))
                (slot,) = session._slots
                prompt = [*slot.tokens, *conversation(turn, 60)]
                assert (asked.statistics.reused_tokens > 0) == (turn > 0)
            texts.append(said)
    assert texts[0] == texts[1]
