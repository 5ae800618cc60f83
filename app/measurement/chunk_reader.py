"""Read chunks of a text with a loaded model, and return its predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from app.core.errors import AppError, ErrorCode
from app.inference.loading.loaded_model import LoadedModel, LoadRequest, Report, opened_model
from app.inference.tokens.decoding import BatchPart, Decoder, Floats
from app.inference.tokens.vocabulary import Vocabulary
from app.native.library import load_llama

_MAX_TOKENS_AT_ONCE = 512
"""llama.cpp's default micro-batch; more at once would only enlarge the buffer of logits."""
_SEQUENCE = 0


class Reader:
    """A model that reads one sequence of tokens at a time, from its beginning."""

    def __init__(self, loaded: LoadedModel, name: str) -> None:
        self.vocabulary = Vocabulary(loaded.model)
        self.context_tokens = loaded.context_tokens
        self._decoder = Decoder(loaded, name, self.vocabulary.size)
        if not self._decoder.can_generate or load_llama().llama_model_has_encoder(loaded.model):
            raise AppError(ErrorCode.MODEL_WITHOUT_TEXT, model=name)

    def forget(self) -> None:
        """Start over: the next tokens are the first of a text."""
        self._decoder.forget(_SEQUENCE)

    def read(self, position: int, tokens: Sequence[int]) -> None:
        """Read tokens, the first at `position`, and wait for the prediction after the last one.

        Raises:
            AppError: `model_rejected`.
        """
        for start, batch in self._batches(tokens):
            part = BatchPart(_SEQUENCE, position + start, batch, wants_logits=True)
            (last,) = self._decoder.evaluate([part])
            # The device may still be computing until the logits are read.
            self._decoder.logits(last)

    def predictions(self, chunk: Sequence[int]) -> Iterator[Floats]:
        """Read a chunk, and yield the logits (positions, vocabulary) of its second half.

        They come in pieces; each is a view that the next one overwrites.

        Raises:
            AppError: `model_rejected`, also if the weights result in values that are not numbers.
        """
        first = len(chunk) // 2
        self.forget()
        self.read(0, chunk[:first])
        for start, batch in self._batches(chunk[first:]):
            part = BatchPart(_SEQUENCE, first + start, batch, wants_logits=True)
            (last,) = self._decoder.evaluate([part], all_outputs=True)
            self._decoder.require_finite(last)
            yield self._decoder.all_logits(len(batch))

    def _batches(self, tokens: Sequence[int]) -> Iterator[tuple[int, Sequence[int]]]:
        max_tokens = min(_MAX_TOKENS_AT_ONCE, self._decoder.batch_tokens)
        for start in range(0, len(tokens), max_tokens):
            yield start, tokens[start : start + max_tokens]


@contextmanager
def open_reader(load_request: LoadRequest, report: Report) -> Iterator[Reader]:
    """Open a reader of a model that stays loaded while the block runs.

    Raises:
        AppError: `model_without_text`, and errors of loading a model.
    """
    with opened_model(load_request, report) as loaded:
        yield Reader(loaded, load_request.model.path.name)
