"""Round column after column; each error is made up for in the columns that are still to come.

Frantar et al. 2022, "GPTQ" (arXiv 2210.17323), on ggml's grids: when a block's first column is
reached, ggml's own search chooses the scales for the columns as they are by then.
"""

from __future__ import annotations

import numpy as np
import torch

from app.gguf_file.tensor_types import TENSOR_TYPES
from app.native.quantization import quantize_rows
from app.rounding.grid import Grid

_DOUBLE_LIMIT = 4096
"""Up to this width the factor is computed in 64 bits."""


def inverse_factor(moments: torch.Tensor) -> torch.Tensor:
    """Return the upper triangular U with UᵀU equal to the inverse of damped second moments.

    Raises:
        torch.linalg.LinAlgError: they are not positive definite.
    """
    # Such matrices are large: none is kept longer than it is needed.
    wide = moments.double() if len(moments) <= _DOUBLE_LIMIT else moments
    wide = torch.linalg.cholesky(wide)
    wide = torch.cholesky_inverse(wide)
    return torch.linalg.cholesky(wide, upper=True).float()


def round_with_feedback(weights: torch.Tensor, factor: torch.Tensor, type_number: int) -> Grid:
    """Round the rows of a matrix (rows x columns).

    Args:
        weights: The rows; each is rounded independently of the others.
        factor: What `inverse_factor` returns for the columns.
        type_number: ggml's number of a type that can be corrected.
    """
    rest = weights.clone()
    # Conditional on the columns before it, an error of a column costs 1 / U² (the same paper).
    importance = factor.diagonal().pow(-2)
    grids: list[Grid] = []
    width = weights.shape[1]
    first = 0
    while first < width:
        grid = _searched(rest, first, importance, type_number)
        end = first + grid.block
        block = rest[:, first:end].clone()
        errors = _round_block(grid, block, factor[first:end, first:end], importance[first:end])
        if end < width:
            rest[:, end:].addmm_(errors, factor[first:end, end:], alpha=-1)
        grids.append(grid)
        first = end
    return Grid.joined(grids)


def _searched(rest: torch.Tensor, first: int, importance: torch.Tensor, type_number: int) -> Grid:
    """Return ggml's choice for the block of columns from `first` on."""
    columns = slice(first, first + TENSOR_TYPES[type_number].block_size)
    weighed = importance[columns] / importance[columns].mean()
    rows = np.ascontiguousarray(rest[:, columns].numpy())
    return Grid.from_bytes(type_number, quantize_rows(type_number, rows, weighed.numpy()))


def _round_block(
    grid: Grid, columns: torch.Tensor, factor: torch.Tensor, importance: torch.Tensor
) -> torch.Tensor:
    """Round a block's columns in place of the grid's codes; return their scaled errors."""
    errors = torch.empty_like(columns)
    for first in range(0, grid.block, grid.sub_block):
        own = slice(first, first + grid.sub_block)
        _pick_scales(grid, columns[:, own], importance[own], first // grid.sub_block)
        errors[:, own] = _round_sub_block(grid, columns[:, own], factor[own, own], first)
        if own.stop < grid.block:
            columns[:, own.stop :].addmm_(errors[:, own], factor[own, own.stop :], alpha=-1)
    return errors


def _round_sub_block(
    grid: Grid, columns: torch.Tensor, factor: torch.Tensor, first: int
) -> torch.Tensor:
    """Round a sub-block's columns, the first of which is `first`; return their scaled errors."""
    scale, minimum = grid.step(first // grid.sub_block)
    # A column is read as a whole, so that its numbers had better lie side by side.
    rest = columns.T.contiguous()
    for number, column in enumerate(rest):
        codes = grid.nearest(column, scale, minimum)
        grid.codes[:, first + number] = codes
        error = column.sub_(scale * grid.levels(codes) - minimum).div_(factor[number, number])
        rest[number + 1 :].addr_(factor[number, number + 1 :], error, alpha=-1)
    return rest.T


def _pick_scales(
    grid: Grid, columns: torch.Tensor, importance: torch.Tensor, sub_block: int
) -> None:
    """Replace a sub-block's scale and minimum by neighbors that suit the columns better now."""
    layout = grid.layout
    if layout.scale_range is None:
        return
    block = sub_block * grid.sub_block // grid.block
    d, dmin = grid.d[:, block], grid.dmin[:, block]
    old_scales, old_minimums = (
        grid.scales[:, sub_block].clone(),
        grid.minimums[:, sub_block].clone(),
    )
    least = torch.full_like(d, torch.inf)
    moves = (0, -1, 1)
    for by in moves:
        scales = (old_scales + by).clamp(*layout.scale_range)
        for minimum_by in moves if layout.minimum_range else (0,):
            minimums = old_minimums
            if layout.minimum_range:
                minimums = (old_minimums + minimum_by).clamp(*layout.minimum_range)
            scale, minimum = (d * scales)[:, None], (dmin * minimums)[:, None]
            rounded = scale * grid.levels(grid.nearest(columns, scale, minimum)) - minimum
            cost = (rounded - columns).square_() @ importance
            is_better = cost < least
            least = torch.where(is_better, cost, least)
            grid.scales[:, sub_block] = torch.where(is_better, scales, grid.scales[:, sub_block])
            grid.minimums[:, sub_block] = torch.where(
                is_better, minimums, grid.minimums[:, sub_block]
            )
