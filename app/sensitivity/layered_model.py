"""A checkpoint's model in torch, of which only one layer is in memory at a time.

The layers are replaced by stubs. A forward pass through this shell runs only what is before and
after the layers, and records the arguments of each: masks and position embeddings, which are the
same for all sequences of one length. A layer is then run by itself with these arguments.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from app.sensitivity.parameter_loader import ParameterLoader
from app.sensitivity.shell_model import layers_of, shell_model
from app.sensitivity.stored_tensors import StoredTensors
from app.sensitivity.unavailable import running_its_code


class LayeredModel:
    """A causal language model, run layer by layer on sequences of `chunk_tokens` tokens.

    `embed`, `logits` and a loaded layer may be called by several threads.
    """

    def __init__(self, checkpoint: Path, chunk_tokens: int) -> None:
        """Build the shell and load what is outside the layers.

        Raises:
            AppError: `gradients_unavailable`.
        """
        self.stored = StoredTensors(checkpoint)
        self._model = shell_model(checkpoint)
        self._loader = ParameterLoader(self._model, self.stored)
        self._list = layers_of(self._model)
        self._relay = _Relay()
        self._stubs = [_Stub(layer, self._relay) for layer in self._list.layers]
        setattr(self._list.owner, self._list.attribute, nn.ModuleList(self._stubs))
        self._outside = self._loader.load(self._model, "")
        with running_its_code():
            self._record_arguments(torch.zeros(chunk_tokens, dtype=torch.long))

    @property
    def layer_count(self) -> int:
        """The number of layers."""
        return len(self._stubs)

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the hidden states (1 x tokens x width) of a sequence before the first layer."""
        with self._relay.ending_at_first() as relay, torch.no_grad():
            self._model(input_ids=tokens[None], use_cache=False)
        return relay.first

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the logits (tokens x vocabulary) after the last layer's hidden states.

        Args:
            hidden: The states (1 x tokens x width) at some positions of a sequence.
        """
        # Only the layers look at tokens and positions, and they are left out.
        tokens = torch.zeros(hidden.shape[1], dtype=torch.long)
        with self._relay.giving(hidden):
            logits: torch.Tensor = self._model(input_ids=tokens[None], use_cache=False).logits
        return logits[0]

    @property
    def outside_weights(self) -> dict[str, torch.Tensor]:
        """The weights outside the layers by their stored names."""
        return self._outside

    @contextmanager
    def loaded_layer(self, number: int) -> Iterator[Layer]:
        """Provide a layer with its weights; they are released after the block."""
        stub = self._stubs[number]
        weights = self._loader.load(stub.layer, f"{self._list.prefix}{number}.")
        try:
            yield Layer(stub, weights)
        finally:
            stub.layer.to("meta")

    def _record_arguments(self, tokens: torch.Tensor) -> None:
        """Record the arguments of all layers, and how many results a layer returns."""
        with self._relay.ending_at_first() as relay, torch.no_grad():
            self._model(input_ids=tokens[None], use_cache=False)
        with self.loaded_layer(0) as layer, torch.no_grad():
            output = layer.raw(relay.first)
        for stub in self._stubs:
            stub.returned = len(output) if isinstance(output, tuple) else None
        with self._relay.giving(relay.first), torch.no_grad():
            self._model(input_ids=tokens[None], use_cache=False)
        for stub in self._stubs:
            stub.records = False


class Layer:
    """A layer in memory, and its weights by their stored names."""

    def __init__(self, stub: _Stub, weights: dict[str, torch.Tensor]) -> None:
        self.weights = weights
        self._stub = stub

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the hidden states after the layer (1 x tokens x width)."""
        output = self.raw(hidden)
        result: torch.Tensor = output[0] if isinstance(output, tuple) else output
        return result

    def without_gradients(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the same, on any thread: whether gradients are kept is a setting of each."""
        with torch.no_grad():
            return self(hidden)

    def raw(self, hidden: torch.Tensor) -> Any:
        """Return what transformers' own layer returns: a tensor, or a tuple that begins with it."""
        arguments, options = self._stub.arguments
        return self._stub.layer(hidden, *arguments, **options)


class _FirstLayerReached(Exception):  # noqa: N818 - no error
    """Ends a forward pass."""


class _Relay(threading.local):
    """What the stubs take and give during a forward pass of one thread."""

    def __init__(self) -> None:
        self.first = torch.empty(0)
        self.given: torch.Tensor | None = None

    @contextmanager
    def ending_at_first(self) -> Iterator[_Relay]:
        """End the forward pass before the first layer; `first` has its hidden states."""
        self.given = None
        try:
            yield self
        except _FirstLayerReached:
            return

    @contextmanager
    def giving(self, hidden: torch.Tensor) -> Iterator[None]:
        """Let every stub return these hidden states."""
        self.given = hidden
        yield
        self.given = None


class _Stub(nn.Module):  # type: ignore[misc]
    """Stands in for a layer during a forward pass of the shell."""

    def __init__(self, layer: nn.Module, relay: _Relay) -> None:
        super().__init__()
        # In a tuple, so that the layer is no part of the shell.
        self._held = (layer, relay)
        self.arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
        self.records = True
        self.returned: int | None = None

    @property
    def layer(self) -> nn.Module:
        """The layer itself."""
        return self._held[0]

    def forward(self, hidden: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        """Record the arguments if they are wanted; return what the relay gives."""
        relay = self._held[1]
        if self.records:
            self.arguments = (arguments, options)
        if relay.given is None:
            relay.first = hidden
            raise _FirstLayerReached
        if self.returned is None:
            return relay.given
        return (relay.given, *[None] * (self.returned - 1))

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            # Models ask their layers for their kind of attention.
            return getattr(self._held[0], name)
