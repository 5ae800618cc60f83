"""Every token says what the vocabulary's file says, and a reply is the sum of its tokens."""

from __future__ import annotations

import ctypes
import random
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.core.load_options import LoadOptions
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest
from app.inference.sampling.parameters import SamplingParameters
from app.inference.session.generation import Generation, Piece
from app.inference.session.session import Session
from app.inference.tokens.vocabulary import Vocabulary
from tests.support.checkpoints.vocabularies import token_texts, vocabulary_file, write_model_on
from tests.unit.inference.tokens.test_vocabulary import vocabulary_of

pytestmark = pytest.mark.slow

COMMON = ("deepseek-coder", "llama-spm", "phi-3")
OTHERS = (
    *("aquila", "baichuan", "bert-bge", "command-r", "deepseek-llm", "falcon"),
    *("gemma-4", "gpt-2", "gpt-neox", "llama-bpe", "mpt", "nomic-bert-moe", "qwen2", "qwen35"),
    *("refact", "starcoder"),
)
VOCABULARIES = (*COMMON, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS))
TAKEN_FOR_CONTROL = {
    "aquila": {b"<|endoftext|>"},
    "deepseek-coder": {f"<｜fim▁{name}｜>".encode() for name in ("begin", "hole", "end")},
    "gemma-4": {b"<|tool_response>"},
    "phi-3": {b"</s>"},
}
"""Tokens that these files call text, and that llama.cpp knows better by their names."""
TIDIED = {"llama-bpe"}
"""Where `llama_detokenize` drops spaces that the model wrote before full stops and the like."""
STREAMED = (
    *("llama-spm", "deepseek-coder"),
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("llama-bpe", "qwen2")),
)
REPLIES, REPLY_TOKENS = 250, 24
OTHER_TOKENS = (0, 3, 10, 40)


def said_texts(converter: Path, name: str) -> list[bytes]:
    taken = TAKEN_FOR_CONTROL.get(name, set())
    texts = token_texts(vocabulary_file(converter, name))
    return [b"" if text in taken else text for text in texts]


@pytest.mark.parametrize("name", VOCABULARIES)
def test_every_piece_is_what_the_file_says(converter: Path, name: str) -> None:
    expected = said_texts(converter, name)
    with vocabulary_of(vocabulary_file(converter, name)) as vocabulary:
        assert vocabulary.size == len(expected)
        wrong = [
            (token, vocabulary.piece(token), text)
            for token, text in enumerate(expected)
            if vocabulary.piece(token) != text
        ]
        assert wrong == []
        controls = vocabulary.control_texts()
        vocabulary.show(controls.values())
        assert all(vocabulary.piece(token).decode() == text for text, token in controls.items())


def test_an_end_of_replies_is_no_markup(converter: Path) -> None:
    with vocabulary_of(vocabulary_file(converter, "llama-spm")) as vocabulary:
        assert vocabulary.mistaken_eog_tokens() == []
        assert vocabulary.is_eog(vocabulary.control_texts()["</s>"])


@dataclass(frozen=True)
class Kinds:
    """The tokens of a vocabulary that are hard to stream, by what is hard about them."""

    emoji: list[int]
    ideographs: list[int]
    indents: list[int]
    broken: list[int]
    words: list[int]

    def choose(self, chance: random.Random) -> list[int]:
        """A few tokens for one reply, always with an indent and with bytes that are no text."""
        kinds = (self.emoji, self.ideographs, self.broken, self.words)
        chosen = [
            chance.choice(kind) for kind in chance.choices(kinds, k=chance.choice(OTHER_TOKENS))
        ]
        return [*chosen, chance.choice(self.indents), chance.choice(self.broken)]


def kinds_of(texts: Sequence[bytes]) -> Kinds:
    kinds = Kinds([], [], [], [], [])
    widest = max(len(text) for text in texts if text and not text.strip(b" "))
    for token, encoded in enumerate(texts):
        try:
            text = encoded.decode()
        except UnicodeDecodeError:
            kinds.broken.append(token)
            continue
        if any(unicodedata.category(letter) == "So" for letter in text):
            kinds.emoji.append(token)
        elif any("\u3400" <= letter <= "\u9fff" for letter in text):
            kinds.ideographs.append(token)
        elif len(text) in {widest, 128} and not text.strip(" "):
            kinds.indents.append(token)
        elif text:
            kinds.words.append(token)
    return kinds


