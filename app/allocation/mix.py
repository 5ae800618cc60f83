"""Choose the types of a model's tensors for a budget, and predict what they cost."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.allocation.knapsack import Option, Options, least_harm
from app.conversion.type_plan import TypePlan
from app.core.errors import AppError, ErrorCode
from app.gguf_file.header_writer import PlacedTensor, padded
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.sensitivity.requests import Harms


@dataclass(frozen=True)
class Mix:
    """The chosen types by the names of tensors.

    Attributes:
        types: ggml's numbers.
        size_bytes: The size of all tensors, padding included.
        harm: The sum of the harms: the predicted mean KL divergence, not calibrated, in nats.
    """

    types: dict[str, int]
    size_bytes: int
    harm: float


def smallest_file_bytes(plan: TypePlan, types: Mapping[str, Collection[int]]) -> int:
    """Return the size of a file of the smallest of each tensor's types, or else of the plan's."""
    return plan.header_size_bytes + sum(
        min(
            padded(size_in_type(number, math.prod(tensor.shape)))
            for number in types.get(tensor.name) or (tensor.type_number,)
        )
        for tensor in plan.tensors
    )


def require_room(plan: TypePlan, types: Mapping[str, Collection[int]], budget_bytes: int) -> None:
    """Refuse a budget for the tensors that is too small even for the smallest types.

    Raises:
        AppError: `target_too_small`, with the size of the smallest file.
    """
    if smallest_file_bytes(plan, types) > plan.header_size_bytes + budget_bytes:
        raise _too_small(plan, types)


def choose_types(plan: TypePlan, harms: Mapping[str, Harms], budget_bytes: int) -> Mix:
    """Return the types with the least total harm whose tensors fit into a budget.

    Tensors without known harms keep the types of `plan`.

    Raises:
        AppError: `target_too_small`, with the size of the smallest file.
    """
    chosen = [tensor for tensor in plan.tensors if harms.get(tensor.name)]
    fixed_bytes = sum(
        padded(tensor.size_bytes) for tensor in plan.tensors if not harms.get(tensor.name)
    )
    items = [_options(tensor, harms[tensor.name]) for tensor in chosen]
    types = least_harm(items, budget_bytes - fixed_bytes)
    if types is None:
        raise _too_small(plan, harms)
    options = [item[number] for item, number in zip(items, types, strict=True)]
    return Mix(
        {tensor.name: number for tensor, number in zip(chosen, types, strict=True)},
        fixed_bytes + sum(option.size_bytes for option in options),
        sum(option.harm for option in options),
    )


def mix_of_plan(plan: TypePlan, harms: Mapping[str, Harms]) -> Mix | None:
    """Return the types of a plain level as a mix; None if the harm of one of them is unknown."""
    types = {tensor.name: tensor.type_number for tensor in plan.tensors if harms.get(tensor.name)}
    if any(number not in harms[name] for name, number in types.items()):
        return None
    size_bytes = sum(padded(tensor.size_bytes) for tensor in plan.tensors)
    return Mix(types, size_bytes, sum(harms[name][number] for name, number in types.items()))


def nearest_plan(plans: Sequence[TypePlan], size_bytes: int) -> TypePlan:
    """Return the plan whose file is nearest to a size."""
    return min(plans, key=lambda plan: abs(plan.size_bytes - size_bytes))


def with_types(
    tensors: Iterable[PlacedTensor], types: Mapping[str, int]
) -> tuple[PlacedTensor, ...]:
    """Return tensors in ggml's types that are given by their names; the others stay."""
    return tuple(
        replace(
            tensor,
            type_number=types[tensor.name],
            size_bytes=size_in_type(types[tensor.name], math.prod(tensor.shape)),
        )
        if tensor.name in types
        else tensor
        for tensor in tensors
    )


def size_in_type(type_number: int, weights: int) -> int:
    """Return the bytes of a number of weights in one of ggml's types."""
    kind = TENSOR_TYPES[type_number]
    return weights // kind.block_size * kind.block_bytes


def _too_small(plan: TypePlan, types: Mapping[str, Collection[int]]) -> AppError:
    return AppError(ErrorCode.TARGET_TOO_SMALL, needed_bytes=smallest_file_bytes(plan, types))


def _options(tensor: PlacedTensor, harms: Harms) -> Options:
    weights = math.prod(tensor.shape)
    return {
        number: Option(padded(size_in_type(number, weights)), harm)
        for number, harm in harms.items()
    }
