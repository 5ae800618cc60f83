"""What a slot has read comes back after others had its place, where that is faster than reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.core.load_options import LoadOptions
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest
from app.inference.sampling.parameters import SamplingParameters
from app.inference.session.generation import Generation, Piece, Statistics
from app.inference.session.prompt_cache import PromptCache, state_budget_bytes
from app.inference.session.session import Session
from app.native.library import load_llama
from tests.support.checkpoints.vocabularies import (
    vocabulary_file,
    write_model_on,
    write_recurrent_model_on,
    write_windowed_model_on,
)
from tests.support.engine.tiny_model import write_tiny_model

pytestmark = pytest.mark.slow

CONTEXT, SLOTS = 4096, 2
GREEDY = SamplingParameters(temperature=0)
Likeliest = list[tuple[int, float]]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("model")
    with opened(write_tiny_model(folder / "tiny.gguf", context=CONTEXT)) as session:
        yield session


@pytest.fixture(autouse=True)
def _nothing_read(session: Session) -> None:
    session.forget_everything()


def opened(model: Path, slots: int = SLOTS) -> Session:
    # Flash attention adds up in 16 bits: its sums differ with the place of the cells.
    options = LoadOptions(context=CONTEXT, threads=1, flash_attention="off", extra_buffers=False)
    load_request = LoadRequest(read_model(model), options, slots=slots)
    session = Session(load_request, lambda _: None)
    # A model this small reads about as fast as bytes are moved: here reading counts as slow.
    session._memory.note_reading = lambda _: None
    return session


def conversation(number: int, length: int = 500) -> list[int]:
    """Tokens of the tiny vocabulary that no other number begins with."""
    return [1, 40 + number, *(60 + (number + 3) * place % 190 for place in range(length - 2))]


def reply(session: Session, prompt: list[int], max_tokens: int = 8) -> tuple[Likeliest, Statistics]:
    """The likeliest first tokens, which tell what the model has read, and the figures."""
    delivered: list[Piece | Exception | None] = []
    asked = Generation(prompt, GREEDY, max_tokens, probabilities=3, deliver=delivered.append)
    session.begin(asked)
    while session.is_busy:
        session.step()
    assert delivered[-1] is None
    first = next(piece for piece in delivered if isinstance(piece, Piece))
    likeliest = [(token, value) for token, _, value in first.probabilities[0].others]
    return likeliest, asked.statistics


def states_of(session: Session) -> PromptCache:
    return session._memory._states


def test_a_conversation_comes_back_after_others_had_all_slots(session: Session) -> None:
    asked = conversation(0)
    again = [*asked, *conversation(9, 40)]
    reply(session, asked)
    for number in (1, 2, 3):
        _, statistics = reply(session, conversation(number))
        assert statistics.reused_tokens <= 1
    warm, statistics = reply(session, again)
    assert statistics.reused_tokens == len(asked)
    session.forget_everything()
    cold, statistics = reply(session, again)
    assert statistics.reused_tokens == 0
    assert dict(warm) == pytest.approx(dict(cold), abs=0.01)


def test_what_lies_idle_is_out_of_the_way_and_comes_back(session: Session) -> None:
    old, new = conversation(0), conversation(1)
    for prompt in (old, new):
        session.begin(Generation(prompt, GREEDY, 8))
    while session.is_busy:
        session.step()
    assert all(slot.read > 0 for slot in session._slots)
    session.tidy()
    assert sorted(slot.read > 0 for slot in session._slots) == [False, True]
    # The one that stays, too: what comes next needn't wait until it is saved.
    assert len(states_of(session)) == 2
    for prompt in (new, old):
        warm, statistics = reply(session, [*prompt, 77])
        assert statistics.reused_tokens == len(prompt)
    session.forget_everything()
    cold, _ = reply(session, [*old, 77])
    # One token and a whole prompt are multiplied by different code.
    assert dict(warm) == pytest.approx(dict(cold), abs=0.05)


def test_a_lone_reply_begins_with_nothing_idle_in_its_way(session: Session) -> None:
    for number in range(3):
        reply(session, conversation(number))
        assert sum(slot.read > 0 for slot in session._slots) == 1
    _, statistics = reply(session, [*conversation(1), 77])
    assert statistics.reused_tokens == len(conversation(1))


@pytest.fixture
def _slow_memory(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if moving a state took a twentieth of the time that it takes to read it."""
    reply(session, conversation(0))
    (slot,) = [slot for slot in session._slots if slot.read]
    size = load_llama().llama_state_seq_get_size(session.loaded.context, slot.sequence)
    token_bytes = size / slot.read
    session.forget_everything()
    monkeypatch.setattr(states_of(session), "_byte_seconds", 1.0)
    monkeypatch.setattr(states_of(session), "_token_seconds", 20 * token_bytes)


