"""The rows of a matrix on a type's grid: scales and codes as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from app.gguf_file.tensor_types import TENSOR_TYPES
from app.rounding.block_fields import BLOCK_FIELDS, Bytes, Fields


class Grid:
    """The quantized rows of a matrix, or of some of its columns, in one type.

    Attributes:
        block: Weights of a block.
        sub_block: Weights that share a scale.
        d: The scale of each block (rows x blocks), exact in half precision.
        dmin: The minimum's scale of each block (rows x blocks), exact in half precision.
        scales: The whole-number scale of each sub-block (rows x sub-blocks).
        minimums: The whole-number minimum of each sub-block (rows x sub-blocks).
        codes: The code of each weight (rows x columns).
    """

    def __init__(self, type_number: int, fields: Sequence[torch.Tensor]) -> None:
        self.type_number = type_number
        self.layout = BLOCK_FIELDS[type_number]
        self.block = TENSOR_TYPES[type_number].block_size
        self.sub_block = self.layout.sub_block
        self.d, self.dmin, self.scales, self.minimums, self.codes = fields
        self._table = None if self.layout.table is None else torch.from_numpy(self.layout.table)
        if self._table is not None:
            self._bounds = (self._table[1:] + self._table[:-1]) / 2

    @classmethod
    def from_bytes(cls, type_number: int, rows: Bytes) -> Grid:
        """Unpack quantized rows (rows x row size)."""
        size = TENSOR_TYPES[type_number].block_bytes
        fields = BLOCK_FIELDS[type_number].unpack(np.ascontiguousarray(rows).reshape(-1, size))
        return cls(type_number, [torch.from_numpy(part).reshape(len(rows), -1) for part in fields])

    @classmethod
    def joined(cls, grids: Sequence[Grid]) -> Grid:
        """Return the grid of several runs of columns side by side."""
        parts = zip(*(grid.fields() for grid in grids), strict=True)
        return cls(grids[0].type_number, [torch.cat(part, 1) for part in parts])

    def fields(self) -> tuple[torch.Tensor, ...]:
        """Return d, dmin, scales, minimums and codes."""
        return self.d, self.dmin, self.scales, self.minimums, self.codes

    def to_bytes(self) -> Bytes:
        """Pack the rows (rows x row size)."""
        blocks = self.d.numel()
        parts = (part.numpy().reshape(blocks, -1) for part in self.fields())
        return self.layout.pack(Fields(*parts)).reshape(len(self.d), -1)

    def levels(self, codes: torch.Tensor) -> torch.Tensor:
        """Return the levels of codes."""
        return codes + self.layout.lowest if self._table is None else self._table[codes.long()]

    def step(self, sub_block: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the scale and the minimum of one sub-block (rows)."""
        block = sub_block * self.sub_block // self.block
        scale = self.d[:, block] * self.scales[:, sub_block]
        return scale, self.dmin[:, block] * self.minimums[:, sub_block]

    def values(self, first: int = 0, end: int | None = None) -> torch.Tensor:
        """Return the weights of columns `first` to `end`, multiples of a sub-block."""
        subs = slice(first // self.sub_block, (end or self.codes.shape[1]) // self.sub_block)
        per_block = self.block // self.sub_block
        blocks = torch.arange(subs.start, subs.stop) // per_block
        scale = (self.d[:, blocks] * self.scales[:, subs])[..., None]
        minimum = (self.dmin[:, blocks] * self.minimums[:, subs])[..., None]
        levels = self.levels(self.codes[:, first:end])
        shaped = levels.reshape(len(levels), -1, self.sub_block)
        return (scale * shaped - minimum).reshape(levels.shape)

    def nearest(
        self, values: torch.Tensor, scale: torch.Tensor, minimum: torch.Tensor
    ) -> torch.Tensor:
        """Return the codes nearest to values, for scales and minimums that broadcast to them."""
        levels = (values + minimum) / torch.where(scale == 0, 1.0, scale)
        if self._table is not None:
            return torch.bucketize(levels, self._bounds).float()
        return (levels - self.layout.lowest).round_().clamp_(0, self.layout.levels - 1)
