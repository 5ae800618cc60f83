"""Choose the loads to try when memory is short, each slightly smaller than the previous one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from app.core.load_options import LoadOptions

SMALLEST_CONTEXT = 2048
"""The smallest context to try, in tokens: a chat needs some room."""
_PARTS = 8
"""Each step removes one part in this many of all layers; a failed load may take a minute."""


@dataclass(frozen=True)
class LoadStep:
    """A distribution of a model over devices and RAM to try.

    `gpu_layers` lie on devices, the output being one of them; the experts of the first
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
    """Yield the loads to try in order, until memory is sufficient.

    If the user chose the number of layers, only that is tried. Otherwise the first step is the
    planned one, or all layers; then more experts stay in RAM, if the plan keeps some there; then
    fewer layers go to devices; then the context shrinks; finally nothing goes to devices.

    Args:
        options: The user's choices.
        layers: The number of the model's layers, excluding the output.
        context: The context size to start with, in tokens.
        planned: The step that should fit, if known.
        has_device: Whether there is a device that can take layers.
        shrinks_context: Whether to try smaller contexts.
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
