"""A loaded model that reads chunks of a text and says what it expects next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from app.core.errors import AppError, ErrorCode
from app.inference.loading.loaded_model import LoadedModel, LoadRequest, Report, opened_model
from app.inference.tokens.decoding import BatchPart, Decoder, Floats
from app.inference.tokens.vocabulary import Vocabulary
from app.native.library import load_llama

_MOST_TOKENS_AT_ONCE = 512
"""llama.cpp's usual micro-batch; more at once would only make the buffer of logits larger."""
_SEQUENCE = 0


class Reader:
    """One model, which reads one sequence of tokens at a time, from its beginning."""

    def __init__(self, loaded: LoadedModel, name: str) -> None:
        self.vocabulary = Vocabulary(loaded.model)
        self.context_tokens = loaded.context_tokens
        self._evaluator = Decoder(loaded, name, self.vocabulary.size)
        if not self._evaluator.can_write or load_llama().llama_model_has_encoder(loaded.model):
            raise AppError(ErrorCode.MODEL_WITHOUT_TEXT, model=name)

    def forget(self) -> None:
        """Begin anew: the next tokens are a text's first."""
        self._evaluator.forget(_SEQUENCE)

    def read(self, position: int, tokens: Sequence[int]) -> None:
        """Read tokens, the first of them at `position`; returns when the last is predicted from.

        Raises:
            AppError: `model_rejected`.
        """
        for start, batch in self._batches(tokens):
            part = BatchPart(_SEQUENCE, position + start, batch, wants_logits=True)
            (last,) = self._evaluator.evaluate([part])
            # The device may still be at work until somebody asks.
            self._evaluator.logits(last)

    def predictions(self, chunk: Sequence[int]) -> Iterator[Floats]:
        """Read a chunk, and give the logits (places, vocabulary) in its second half.

        They come in pieces, each a view that the next one overwrites.

        Raises:
            AppError: `model_rejected`, also when the weights give values that are not numbers.
        """
        first = len(chunk) // 2
        self.forget()
        self.read(0, chunk[:first])
        for start, batch in self._batches(chunk[first:]):
            part = BatchPart(_SEQUENCE, first + start, batch, wants_logits=True)
            (last,) = self._evaluator.evaluate([part], all_outputs=True)
            self._evaluator.require_numbers(last)
            yield self._evaluator.all_logits(len(batch))

    def _batches(self, tokens: Sequence[int]) -> Iterator[tuple[int, Sequence[int]]]:
        most = min(_MOST_TOKENS_AT_ONCE, self._evaluator.batch_tokens)
        for start in range(0, len(tokens), most):
            yield start, tokens[start : start + most]


@contextmanager
def opened_reader(load_request: LoadRequest, report: Report) -> Iterator[Reader]:
    """A reader of a model that is loaded for as long as the block runs.

    Raises:
        AppError: `model_without_text`, and what loading a model raises.
    """
    with opened_model(load_request, report) as loaded:
        yield Reader(loaded, load_request.model.path.name)
