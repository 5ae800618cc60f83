"""Draw icons from SVG files in the colors of the theme."""

from __future__ import annotations

import functools
from typing import Literal, get_args

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.core.resources import resource
from app.gui.theme.tokens import Colors

IconName = Literal[
    "arrow-down",
    "broadcast",
    "broadcast-on",
    "chat",
    "check",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "chevron-up",
    "close",
    "convert",
    "copy",
    "done",
    "download",
    "eject",
    "error",
    "eye",
    "eye-off",
    "file",
    "folder",
    "grid",
    "hub",
    "info",
    "jobs",
    "key",
    "lock",
    "measure",
    "memory",
    "minus",
    "models",
    "more",
    "new-chat",
    "pause",
    "pencil",
    "play",
    "plus",
    "refresh",
    "search",
    "send",
    "settings",
    "sidebar",
    "sliders",
    "stop",
    "terminal",
    "trash",
    "tune",
    "undo",
    "warning",
]
ICON_NAMES: tuple[IconName, ...] = get_args(IconName)

# Both sizes of buttons' icons at whole and fractional scales; Qt takes the nearest larger one.
_PIXELS = (16, 20, 24, 30, 32, 40)
_GAP = 0.25
_APP_ICON_PIXELS: dict[str, tuple[int, ...]] = {
    "app_icon_small.svg": (16, 20, 24),
    "app_icon.svg": (32, 48, 64, 128, 256),
}


def icon_svg(name: IconName, color: str) -> str:
    """Return an icon in one color, as SVG text."""
    drawing = resource("icons", f"{name}.svg").read_text("utf-8")
    return drawing.replace("currentColor", color)


def icon(
    name: IconName, colors: Colors, color: str | None = None, *, has_gap: bool = False
) -> QIcon:
    """Return an icon in the muted color of the theme, or in `color`, with a disabled variant.

    With `has_gap` it is a quarter wider, empty at its right: Qt puts text too close to icons.
    """
    return _tinted(name, color or colors.muted, colors.disabled, _GAP if has_gap else 0)


def icon_pixmap(name: IconName, color: str, side: int, scale: float) -> QPixmap:
    """Return an icon as a pixmap, for use outside of buttons.

    Args:
        name: the icon.
        color: its color.
        side: width and height in device-independent pixels.
        scale: device pixels for each of these.
    """
    pixmap = _draw(_renderer(icon_svg(name, color)), round(side * scale))
    pixmap.setDevicePixelRatio(scale)
    return pixmap


@functools.lru_cache(maxsize=1)
def app_icon() -> QIcon:
    """Return the icon of the program, with a simpler drawing for the smallest sizes."""
    made = QIcon()
    for drawing, sides in _APP_ICON_PIXELS.items():
        renderer = _renderer(resource(drawing).read_text("utf-8"))
        for pixels in sides:
            made.addPixmap(_draw(renderer, pixels))
    return made


@functools.lru_cache(maxsize=256)
def _tinted(name: IconName, color: str, disabled: str, gap: float) -> QIcon:
    made = QIcon()
    for mode, tint in ((QIcon.Mode.Normal, color), (QIcon.Mode.Disabled, disabled)):
        renderer = _renderer(icon_svg(name, tint))
        for pixels in _PIXELS:
            made.addPixmap(_draw(renderer, pixels, gap), mode)
    return made


def _renderer(drawing: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(drawing.encode()))


def _draw(renderer: QSvgRenderer, pixels: int, gap: float = 0) -> QPixmap:
    pixmap = QPixmap(round(pixels * (1 + gap)), pixels)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    return pixmap