@pytest.mark.usefixtures("_slow_memory")
def test_while_somebody_waits_what_nobody_went_on_with_may_cost_little(session: Session) -> None:
    reply(session, conversation(0))
    reply(session, conversation(1))
    assert len(states_of(session)) == 0
    assert sum(slot.read > 0 for slot in session._slots) == 1
    session.tidy()
    assert len(states_of(session)) == 1


@pytest.mark.usefixtures("_slow_memory")
def test_what_somebody_went_on_with_is_kept_while_others_wait(session: Session) -> None:
    reply(session, conversation(0))
    reply(session, [*conversation(0), *conversation(5, 20)])
    assert len(states_of(session)) == 0
    reply(session, conversation(1))
    assert len(states_of(session)) == 1


def test_conversations_take_turns_in_one_slot(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=CONTEXT)
    asked = [conversation(number) for number in range(3)]
    with opened(model, slots=1) as session:
        for turn in range(3):
            for number, prompt in enumerate(asked):
                _, statistics = reply(session, prompt)
                assert (statistics.reused_tokens == len(prompt) - 30) == (turn > 0)
                asked[number] = [*prompt, *conversation(number, 30)]
        # One for each; what the third has read is in the slot, and was saved a turn ago.
        assert len(states_of(session)) == 3


def test_what_made_room_in_the_context_comes_back(session: Session) -> None:
    long = [conversation(number, 2500) for number in range(2)]
    for prompt in (*long, *long):
        _, statistics = reply(session, prompt)
    assert statistics.reused_tokens == len(long[1]) - 1


def test_embeddings_beside_it_change_nothing(session: Session) -> None:
    asked, text = conversation(0), conversation(5, 30)
    expected = session.embed(text)
    for prompt in (asked, conversation(1, 1800), conversation(2, 1800)):
        reply(session, prompt)
    assert session.embed(conversation(6, 1000)).shape == expected.shape
    assert session.embed(text) == pytest.approx(expected, abs=1e-3)
    _, statistics = reply(session, asked)
    assert statistics.reused_tokens == len(asked) - 1


def test_a_short_conversation_is_read_again(session: Session) -> None:
    for number in range(4):
        reply(session, conversation(number, 50))
    assert len(states_of(session)) == 0
    _, statistics = reply(session, conversation(0, 50))
    assert statistics.reused_tokens <= 1


def test_a_branch_that_shares_most_of_a_conversation_is_not_saved(session: Session) -> None:
    shared = conversation(0, 600)
    for end in range(4):
        reply(session, [*shared, *conversation(end, 50)])
    assert len(states_of(session)) == 0


def test_what_a_shift_has_left_is_not_saved(session: Session) -> None:
    prompt = conversation(0, CONTEXT - 20)
    asked = Generation(
        prompt, SamplingParameters(seed=1, logit_bias={2: -100.0}), 40, overflow="shift"
    )
    assert "".join(session.stream_reply(asked))
    assert asked.statistics.dropped_tokens
    for number in (1, 2, 3):
        reply(session, conversation(number))
    assert not any(len(state.tokens) > 1000 for state in states_of(session)._states)


