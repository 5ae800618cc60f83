"""Read the parameters of a model of transformers from a checkpoint, one module at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from app.core.language import tr
from app.sensitivity.parameter_sources import Matrices, parameter_sources
from app.sensitivity.stored_tensors import StoredTensors
from app.sensitivity.unavailable import gradients_unavailable

Views = dict[str, torch.Tensor]
"""Stored tensors by name, as parts of the parameters that they became."""


class ParameterLoader:
    """Reads modules of a whole model, whose parameters are on the meta device when it is made."""

    def __init__(self, model: Any, stored: StoredTensors) -> None:
        self._stored = stored
        self._sources = parameter_sources(model, stored.names())

    def load(self, module: nn.Module, prefix: str) -> Views:
        """Read the parameters of a module that the model holds under the name `prefix`.

        Raises:
            AppError: `gradients_unavailable`.
        """
        loaded: Views = {}
        shared: dict[int, nn.Parameter] = {}
        for path, owner in module.named_modules():
            inside = f"{prefix}{path}." if path else prefix
            for attribute, hollow in owner.named_parameters(recurse=False):
                if id(hollow) not in shared:
                    matrices = self._sources.get(f"{inside}{attribute}")
                    if matrices is None:
                        continue
                    values, views = self._read(matrices, hollow.shape)
                    shared[id(hollow)] = nn.Parameter(values, requires_grad=False)
                    loaded |= _turned(views) if isinstance(owner, Conv1D) else views
                setattr(owner, attribute, shared[id(hollow)])
            self._load_buffers(owner, inside)
        _require_loaded(module)
        return loaded

    def _read(self, matrices: Matrices, shape: torch.Size) -> tuple[torch.Tensor, Views]:
        if len(matrices) == len(matrices[0]) == 1:
            ((name,),) = matrices
            values = self._stored.read(name)
            _require_shape(name, values.shape, shape)
            return values, {name: values}
        values, views = torch.empty(shape), {}
        for names, expert in zip(matrices, values, strict=False):
            first = 0
            for name in names:
                part = self._stored.read(name)
                views[name] = expert[first : first + len(part)]
                _require_shape(name, part.shape, views[name].shape)
                views[name].copy_(part)
                first += len(part)
        if sum(map(torch.numel, views.values())) != values.numel():
            reason = tr("{tensor} and the other experts are incomplete", tensor=matrices[0][0])
            raise gradients_unavailable(reason)
        return values, views

    def _load_buffers(self, owner: nn.Module, prefix: str) -> None:
        for attribute, _ in owner.named_buffers(recurse=False):
            matrices = self._sources.get(f"{prefix}{attribute}")
            if matrices is not None:
                setattr(owner, attribute, self._stored.read(matrices[0][0]))


def _turned(views: Views) -> Views:
    """Return matrices that are stored columns first as rows x columns; vectors stay."""
    return {name: values.T if values.ndim > 1 else values for name, values in views.items()}


def _require_shape(name: str, found: torch.Size, expected: torch.Size) -> None:
    if found != expected:
        reason = tr("{tensor} has another shape than in transformers", tensor=name)
        raise gradients_unavailable(reason)


def _require_loaded(module: nn.Module) -> None:
    for name, parameter in module.named_parameters():
        if parameter.is_meta:
            raise gradients_unavailable(tr("the checkpoint has no {tensor}", tensor=name))
