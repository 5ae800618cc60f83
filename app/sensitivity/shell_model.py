"""Build a model of transformers whose parameters take no memory, and find its parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from app.core.language import tr
from app.sensitivity.unavailable import first_sentence, gradients_unavailable


class LayerList(NamedTuple):
    """The list of a model's layers, and the module and attribute that hold it."""

    owner: nn.Module
    attribute: str
    prefix: str
    layers: nn.ModuleList


def shell_model(checkpoint: Path) -> Any:
    """Return the language model of a checkpoint; its parameters are on the meta device.

    Buffers, such as the frequencies of position embeddings, are real. Parts that see or hear are
    left out.

    Raises:
        AppError: `gradients_unavailable` if transformers doesn't know the architecture, or the
            weights are quantized.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(checkpoint, trust_remote_code=False)
        with _without_values():
            model = _kind_of_model(config).from_config(
                config,
                trust_remote_code=False,
                dtype=torch.float32,
                # One product for each expert, so that each can be watched.
                experts_implementation="eager",
            )
    except Exception as error:
        # Code for each of hundreds of architectures fails in its own way.
        reason = tr("transformers can't build it: {error}", error=first_sentence(error))
        raise gradients_unavailable(reason) from error
    if getattr(config, "quantization_config", None):
        raise gradients_unavailable(tr("its weights are quantized already"))
    model.requires_grad_(requires_grad=False)
    _leave_out_towers(model)
    return model.eval()


def layers_of(model: Any) -> LayerList:
    """Find the list of the decoder's layers, as long as the configuration says.

    Raises:
        AppError: `gradients_unavailable` if there is none.
    """
    count = getattr(model.config.get_text_config(decoder=True), "num_hidden_layers", None)
    inside = set(model.get_decoder().modules())
    for prefix, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == count and module in inside:
            path, _, attribute = prefix.rpartition(".")
            return LayerList(model.get_submodule(path), attribute, f"{prefix}.", module)
    raise gradients_unavailable(tr("its layers are not in one list"))


def _kind_of_model(config: Any) -> Any:
    """Return the class of transformers that builds the model of a configuration."""
    from transformers import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
    )

    is_causal = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING
    return AutoModelForCausalLM if is_causal else AutoModelForImageTextToText


def _leave_out_towers(model: Any) -> None:
    """Replace models inside the model that its decoder neither contains nor is a part of."""
    from transformers import PreTrainedModel

    decoder = model.get_decoder()
    inside = set(decoder.modules())
    for path, module in list(model.named_modules()):
        is_model = isinstance(module, PreTrainedModel)
        if is_model and module not in inside and decoder not in module.modules():
            parent, _, attribute = path.rpartition(".")
            setattr(model.get_submodule(parent), attribute, nn.Identity())


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
