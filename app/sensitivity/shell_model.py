"""Build a model of transformers whose parameters take no memory, and find its parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from app.core.language import tr
from app.sensitivity.unavailable import gradients_unavailable


class LayerList(NamedTuple):
    """The list of a model's layers, and the module and attribute that hold it."""

    owner: nn.Module
    attribute: str
    prefix: str
    layers: nn.ModuleList


def shell_model(checkpoint: Path) -> Any:
    """Return the causal language model of a checkpoint; its parameters are on the meta device.

    Buffers, such as the frequencies of position embeddings, are real.

    Raises:
        AppError: `gradients_unavailable` if transformers doesn't know the architecture.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(checkpoint, trust_remote_code=False)
        with _without_values():
            model = AutoModelForCausalLM.from_config(
                config,
                trust_remote_code=False,
                dtype=torch.float32,
                # One product for each expert, so that each can be watched.
                experts_implementation="eager",
            )
    except Exception as error:
        # Code for each of hundreds of architectures fails in its own way.
        reason = tr("transformers can't build it: {error}", error=str(error).strip())
        raise gradients_unavailable(reason) from error
    model.requires_grad_(requires_grad=False)
    return model.eval()


def layers_of(model: nn.Module) -> LayerList:
    """Find the list of layers: the longest list of modules, as long as the configuration says.

    Raises:
        AppError: `gradients_unavailable` if there is none.
    """
    count = getattr(model.config, "num_hidden_layers", None)
    for prefix, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            path, _, attribute = prefix.rpartition(".")
            return LayerList(model.get_submodule(path), attribute, f"{prefix}.", module)
    raise gradients_unavailable(tr("its layers are not in one list"))


@contextmanager
def _without_values() -> Iterator[None]:
    """Move every parameter to the meta device as it is created."""
    register = nn.Module.register_parameter

    def register_on_meta(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        # One that is there already is tied to another.
        if parameter is not None and not parameter.is_meta:
            parameter = nn.Parameter(parameter.to("meta"), requires_grad=False)
        register(module, name, parameter)

    nn.Module.register_parameter = register_on_meta
    try:
        yield
    finally:
        nn.Module.register_parameter = register
