"""Round the inputs of products to 8 bits, as ggml does for matrices of quantized types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from app.sensitivity.linear_tap import product_operands

_MOST = 127
_SHORT_BLOCK = 32


class EngineInputs(TorchFunctionMode):  # type: ignore[misc]
    """Rounds what watched matrices are multiplied by inside its block, in this thread."""

    def __init__(self, blocks: Mapping[int, int]) -> None:
        """Watch the matrices at these addresses; each has the size of its type's blocks."""
        super().__init__()
        self._blocks = blocks

    def __torch_function__(
        self,
        function: Any,
        _: Iterable[type],
        arguments: tuple[Any, ...] = (),
        options: dict[str, Any] | None = None,
    ) -> Any:
        """Call the function, a watched product with rounded inputs."""
        operands = product_operands(function, arguments)
        if operands is not None:
            block = self._blocks.get(operands.weights.data_ptr())
            if block is not None:
                rounded = rounded_inputs(operands.inputs, block)
                arguments = tuple(
                    rounded if given is operands.inputs else given for given in arguments
                )
        return function(*arguments, **(options or {}))


def rounded_inputs(inputs: torch.Tensor, block: int) -> torch.Tensor:
    """Return inputs (… x columns) after a way through ggml's Q8_0 or, in blocks of 256, Q8_K.

    As `quantize_row_q8_0_ref` and `quantize_row_q8_K_ref` in ggml/src/ggml-quants.c do.
    """
    blocks = inputs.reshape(-1, block)
    scale = blocks.abs().amax(1, keepdim=True) / _MOST
    codes = (blocks / scale.clamp_min(1e-30)).round()
    if block == _SHORT_BLOCK:
        scale = scale.half().float()
    return (codes * scale).reshape(inputs.shape)
