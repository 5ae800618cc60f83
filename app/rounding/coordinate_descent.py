"""Improve rounded rows: move one code or scale after the other to where the loss is least.

Behdin et al. 2023, "QuantEase" (arXiv 2309.01885), with the scales of ggml's grids among the
coordinates. The loss of a row is e H eᵀ, e being its error and H the second moments.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from app.rounding.grid import Grid

_PANEL = 128
"""Columns whose gradients are kept up to date together, at least a block."""


def descend(weights: torch.Tensor, moments: torch.Tensor, grid: Grid, sweeps: int) -> None:
    """Sweep over all columns; the grid changes in place.

    Args:
        weights: The exact rows (rows x columns).
        moments: The damped second moments (columns x columns).
        grid: The rounded rows.
        sweeps: The number of sweeps; more than three gain little.
    """
    rounded = grid.values()
    width = weights.shape[1]
    panel = max(grid.block, _PANEL)
    for _ in range(sweeps):
        for first in range(0, width, panel):
            end = min(width, first + panel)
            gradients = (weights - rounded) @ moments[:, first:end]
            own = moments[first:end, first:end].contiguous()
            part = _Panel(grid, first, rounded[:, first:end], gradients, own)
            for start in range(0, end - first, grid.block):
                _refit_block(part, start)
            _move_codes(part)


@dataclass
class _Panel:
    """Some columns: their rounded values, and half the negative gradient of the loss by them."""

    grid: Grid
    first: int
    rounded: torch.Tensor
    gradients: torch.Tensor
    moments: torch.Tensor

    def put(self, columns: slice, values: torch.Tensor) -> None:
        """Replace values, and keep the gradients true."""
        change = values - self.rounded[:, columns]
        self.rounded[:, columns] = values
        self.gradients.addmm_(change, self.moments[columns], alpha=-1)

    def best_step(self, columns: slice, direction: torch.Tensor) -> torch.Tensor:
        """Return how far to go in a direction (rows x columns) of each row to the least loss."""
        gain = (direction * self.gradients[:, columns]).sum(1)
        curvature = ((direction @ self.moments[columns, columns]) * direction).sum(1)
        return gain / curvature.clamp_min(1e-30)


def _move_codes(part: _Panel) -> None:
    sub_block, width = part.grid.sub_block, part.rounded.shape[1]
    for start in range(0, width, sub_block):
        own = slice(start, min(start + sub_block, width))
        values = _moved_values(part, own)
        changes = values - part.rounded[:, own]
        part.rounded[:, own] = values
        # Those of the columns before are not looked at again.
        rest = slice(own.stop, width)
        part.gradients[:, rest].addmm_(changes, part.moments[own, rest], alpha=-1)


def _moved_values(part: _Panel, own: slice) -> torch.Tensor:
    """Move the codes of one sub-block's columns; return their values."""
    grid, first = part.grid, part.first + own.start
    scale, minimum = grid.step(first // grid.sub_block)
    moments = part.moments[own, own]
    # A column is read as a whole, so that its numbers had better lie side by side.
    gradients, values = (whole[:, own].T.contiguous() for whole in (part.gradients, part.rounded))
    for number, old in enumerate(values):
        wanted = old + gradients[number] / moments[number, number]
        codes = grid.nearest(wanted, scale, minimum)
        grid.codes[:, first + number] = codes
        new = scale * grid.levels(codes) - minimum
        gradients[number + 1 :].addr_(moments[number, number + 1 :], new - old, alpha=-1)
        values[number] = new
    return values.T


def _refit_block(part: _Panel, start: int) -> None:
    """Move the scales of one block to where the loss is least for its codes."""
    grid = part.grid
    columns = slice(start, start + grid.block)
    block = (part.first + start) // grid.block
    _refit_d(part, columns, block)
    if grid.layout.has_minimum:
        _refit_dmin(part, columns, block)
    if grid.layout.scale_range is not None:
        for offset in range(start, start + grid.block, grid.sub_block):
            _refit_sub_block(part, slice(offset, offset + grid.sub_block), block)


def _values(part: _Panel, columns: slice) -> torch.Tensor:
    return part.grid.values(part.first + columns.start, part.first + columns.stop)


def _refit_d(part: _Panel, columns: slice, block: int) -> None:
    grid = part.grid
    subs = _sub_blocks(grid, part.first + columns.start, part.first + columns.stop)
    levels = grid.levels(grid.codes[:, part.first + columns.start : part.first + columns.stop])
    direction = grid.scales[:, subs].repeat_interleave(grid.sub_block, 1) * levels
    moved = (grid.d[:, block] + part.best_step(columns, direction)).half().float()
    # A scale of zero stays: its codes mean nothing.
    usable = moved.isfinite() & (moved != 0) & (grid.d[:, block] != 0)
    grid.d[:, block] = torch.where(usable, moved, grid.d[:, block])
    part.put(columns, _values(part, columns))


def _refit_dmin(part: _Panel, columns: slice, block: int) -> None:
    grid = part.grid
    subs = _sub_blocks(grid, part.first + columns.start, part.first + columns.stop)
    direction = -grid.minimums[:, subs].repeat_interleave(grid.sub_block, 1)
    moved = (grid.dmin[:, block] + part.best_step(columns, direction)).half().float()
    grid.dmin[:, block] = torch.where(moved.isfinite(), moved, grid.dmin[:, block])
    part.put(columns, _values(part, columns))


def _refit_sub_block(part: _Panel, columns: slice, block: int) -> None:
    grid, layout = part.grid, part.grid.layout
    assert layout.scale_range is not None  # noqa: S101 - the caller looked
    place = (part.first + columns.start) // grid.sub_block
    levels = grid.levels(grid.codes[:, part.first + columns.start : part.first + columns.stop])
    step = part.best_step(columns, grid.d[:, block, None] * levels).round()
    grid.scales[:, place] = (grid.scales[:, place] + step).clamp(*layout.scale_range)
    part.put(columns, _values(part, columns))
    if layout.minimum_range is not None:
        direction = -grid.dmin[:, block, None].expand(-1, grid.sub_block)
        step = part.best_step(columns, direction).round()
        grid.minimums[:, place] = (grid.minimums[:, place] + step).clamp(*layout.minimum_range)
        part.put(columns, _values(part, columns))


def _sub_blocks(grid: Grid, first: int, end: int) -> slice:
    return slice(first // grid.sub_block, end // grid.sub_block)
