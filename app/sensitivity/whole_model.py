"""A checkpoint's model in torch, wholly in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from app.sensitivity.parameter_loader import ParameterLoader
from app.sensitivity.shell_model import shell_model
from app.sensitivity.stored_tensors import StoredTensors
from app.sensitivity.unavailable import running_its_code


class WholeModel:
    """A causal language model; its methods may be called by several threads.

    They raise AppError: `gradients_unavailable`.

    Attributes:
        weights: Its weights by their stored names; changes of their values change the model.
    """

    def __init__(self, checkpoint: Path) -> None:
        """Load all weights, in 32 bits.

        Raises:
            AppError: `gradients_unavailable`.
        """
        self._model = shell_model(checkpoint)
        loader = ParameterLoader(self._model, StoredTensors(checkpoint))
        self.weights = loader.load(self._model, "")
        self._parameters = list(self._model.parameters())
        places = {
            parameter.untyped_storage().data_ptr(): number
            for number, parameter in enumerate(self._parameters)
        }
        self._parameter_of = {
            name: places[values.untyped_storage().data_ptr()]
            for name, values in self.weights.items()
            if values.untyped_storage().data_ptr() in places
        }

    def logits(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the logits (tokens x vocabulary) for a sequence."""
        with torch.no_grad():
            return self._run(tokens)

    def gradients(
        self, tokens: torch.Tensor, by_logits: Callable[[torch.Tensor], torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Return the gradients of a loss by the weights, by their stored names.

        Args:
            tokens: A sequence.
            by_logits: Returns the gradients of the loss by the logits, from these.
        """
        with torch.enable_grad():
            logits = self._run(tokens)
        gradients = torch.autograd.grad(
            logits, self._parameters, by_logits(logits.detach()), allow_unused=True
        )
        found = {}
        for name, number in self._parameter_of.items():
            gradient = gradients[number]
            if gradient is not None:
                view = self.weights[name]
                found[name] = gradient.contiguous().as_strided(
                    view.shape, view.stride(), view.storage_offset()
                )
        return found

    def requires_gradients(self) -> None:
        """Keep track of what gradients need from now on."""
        for parameter in self._parameters:
            parameter.requires_grad_()

    def _run(self, tokens: torch.Tensor) -> torch.Tensor:
        with running_its_code():
            logits: torch.Tensor = self._model(input_ids=tokens[None], use_cache=False).logits
        return logits[0]
