"""A checkpoint in 16 bits as a GGUF file, and how far quantized copies of it are from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.allocation.mix import with_types
from app.conversion.gguf_source import lay_out_gguf
from app.conversion.type_choices import TypeChoices
from app.conversion.type_plan import plan_as_laid_out
from app.conversion.writer import QuantizationOptions, write_models
from app.core.events import Event
from app.core.levels import COPY
from app.core.load_options import LoadOptions
from app.gguf_file.model import read_sane_model
from app.inference.loading.loaded_model import LoadRequest
from app.inference.self_test.probe import working_options
from app.measurement.calibration import calibrate_on
from app.measurement.chunk_reader import Reader, open_reader
from app.measurement.scores import Scores
from app.measurement.text_chunks import DEFAULT_CHUNK_TOKENS
from app.native.importance_matrix import ImportanceMatrix
from app.sensitivity.requests import MeasuredQuality

_Floats = npt.NDArray[np.float32]
Tokens = tuple[int, ...]


class ReferenceModel:
    """A model that llama.cpp runs, and what it predicts, which is kept in a folder.

    Its own predictions are computed once; only those for the second half of a sequence count.
    """

    def __init__(self, file: Path, folder: Path, threads: int) -> None:
        self._file = file
        self._folder = folder
        self._threads = threads
        self._kept: dict[Tokens, Path] = {}

    def importance(self, sequences: Sequence[Tokens]) -> ImportanceMatrix:
        """Return the importance matrix of these tokens."""
        return calibrate_on(self._file, sequences, ignore, threads=self._threads)

    def predict(self, sequences: Sequence[Tokens]) -> None:
        """Keep the predictions for sequences, those that are not kept yet.

        Raises:
            AppError: `model_rejected`, and errors of loading a model.
        """
        missing = [tokens for tokens in sequences if tokens not in self._kept]
        if not missing:
            return
        with self._reader(self._file) as reader:
            for tokens in missing:
                file = self._folder / f"{len(self._kept)}.npy"
                np.save(file, _logits(reader, tokens))
                self._kept[tokens] = file

    def perplexity(self, sequences: Sequence[Tokens]) -> float:
        """Return the perplexity of sequences."""
        self.predict(sequences)
        scores = Scores()
        for tokens in sequences:
            scores.add(_scored(tokens), np.load(self._kept[tokens]), None)
        return scores.perplexity

    def quality(
        self, types: Mapping[str, int], importance: ImportanceMatrix, sequences: Sequence[Tokens]
    ) -> MeasuredQuality:
        """Return how far a copy is from the model in which some tensors have other types.

        Raises:
            AppError: what `write_models` raises, `model_rejected`, and errors of loading a model.
            ValueError: there are no sequences.
        """
        self.predict(sequences)
        copy = self._folder / "copy.gguf"
        self._write(copy, types, importance)
        scores = Scores()
        with self._reader(copy) as reader:
            for tokens in sequences:
                expected = np.load(self._kept[tokens])
                scores.add(_scored(tokens), _logits(reader, tokens), expected)
        divergence = scores.divergence
        if divergence is None:
            raise ValueError("there are no sequences")
        return MeasuredQuality(divergence.mean, divergence.top_token_agreement, scores.perplexity)

    def _write(self, copy: Path, types: Mapping[str, int], importance: ImportanceMatrix) -> None:
        layout = lay_out_gguf(self._file)
        plan = plan_as_laid_out(layout, COPY)
        plan = replace(plan, tensors=with_types(plan.tensors, types))
        choices = TypeChoices(importance=importance, requantizes=True)
        options = QuantizationOptions(self._threads, choices)
        write_models(layout, {copy: plan}, options, ignore)

    @contextmanager
    def _reader(self, file: Path) -> Iterator[Reader]:
        threads = self._threads
        options = LoadOptions(context=DEFAULT_CHUNK_TOKENS, threads=threads, threads_batch=threads)
        request = LoadRequest(
            model=read_sane_model(file),
            options=working_options(options, ignore),
            all_outputs=True,
        )
        with open_reader(request, ignore) as reader:
            yield reader


def ignore(_: Event) -> None:
    """Report nothing: the progress of a part is none of the whole."""


def _logits(reader: Reader, tokens: Tokens) -> _Floats:
    """Return the logits (positions x vocabulary) for the second half of a sequence."""
    # Each piece is a view that the next one overwrites.
    return np.concatenate([piece.copy() for piece in reader.predictions(tokens)])


def _scored(tokens: Tokens) -> Tokens:
    """Return the tokens that follow positions of the second half."""
    return tokens[len(tokens) // 2 + 1 :]
