"""What to try when memory is short: one load after the other, each of them a little smaller."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from app.core.load_options import LoadOptions

SMALLEST_CONTEXT = 2048
"""A context is made no smaller than this, in tokens: a chat needs some room."""
_PARTS = 8
"""A step takes about this part of all layers away; each failed load may take a minute."""


@dataclass(frozen=True)
class LoadStep:
    """A way to load a model.

    `gpu_layers` lie on devices, the output as one of them; the experts of the first
    `experts_on_cpu` layers stay in RAM; `context` is in tokens.
    """

    gpu_layers: int
    experts_on_cpu: int
    context: int


def load_steps(
    options: LoadOptions,
    layers: int,
    context: int,
    planned: LoadStep | None = None,
    *,
    has_device: bool,
    shrinks_context: bool = False,
) -> Iterator[LoadStep]:
    """The loads to try, one after the other, until memory is enough.

    A number of layers that a person chose is tried as it is, and nothing else. Otherwise the
    first is the planned one, or all layers; then more experts stay in RAM, where some do by plan;
    then fewer layers lie on devices; then the context is smaller; at last nothing lies on devices.

    Args:
        options: What a person chose.
        layers: Those of the model, without the output.
        context: The tokens to begin with.
        planned: What should fit, as far as is known.
        has_device: Whether layers can lie on something else than the processor.
        shrinks_context: Whether a smaller context is better than none.
    """
    experts = options.experts_on_cpu or 0
    contexts = tuple(_contexts(context)) if shrinks_context else (context,)
    if has_device and options.gpu_layers is not None:
        yield LoadStep(options.gpu_layers, experts, context)
        return
    if has_device:
        first = planned or LoadStep(layers + 1, experts, context)
        moves_experts = options.experts_on_cpu is None
        yield from _on_devices(first, layers, contexts, moves_experts=moves_experts)
    yield from (LoadStep(0, experts, tokens) for tokens in contexts)


def _on_devices(
    first: LoadStep, layers: int, contexts: tuple[int, ...], *, moves_experts: bool
) -> Iterator[LoadStep]:
    if first.gpu_layers == 0:
        return
    eighth = max(1, round((layers + 1) / _PARTS))
    step = first
    yield step
    while moves_experts and 0 < step.experts_on_cpu < layers:
        step = replace(step, experts_on_cpu=min(step.experts_on_cpu + eighth, layers))
        yield step
    while step.gpu_layers > eighth:
        step = replace(step, gpu_layers=step.gpu_layers - eighth)
        yield step
    yield from (replace(step, context=tokens) for tokens in contexts[1:])


def _contexts(context: int) -> Iterator[int]:
    yield context
    while context > SMALLEST_CONTEXT:
        context = max(context // 2, SMALLEST_CONTEXT)
        yield context
