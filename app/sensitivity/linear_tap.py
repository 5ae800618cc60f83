"""Watch the products of weight matrices with their inputs in a model of torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class Product(NamedTuple):
    """A product: the matrix by its stored name, inputs (… x columns), outputs (… x rows)."""

    name: str
    inputs: torch.Tensor
    outputs: torch.Tensor


class LinearTap(TorchFunctionMode):  # type: ignore[misc]
    """Collects the products computed inside its block by this thread.

    Every layer of transformers ends in `torch.nn.functional.linear`, whatever module holds the
    matrix; the address of the values tells which it is.
    """

    def __init__(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Watch these weights, given by their stored names."""
        super().__init__()
        self.products: list[Product] = []
        self._names = {values.data_ptr(): name for name, values in weights.items()}

    def __torch_function__(
        self,
        function: Any,
        _: Iterable[type],
        arguments: tuple[Any, ...] = (),
        options: dict[str, Any] | None = None,
    ) -> Any:
        """Call the function; keep what a watched matrix was multiplied by, and the result."""
        result = function(*arguments, **(options or {}))
        if function is functional.linear:
            name = self._names.get(arguments[1].data_ptr())
            if name is not None:
                self.products.append(Product(name, arguments[0], result))
        return result
