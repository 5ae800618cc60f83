"""Tune the block scales and norms of a quantized model until its predictions are the exact one's.

Codes stay, and so does the size of the file. The loss is the mean KL divergence from the exact
model over the tokens of a text; each sequence is computed on one thread, so that results don't
depend on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from app.conversion.rounded_rows import RoundedRows, row_digests
from app.core.events import Event, Progressed
from app.core.files import temporary_folder
from app.native.quantization import dequantize_rows
from app.rounding.block_fields import BLOCK_FIELDS
from app.rounding.tuned_rows import TunedRows
from app.sensitivity.model_comparison import mean_divergence
from app.sensitivity.passes import single_threaded_pool
from app.sensitivity.quantized_rows import quantized_rows
from app.sensitivity.requests import (
    SAMPLED_SEQUENCES,
    TUNING_BATCH,
    TUNING_EPOCHS,
    Place,
    QuantizedModel,
    TunedTensors,
    TuningRequest,
)
from app.sensitivity.whole_model import WholeModel

_RATE, _BETAS = 2e-3, (0.9, 0.99)
_WARM_UP = 0.1
_NORM = "norm.weight"


def tune(request: TuningRequest, report: Callable[[Event], None]) -> TunedTensors:
    """Tune scales and norms on all but the last sequences, which decide.

    Raises:
        AppError: `gradients_unavailable`, `disk_full`.
    """
    source = request.source
    with (
        temporary_folder() as scratch,
        single_threaded_pool(source.threads) as pool,
        torch.no_grad(),
    ):
        model = WholeModel(Path(source.checkpoint))
        sequences = _Sequences(model, torch.tensor(source.tokens), scratch, pool)
        tuned = _TunedModel(model, request)
        held_out = range(len(source.tokens) - SAMPLED_SEQUENCES, len(source.tokens))
        before = sequences.divergence(held_out)
        _descend(tuned, sequences, held_out.start, report)
        folders, shifts = tuned.finish()
        after = sequences.divergence(held_out)
    if after < before:
        return TunedTensors(folders, shifts, before, after)
    return TunedTensors({}, {}, before, before)


def _descend(
    tuned: _TunedModel, sequences: _Sequences, count: int, report: Callable[[Event], None]
) -> None:
    """Follow the gradients of the first `count` sequences with Adam (Kingma and Ba 2015)."""
    optimizer = torch.optim.Adam(tuned.changes(), betas=_BETAS)
    steps = TUNING_EPOCHS * math.ceil(count / TUNING_BATCH)
    order = torch.Generator().manual_seed(0)
    step = 0
    for _ in range(TUNING_EPOCHS):
        for batch in torch.randperm(count, generator=order).split(TUNING_BATCH):
            for group in optimizer.param_groups:
                group["lr"] = _RATE * _pace(step / steps)
            tuned.take(sequences.gradients(batch.tolist(), tuned))
            optimizer.step()
            tuned.apply()
            step += 1
            report(Progressed("tuning", step * tuned.size_bytes, steps * tuned.size_bytes))


def _pace(done: float) -> float:
    """Return the share of the full rate: a short rise, then half a cosine down to 0."""
    return min(1.0, (done + _WARM_UP / 10) / _WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * done))


class _Matrix(NamedTuple):
    """A quantized matrix: its place, its tuned rows, and the digests of its exact ones."""

    place: Place
    rows: TunedRows
    digests: npt.NDArray[np.uint64]


class _TunedModel:
    """A model with the values of its types, and the changes that are tuned."""

    def __init__(self, model: WholeModel, request: TuningRequest) -> None:
        self._weights = model.weights
        self._folder = Path(request.folder)
        self._types = request.model.types
        self._matrices: dict[str, _Matrix] = {}
        self._norms: dict[str, tuple[Place, torch.Tensor, torch.Tensor]] = {}
        for name, values in model.weights.items():
            place = request.source.places.get(name)
            if place is None:
                continue
            if place.tensor in self._types:
                self._take_matrix(name, place, request.model)
            elif place.tensor.endswith(_NORM):
                self._norms[name] = (place, values.clone(), torch.zeros_like(values))
        self.apply()
        model.requires_gradients()
        self.size_bytes = sum(values.nbytes for values in self._weights.values())

    def _take_matrix(self, name: str, place: Place, model: QuantizedModel) -> None:
        exact = self._weights[name]
        weights = exact.contiguous().numpy()
        rows = quantized_rows(model, place, weights)
        type_number = self._types[place.tensor]
        if type_number in BLOCK_FIELDS:
            digests = row_digests(weights)
            self._matrices[name] = _Matrix(place, TunedRows(type_number, rows), digests)
        else:
            exact.copy_(torch.from_numpy(dequantize_rows(type_number, rows)))

    def changes(self) -> list[torch.Tensor]:
        """Return what is tuned."""
        return [matrix.rows.changes for matrix in self._matrices.values()] + [
            change for _, _, change in self._norms.values()
        ]

    def reduced(self, gradients: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
        """Return gradients by the weights as those by what is tuned."""
        by_rows = [
            matrix.rows.gradients(self._weights[name], gradients[name])
            for name, matrix in self._matrices.items()
        ]
        return by_rows + [gradients[name] for name in self._norms]

    def take(self, gradients: Sequence[torch.Tensor]) -> None:
        """Give the gradients to the optimizer."""
        for change, gradient in zip(self.changes(), gradients, strict=True):
            change.grad = gradient

    def apply(self) -> None:
        """Give the changed values to the model."""
        for name, matrix in self._matrices.items():
            self._weights[name].copy_(matrix.rows.values())
        for name, (_, exact, change) in self._norms.items():
            self._weights[name].copy_(exact + change)

    def finish(self) -> tuple[dict[str, str], dict[str, bytes]]:
        """Write the rows, with scales in half precision, and give their values to the model.

        Return the folders of the tensors, and the changes of norms.
        """
        folders = {}
        for name, matrix in self._matrices.items():
            tensor = matrix.place.tensor
            type_number, content = self._types[tensor], matrix.rows.to_bytes()
            rows = RoundedRows(self._folder / tensor, type_number)
            rows.add_known(matrix.digests, content)
            folders[tensor] = str(rows.folder)
            values = dequantize_rows(type_number, content)
            self._weights[name].copy_(torch.from_numpy(values))
        shifts = {
            place.tensor: change.numpy().tobytes() for place, _, change in self._norms.values()
        }
        return folders, shifts


class _Sequences:
    """Sequences of tokens, and the exact model's predictions for them, on the disk."""

    def __init__(
        self, model: WholeModel, tokens: torch.Tensor, scratch: Path, pool: Executor
    ) -> None:
        self._model = model
        self._tokens = tokens
        self._scratch = scratch
        self._pool = pool
        list(pool.map(self._keep, range(len(tokens))))

    def divergence(self, numbers: Sequence[int]) -> float:
        """Return the mean KL divergence from the exact model in some sequences."""
        return fmean(self._pool.map(self._divergence, numbers))

    def gradients(self, numbers: Sequence[int], tuned: _TunedModel) -> list[torch.Tensor]:
        """Return the gradients of the mean KL divergence in some sequences."""
        found = self._pool.map(partial(self._gradients, tuned), numbers)
        return [torch.stack(parts).mean(0) for parts in zip(*found, strict=True)]

    def _gradients(self, tuned: _TunedModel, number: int) -> list[torch.Tensor]:
        by_logits = partial(self._by_logits, number)
        gradients = self._model.gradients(self._tokens[number], by_logits)
        with torch.no_grad():
            return tuned.reduced(gradients)

    def _by_logits(self, number: int, logits: torch.Tensor) -> torch.Tensor:
        """Return the gradients of the mean KL divergence by logits: the excess of probability."""
        return (logits.softmax(-1) - self._expected(number).exp()) / len(logits)

    def _divergence(self, number: int) -> float:
        return mean_divergence(self._expected(number), self._logarithms(number))

    def _keep(self, number: int) -> None:
        np.save(self._place(number), self._logarithms(number).numpy())

    def _logarithms(self, number: int) -> torch.Tensor:
        """Return the logarithms of what the model predicts as it is now (tokens x vocabulary)."""
        return self._model.logits(self._tokens[number]).log_softmax(-1)

    def _expected(self, number: int) -> torch.Tensor:
        return torch.from_numpy(np.load(self._place(number)))

    def _place(self, number: int) -> Path:
        return self._scratch / f"{number}.npy"
