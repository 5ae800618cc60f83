"""Measure the KL divergence that a choice of types causes, layer by layer, without a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

from app.conversion.rounded_rows import RoundedRows
from app.core.events import Event, Progressed
from app.native.quantization import dequantize_rows
from app.sensitivity.harms import errors
from app.sensitivity.layered_model import Layer, LayeredModel
from app.sensitivity.passes import single_threaded_pool
from app.sensitivity.requests import DivergenceRequest, MeasuredDivergence

_States = list[torch.Tensor]


def measure_divergence(
    request: DivergenceRequest, report: Callable[[Event], None]
) -> MeasuredDivergence:
    """Run the model with its own weights and with quantized ones, and compare the predictions.

    Activations are not rounded, as the engine does.

    Raises:
        AppError: `gradients_unavailable`.
    """
    source = request.source
    tokens = torch.tensor(source.tokens)
    with single_threaded_pool(source.threads) as pool, torch.no_grad():
        model = LayeredModel(Path(source.checkpoint), tokens.shape[1])
        rounded = partial(_rounded_weights, request, pool)
        states = list(pool.map(model.embed, tokens))
        with rounded(model.outside_weights):
            rough = list(pool.map(model.embed, tokens))
        for number in range(model.layer_count):
            with model.loaded_layer(number) as layer:
                states = _passed(layer, states, pool)
                with rounded(layer.weights):
                    rough = _passed(layer, rough, pool)
            report(Progressed("sensitivity", number + 1, model.layer_count))
        exact = list(pool.map(model.logits, states, tokens))
        with rounded(model.outside_weights):
            logits = list(pool.map(model.logits, rough, tokens))
        return MeasuredDivergence(fmean(pool.map(_divergence, exact, logits)))


def _passed(layer: Layer, states: _States, pool: Executor) -> _States:
    return list(pool.map(partial(_without_gradients, layer), states))


def _without_gradients(layer: Layer, state: torch.Tensor) -> torch.Tensor:
    # Gradients are a setting of each thread.
    with torch.no_grad():
        return layer(state)


def _divergence(exact: torch.Tensor, logits: torch.Tensor) -> float:
    expected, found = exact.log_softmax(-1), logits.log_softmax(-1)
    return float((expected.exp() * (expected - found)).sum(-1).mean())


@contextmanager
def _rounded_weights(
    request: DivergenceRequest, pool: Executor, weights: Mapping[str, torch.Tensor]
) -> Iterator[None]:
    """Replace the values of the matrices by those of their types inside the block."""
    tensors = request.source.tensors
    chosen = {
        name: values for name, values in weights.items() if tensors.get(name) in request.types
    }
    exact = {name: values.clone() for name, values in chosen.items()}
    round_one = partial(_round, request)
    list(pool.map(round_one, (tensors[name] for name in chosen), chosen.values()))
    try:
        yield
    finally:
        for name, values in chosen.items():
            values.copy_(exact[name])


def _round(request: DivergenceRequest, tensor: str, weights: torch.Tensor) -> None:
    type_number = request.types[tensor]
    content = request.importance.get(tensor)
    importance = None if content is None else np.frombuffer(content, np.float32)
    if folder := request.rounded.get(tensor):
        rows = RoundedRows(Path(folder), type_number).find(weights.numpy())
        if rows is not None:
            weights.copy_(torch.from_numpy(dequantize_rows(type_number, rows)))
            return
    for place, error in errors(weights.numpy(), type_number, importance):
        weights[place] -= error