def read_states(
    session: Session, sizes: list[int], most_states: float, note: Callable[[PromptCache], None]
) -> PromptCache:
    """Reads consecutive conversations, and keeps each, within a budget."""
    reply(session, conversation(0, sizes[0]))
    (slot,) = [slot for slot in session._slots if slot.read]
    size = load_llama().llama_state_seq_get_size(session.loaded.context, slot.sequence)
    states = PromptCache(session.loaded, int(most_states * size))
    for number, length in enumerate(sizes):
        session.forget_everything()
        reply(session, conversation(number, length))
        (slot,) = [slot for slot in session._slots if slot.read]
        note(states)
        states.save(slot.sequence, slot.tokens[: slot.read], 0)
        assert states.size_bytes <= most_states * size
    return states


def test_the_budget_holds_and_the_oldest_go(session: Session) -> None:
    states = read_states(session, [500] * 6, 3.5, lambda states: states.note_reading(1, 1.0))
    assert [state.tokens[1] for state in states._states] == [43, 44, 45]
    assert states.best_for(conversation(0), 0) is None
    kept = states.best_for([*conversation(3), 5], 0)
    assert kept is not None
    assert states.restore(kept, session._slots[0].sequence)
    assert states._states[-1] is kept
    session.forget_everything()


def test_a_state_beyond_the_budget_is_not_kept(session: Session) -> None:
    states = read_states(session, [500], 0.9, lambda states: states.note_reading(1, 1.0))
    assert len(states) == 0


def test_nothing_is_kept_where_reading_is_faster(session: Session) -> None:
    states = read_states(session, [500], 10, lambda states: states.note_reading(1, 1e-12))
    assert len(states) == 0


def test_a_longer_reading_of_the_same_takes_the_place_of_the_shorter(session: Session) -> None:
    states = PromptCache(session.loaded, state_budget_bytes())
    states.note_reading(1, 1.0)
    short, long = conversation(0, 400), conversation(0, 600)
    for prompt in (short, long, short):
        reply(session, prompt, 1)
        (slot,) = [slot for slot in session._slots if slot.read]
        states.save(slot.sequence, slot.tokens[: slot.read], 0)
        assert len(states) == 1
    assert states._states[0].tokens.tolist() == long


@pytest.mark.parametrize("write", [write_recurrent_model_on, write_windowed_model_on])
def test_a_state_that_can_not_be_cut_is_used_whole_or_not_at_all(
    converter: Path, tmp_path: Path, write: Callable[..., Path]
) -> None:
    vocabulary = vocabulary_file(converter, "llama-spm")
    model = write(vocabulary, tmp_path / "model.gguf", context=CONTEXT)
    asked = conversation(0)
    with opened(model) as session:
        _, statistics = reply(session, asked, 1)
        for number in (1, 2, 3):
            reply(session, conversation(number), 1)
        again = [*asked, *conversation(9, 40)]
        warm, statistics = reply(session, again)
        assert statistics.reused_tokens == len(asked)
        for number in (1, 2, 3):
            reply(session, conversation(number), 1)
        _, statistics = reply(session, asked[:-100])
        assert statistics.reused_tokens <= 1
        session.forget_everything()
        cold, _ = reply(session, again)
        assert dict(warm) == pytest.approx(dict(cold), abs=0.01)


def test_another_kind_of_vocabulary_makes_no_difference(converter: Path, tmp_path: Path) -> None:
    vocabulary = vocabulary_file(converter, "llama-spm")
    with opened(write_model_on(vocabulary, tmp_path / "m.gguf", context=CONTEXT), 1) as session:
        reply(session, conversation(0))
        reply(session, conversation(1))
        _, statistics = reply(session, conversation(0))
        assert statistics.reused_tokens == len(conversation(0)) - 1