@contextmanager
def speaking(vocabulary: Path, folder: Path) -> Iterator[Session]:
    model = write_model_on(vocabulary, folder / "model.gguf")
    load_request = LoadRequest(
        read_model(model), LoadOptions(context=512, threads=1, extra_buffers=False)
    )
    with Session(load_request, lambda _: None) as session:
        yield session


def written(
    session: Session, tokens: Sequence[int], seed: int, grammar: str = ""
) -> tuple[list[Piece], list[int]]:
    """A reply of some of these tokens: its pieces as they stream, and its tokens."""
    bias = dict.fromkeys(tokens, 40.0)
    sampling = SamplingParameters(
        temperature=1,
        top_k=len(bias),
        top_p=1,
        min_p=0,
        seed=seed,
        logit_bias=bias,
        grammar=grammar,
    )
    delivered: list[Piece | Exception | None] = []
    prompt = session.vocabulary.tokenize_prompt("The mill")
    asked = Generation(prompt, sampling, REPLY_TOKENS, probabilities=0, deliver=delivered.append)
    session.begin(asked)
    while session.is_busy:
        session.step()
    assert delivered.pop() is None
    pieces = [piece for piece in delivered if isinstance(piece, Piece)]
    assert len(pieces) == len(delivered)
    return pieces, [one.token for piece in pieces for one in piece.probabilities]


def detokenized(vocabulary: Vocabulary, tokens: Sequence[int]) -> bytes:
    """llama.cpp's own text of several tokens, which stand after a begin token."""
    llama = vocabulary._llama
    begin = llama.llama_vocab_bos(vocabulary.pointer)
    given = (ctypes.c_int32 * (len(tokens) + 1))(begin, *tokens)
    buffer = ctypes.create_string_buffer(65536)
    length = llama.llama_detokenize(
        vocabulary.pointer, given, len(given), buffer, len(buffer), True, False
    )
    return buffer.raw[:length]


@pytest.mark.parametrize("name", STREAMED)
def test_what_streams_is_the_whole_reply(converter: Path, tmp_path: Path, name: str) -> None:
    texts = said_texts(converter, name)
    kinds = kinds_of(texts)
    whole = ""
    with speaking(vocabulary_file(converter, name), tmp_path) as session:
        for seed in range(REPLIES):
            chosen = kinds.choose(random.Random(seed))
            pieces, tokens = written(session, chosen, seed)
            assert len(tokens) == REPLY_TOKENS
            encoded = b"".join(texts[token] for token in tokens)
            said = "".join(piece.text for piece in pieces)
            assert said == encoded.decode("utf-8", "replace")
            if name not in TIDIED:
                assert detokenized(session.vocabulary, tokens) == encoded
            whole += said
    for wanted in ("\ufffd", " " * 128):
        assert wanted in whole
    assert any(unicodedata.category(letter) == "So" and letter != "\ufffd" for letter in whole)
    assert any("\u3400" <= letter <= "\u9fff" for letter in whole)


@pytest.mark.slow
def test_markup_among_the_words_does_not_end_a_reply(converter: Path, tmp_path: Path) -> None:
    with speaking(vocabulary_file(converter, "qwen2"), tmp_path) as session:
        vocabulary = session.vocabulary
        (markup,) = vocabulary.mistaken_eog_tokens()
        (end,) = vocabulary.tokenize("<|im_end|>")
        (word,) = vocabulary.tokenize("mill")
        assert vocabulary.is_eog(end)
        pieces, tokens = written(session, [markup, word], 1)
        assert set(tokens) == {markup, word}
        assert len(tokens) == REPLY_TOKENS
        said = "".join(piece.text for piece in pieces)
        assert said == "".join("</s>" if token == markup else "mill" for token in tokens)
        pieces, _ = written(session, [markup, word, end], 1, 'root ::= "mill" "mill"')
        assert "".join(piece.text for piece in pieces) == "millmill"
