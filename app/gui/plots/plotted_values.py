"""The values of plots."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PlotPoint:
    """A point with its label; `words` are its exact values, a line each.

    If `is_marked`, it has another shape and color.
    """

    label: str
    x: float
    y: float
    words: tuple[str, ...]
    is_marked: bool = False


@dataclass(frozen=True)
class PlotBar:
    """A bar with its label and its rounded value; `words` are the exact values, a line each."""

    label: str
    value: float
    figure: str
    words: tuple[str, ...]
    is_marked: bool = False


@dataclass(frozen=True)
class MarkWords:
    """What the two kinds of points and the line between them mean, for the legend."""

    usual: str
    marked: str
    line: str = ""
