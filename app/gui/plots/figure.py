"""What a plot shows, drawn on any surface: in a window, in a picture, in an SVG file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSizeF
from PySide6.QtGui import QPainter

from app.gui.theme.tokens import Colors


@dataclass(frozen=True)
class Target:
    """A part of a plot that has exact values, a line each; `place` is where the pointer hits it."""

    place: QRectF
    words: tuple[str, ...]


class Figure(ABC):
    """One plot; `name` says what it shows."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def height_for(self, width: float) -> float:
        """Return the height in device-independent pixels that suits a width."""

    @abstractmethod
    def draw(self, painter: QPainter, size: QSizeF, colors: Colors) -> None:
        """Draw it from the origin on."""

    @abstractmethod
    def targets(self, size: QSizeF) -> list[Target]:
        """Return the parts with exact values, in the order of the arrow keys."""
