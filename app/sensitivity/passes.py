"""An upward and a downward pass through a model, one layer in memory at a time.

The upward pass keeps the hidden states before each layer on the disk. The downward pass computes
each layer again from them and propagates the gradients of the loss back through it. The loss is the
negative logarithm of the probability of tokens that the model draws itself, so that the mean of
squared gradients is the Fisher information: half of it is the second derivative of the KL
divergence (Kunstner et al. 2019, "Limitations of the empirical Fisher approximation").

Every operation runs on one thread, and several sequences or matrices side by side, so that results
don't depend on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from app.sensitivity.layered_model import Layer, LayeredModel
from app.sensitivity.linear_tap import LinearTap, Product

Reduced = TypeVar("Reduced")
_OUTPUT_TOKENS = 128


@dataclass(frozen=True)
class MatrixGradient:
    """One product in one sequence: inputs (tokens x columns) and gradients (tokens x rows).

    The gradients are those of the loss, summed over the sequence, by the outputs.
    """

    name: str
    inputs: torch.Tensor
    gradients: torch.Tensor


Reduce = Callable[[int, Sequence[MatrixGradient]], Reduced]
"""Makes what is kept of a sequence, from its number and products; called by several threads."""


@contextmanager
def single_threaded_pool(threads: int) -> Iterator[Executor]:
    """Provide a pool whose threads run each operation of torch on a single thread."""
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield pool


class Passes:
    """The two passes over some sequences of tokens (count x tokens)."""

    def __init__(
        self, model: LayeredModel, sequences: torch.Tensor, scratch: Path, pool: Executor
    ) -> None:
        """Keep the hidden states in the folder `scratch`: 4 bytes for each token and column."""
        self._model = model
        self._sequences = sequences
        self._scratch = scratch
        self._pool = pool
        self._gradients: list[torch.Tensor] = []

    def go_up(self, advanced: Callable[[], None]) -> None:
        """Compute the hidden states before every layer and after the last; `advanced` per layer."""
        states = list(self._pool.map(self._model.embed, self._sequences))
        for number in range(self._model.layer_count):
            self._keep(number, states)
            with self._model.loaded_layer(number) as layer:
                states = list(self._pool.map(layer.without_gradients, states))
            advanced()
        self._keep(self._model.layer_count, states)

    def observe_output(self, reduce: Reduce[Reduced]) -> list[Reduced]:
        """Begin the downward pass; return what `reduce` makes of the products at the output.

        The sequences are taken in `output_parts`, because gradients are as long as the vocabulary.

        Args:
            reduce: Receives the number of a part and its products; called by several threads.
        """
        states = self._kept(self._model.layer_count)
        results = self._pool.map(partial(self._observe_output, reduce), range(len(states)), states)
        return list(chain.from_iterable(self._split(results)))

    @property
    def output_parts(self) -> int:
        """The number of parts of each sequence at the output."""
        length: int = self._sequences.shape[1]
        return math.ceil(length / _OUTPUT_TOKENS)

    def observe_layer(
        self,
        number: int,
        layer: Layer,
        reduce: Reduce[Reduced],
    ) -> list[Reduced]:
        """Propagate through a layer, from the last to the first; return as `observe_output`."""
        states = self._kept(number)
        results = self._pool.map(
            partial(_observe_layer, layer, reduce), range(len(states)), states, self._gradients
        )
        return self._split(results)

    def embedding_gradients(self) -> torch.Tensor:
        """Return the gradients by the looked up embeddings, after the first layer (count x …)."""
        return torch.stack(self._gradients).squeeze(1)

    def _split(self, results: Iterator[tuple[Reduced, torch.Tensor]]) -> list[Reduced]:
        reduced, self._gradients = [], []
        for result, gradient in results:
            reduced.append(result)
            self._gradients.append(gradient)
        return reduced

    def _observe_output(
        self,
        reduce: Reduce[Reduced],
        number: int,
        state: torch.Tensor,
    ) -> tuple[list[Reduced], torch.Tensor]:
        generator = torch.Generator().manual_seed(number)
        reduced, gradients = [], []
        for part, hidden in enumerate(state.split(_OUTPUT_TOKENS, 1)):
            place = self.output_parts * number + part
            result, gradient = self._observe_part(reduce, place, hidden, generator)
            reduced.append(result)
            gradients.append(gradient)
        return reduced, torch.cat(gradients, 1)

    def _observe_part(
        self,
        reduce: Reduce[Reduced],
        place: int,
        state: torch.Tensor,
        generator: torch.Generator,
    ) -> tuple[Reduced, torch.Tensor]:
        hidden = state.detach().requires_grad_()
        with LinearTap(self._model.outside_weights) as tap:
            logits = self._model.logits(hidden)
        logarithms = logits.log_softmax(-1)
        drawn = torch.multinomial(logarithms.detach().exp(), 1, generator=generator)
        loss = -logarithms.gather(1, drawn).sum()
        return _reduced(reduce, place, hidden, tap.products, loss, None)

    def _keep(self, number: int, states: Sequence[torch.Tensor]) -> None:
        np.save(self._file(number), torch.cat(list(states)).numpy())

    def _kept(self, number: int) -> list[torch.Tensor]:
        states = torch.from_numpy(np.load(self._file(number)))
        self._file(number).unlink()
        return list(states.split(1))

    def _file(self, number: int) -> Path:
        return self._scratch / f"states-{number}.npy"


def _observe_layer(
    layer: Layer,
    reduce: Reduce[Reduced],
    number: int,
    state: torch.Tensor,
    gradient: torch.Tensor,
) -> tuple[Reduced, torch.Tensor]:
    hidden = state.requires_grad_()
    with LinearTap(layer.weights) as tap:
        output = layer(hidden)
    return _reduced(reduce, number, hidden, tap.products, output, gradient)


def _reduced(
    reduce: Reduce[Reduced],
    number: int,
    hidden: torch.Tensor,
    products: Sequence[Product],
    output: torch.Tensor,
    gradient: torch.Tensor | None,
) -> tuple[Reduced, torch.Tensor]:
    wanted = [hidden, *(product.outputs for product in products)]
    first, *found = torch.autograd.grad(output, wanted, gradient, materialize_grads=True)
    observed = [
        MatrixGradient(name, inputs, _flat(gradients)[:, rows])
        for product, gradients in zip(products, found, strict=True)
        for inputs in (_flat(product.inputs.detach()),)
        for name, rows in product.parts
    ]
    return reduce(number, observed), first


def _flat(values: torch.Tensor) -> torch.Tensor:
    return values.reshape(-1, values.shape[-1])
