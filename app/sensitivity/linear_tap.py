"""Watch the products of weight matrices with their inputs in a model of torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_PRODUCTS = {torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__}
_MATRIX = 2


class Product(NamedTuple):
    """A product of inputs (… x columns) with matrices one below the other: outputs (… x rows).

    `parts` are the matrices by their stored names, and the places of their rows.
    """

    parts: tuple[tuple[str, slice], ...]
    inputs: torch.Tensor
    outputs: torch.Tensor


class Operands(NamedTuple):
    """What a product is made of: inputs (… x columns) and weights (rows x columns)."""

    inputs: torch.Tensor
    weights: torch.Tensor


def product_operands(function: Any, arguments: tuple[Any, ...]) -> Operands | None:
    """Return the operands of a call that multiplies by a matrix of weights; None for others."""
    if function is functional.linear:
        return Operands(arguments[0], arguments[1])
    if function in _PRODUCTS and arguments[1].ndim == _MATRIX:
        return Operands(arguments[0], arguments[1].T)
    if function is torch.addmm:
        _, inputs, turned = arguments
        return Operands(inputs, turned.T)
    return None


class LinearTap(TorchFunctionMode):  # type: ignore[misc]
    """Collects the products computed inside its block by this thread.

    Nearly every layer of transformers ends in `torch.nn.functional.linear`; some multiply by a
    matrix that is turned. The address of the values tells which matrix it is.
    """

    def __init__(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Watch these weights (rows x columns), given by their stored names."""
        super().__init__()
        self.products: list[Product] = []
        self._names = {values.data_ptr(): name for name, values in weights.items()}
        self._weights = weights

    def __torch_function__(
        self,
        function: Any,
        _: Iterable[type],
        arguments: tuple[Any, ...] = (),
        options: dict[str, Any] | None = None,
    ) -> Any:
        """Call the function; keep what a watched matrix was multiplied by, and the result."""
        result = function(*arguments, **(options or {}))
        operands = product_operands(function, arguments)
        if operands is not None:
            parts = tuple(self._parts(operands.weights))
            if parts:
                self.products.append(Product(parts, operands.inputs, result))
        return result

    def _parts(self, weights: torch.Tensor) -> Iterator[tuple[str, slice]]:
        """Yield the watched matrices that a matrix is made of, and the places of their rows."""
        first, address = 0, weights.data_ptr()
        while first < len(weights) and (name := self._names.get(address)) is not None:
            part = self._weights[name]
            yield name, slice(first, first + len(part))
            first += len(part)
            address += part.nbytes
