"""Compare quantized models with the exact one, layer by layer, without writing a file.

As in the engine, the inputs of quantized matrices are rounded to 8 bits: below a divergence of
about 0.003, that is most of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

from app.core.events import Event, Progressed
from app.core.files import temporary_folder
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.native.quantization import dequantize_rows
from app.sensitivity.engine_inputs import EngineInputs
from app.sensitivity.harms import errors
from app.sensitivity.importance import importance_of
from app.sensitivity.layered_model import Layer, LayeredModel
from app.sensitivity.passes import single_threaded_pool
from app.sensitivity.quantized_rows import rounded_rows
from app.sensitivity.requests import (
    ComparedModels,
    ComparisonRequest,
    MeasuredQuality,
    Place,
    QuantizedModel,
)

_States = list[torch.Tensor]
_EXACT = QuantizedModel({})


def compare_models(request: ComparisonRequest, report: Callable[[Event], None]) -> ComparedModels:
    """Run the model with its own weights and with each kind of quantized ones.

    Raises:
        AppError: `gradients_unavailable`.
    """
    source = request.source
    tokens = torch.tensor(source.tokens)
    with (
        temporary_folder() as scratch,
        single_threaded_pool(source.threads) as pool,
        torch.no_grad(),
    ):
        model = LayeredModel(Path(source.checkpoint), tokens.shape[1])
        runs = [_Run(one, source.places, pool) for one in (_EXACT, *request.models)]
        for run in runs:
            run.embed(model, tokens)
        layer_bytes = model.stored.size_bytes() // model.layer_count
        for number in range(model.layer_count):
            with model.loaded_layer(number) as layer:
                for run in runs:
                    run.pass_layer(layer)
            done_bytes = (number + 1) * layer_bytes
            report(Progressed("comparison", done_bytes, model.layer_count * layer_bytes))
        return _compared(model, runs, tokens, scratch)


def _compared(
    model: LayeredModel, runs: Sequence[_Run], tokens: torch.Tensor, scratch: Path
) -> ComparedModels:
    exact, *others = runs
    surprises = []
    for number, logarithms in enumerate(exact.logarithms(model)):
        # On the disk: the logits of a large vocabulary take much memory.
        np.save(scratch / f"{number}.npy", logarithms.numpy())
        surprises.append(_surprise(logarithms, tokens[number]))
    qualities = [
        _mean(
            [
                _scores(_kept(scratch, number), logarithms, tokens[number])
                for number, logarithms in enumerate(run.logarithms(model))
            ]
        )
        for run in others
    ]
    return ComparedModels(_perplexity(surprises), tuple(qualities))


def _kept(scratch: Path, number: int) -> torch.Tensor:
    return torch.from_numpy(np.load(scratch / f"{number}.npy"))


class _Run:
    """One model on its way through the layers."""

    def __init__(
        self, quantized: QuantizedModel, places: Mapping[str, Place], pool: Executor
    ) -> None:
        self._quantized = quantized
        self._places = places
        self._pool = pool
        self._states: _States = []

    def embed(self, model: LayeredModel, tokens: torch.Tensor) -> None:
        with self._rounded(model.outside_weights):
            self._states = list(self._pool.map(model.embed, tokens))

    def pass_layer(self, layer: Layer) -> None:
        def passed(state: torch.Tensor) -> torch.Tensor:
            with EngineInputs(blocks):
                return layer.without_gradients(state)

        with self._rounded(layer.weights) as blocks:
            self._states = list(self._pool.map(passed, self._states))

    def logarithms(self, model: LayeredModel) -> Iterator[torch.Tensor]:
        """Yield the logarithms of the probabilities in the second half of each sequence.

        Each is half the tokens x vocabulary. The first half is context, as in llama-perplexity.
        """
        with self._rounded(model.outside_weights) as blocks:
            for state in self._states:
                with EngineInputs(blocks):
                    logits = model.logits(state[:, state.shape[1] // 2 :])
                yield logits.log_softmax(-1)

    @contextmanager
    def _rounded(self, weights: Mapping[str, torch.Tensor]) -> Iterator[dict[int, int]]:
        """Replace the values of the matrices by those of their types inside the block.

        Provide the sizes of the types' blocks by the addresses of the matrices.
        """
        chosen = self._of(weights, self._quantized.types)
        shifted = self._of(weights, self._quantized.shifts)
        places = [self._places[name] for name in chosen]
        exact: dict[str, torch.Tensor] = {}
        if not self._quantized.has_exact_weights:
            exact = {name: values.clone() for name, values in (chosen | shifted).items()}
            list(self._pool.map(partial(_round, self._quantized), places, chosen.values()))
            for name, values in shifted.items():
                shift = self._quantized.shifts[self._places[name].tensor]
                values.add_(torch.from_numpy(np.frombuffer(shift, np.float32).copy()))
        types = (TENSOR_TYPES[self._quantized.types[place.tensor]] for place in places)
        addresses = (values.data_ptr() for values in chosen.values())
        try:
            yield {address: kind.block_size for address, kind in zip(addresses, types, strict=True)}
        finally:
            for name, values in exact.items():
                weights[name].copy_(values)

    def _of(
        self, weights: Mapping[str, torch.Tensor], tensors: Mapping[str, object]
    ) -> dict[str, torch.Tensor]:
        """Return the weights that become one of some tensors."""
        return {
            name: values
            for name, values in weights.items()
            if name in self._places and self._places[name].tensor in tensors
        }


@dataclass(frozen=True)
class _Scores:
    divergence: float
    agreement: float
    surprise: float


def _scores(expected: torch.Tensor, found: torch.Tensor, tokens: torch.Tensor) -> _Scores:
    agreement = (expected.argmax(-1) == found.argmax(-1)).float().mean()
    divergence = mean_divergence(expected, found)
    return _Scores(divergence, float(agreement), _surprise(found, tokens))


def mean_divergence(expected: torch.Tensor, found: torch.Tensor) -> float:
    """Return the mean KL divergence from expected logarithms of probabilities, in nats.

    Args:
        expected: Those of the exact model (tokens x vocabulary).
        found: Those of another one.
    """
    return float((expected.exp() * (expected - found)).sum(-1).mean())


def _surprise(logarithms: torch.Tensor, tokens: torch.Tensor) -> float:
    following = tokens[len(tokens) - len(logarithms) + 1 :]
    return -float(logarithms[:-1].gather(1, following[:, None]).mean())


def _perplexity(surprises: Sequence[float]) -> float:
    return float(np.exp(fmean(surprises)))


def _mean(scores: Sequence[_Scores]) -> MeasuredQuality:
    return MeasuredQuality(
        fmean(one.divergence for one in scores),
        fmean(one.agreement for one in scores),
        _perplexity([one.surprise for one in scores]),
    )


def _round(quantized: QuantizedModel, place: Place, weights: torch.Tensor) -> None:
    type_number = quantized.types[place.tensor]
    rows = rounded_rows(quantized, place, weights.numpy())
    if rows is not None:
        weights.copy_(torch.from_numpy(dequantize_rows(type_number, rows)))
        return
    importance = importance_of(quantized.importance, place)
    for run, error in errors(weights.numpy(), type_number, importance):
        weights[run] -= error
