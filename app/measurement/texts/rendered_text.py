"""A text as a model reads it, with the places where the texts of control tokens are tokens."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from app.gguf_file.model import Model
from app.inference.tokens.provenance import Span
from app.inference.tokens.vocabulary import Vocabulary


@dataclass(frozen=True)
class RenderedText:
    """A text, and the spans in it that a chat template wrote; elsewhere, all text is plain."""

    text: str
    templated: tuple[Span, ...] = ()

    @property
    def size_bytes(self) -> int:
        """The size in UTF-8."""
        return len(self.text.encode("utf-8", "replace"))

    def tokens(self, vocabulary: Vocabulary) -> list[int]:
        """Return the tokens, beginning with the BOS token if the model expects one."""
        if self.templated:
            return vocabulary.tokenize_prompt(self.text, self._plain_spans())
        begin = vocabulary.bos_token()
        # Control tokens in the text are plain text, as in llama.cpp's programs.
        tokens = vocabulary.tokenize(self.text, with_control_tokens=False)
        return tokens if begin is None else [begin, *tokens]

    def _plain_spans(self) -> list[Span]:
        bounds = [0, *itertools.chain.from_iterable(self.templated), len(self.text)]
        pairs = zip(bounds[::2], bounds[1::2], strict=True)
        return [(start, end) for start, end in pairs if start < end]


TextFor = Callable[[Model], RenderedText]
"""Returns a text as a model reads it, from the headers of the model alone."""
