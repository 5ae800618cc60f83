"""Texts as tokens of the starter model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.load_options import LoadOptions
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest, opened_model
from app.inference.tokens.vocabulary import Vocabulary
from app.measurement.texts.rendered_text import RenderedText

pytestmark = pytest.mark.slow
TURN = "<|im_start|>user\nHi<|im_end|>\n"


@pytest.fixture
def vocabulary(starter: Path) -> Iterator[Vocabulary]:
    """The starter's, which has control tokens for turns."""
    request = LoadRequest(read_model(starter), LoadOptions(context=512))
    with opened_model(request, lambda _: None) as loaded:
        yield Vocabulary(loaded.model)


def test_control_tokens_are_tokens_only_where_a_template_wrote_them(
    vocabulary: Vocabulary,
) -> None:
    text = f"plain {TURN} words {TURN} plain {TURN}"
    second = text.index(TURN, 10)
    tokens = RenderedText(text, ((second, second + len(TURN)),)).tokens(vocabulary)
    (start,) = vocabulary.tokenize("<|im_start|>")
    (end,) = vocabulary.tokenize("<|im_end|>")
    assert (tokens.count(start), tokens.count(end)) == (1, 1)
    vocabulary.show([start, end])
    assert vocabulary.detokenize(tokens).decode() == text


def test_plain_text_has_no_control_tokens(vocabulary: Vocabulary) -> None:
    tokens = RenderedText(TURN).tokens(vocabulary)
    assert tokens == vocabulary.tokenize(TURN, with_control_tokens=False)
    assert not {*vocabulary.control_texts().values()} & {*tokens}
