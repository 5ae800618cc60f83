"""All colors and sizes of the window; no other module of `app.gui` has any."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CodeColors:
    """The colors of highlighted source code, all readable on `Colors.code_ground`."""

    keyword: str
    string: str
    number: str
    name: str
    kind: str
    comment: str
    mark: str


@dataclass(frozen=True)
class MemoryColors:
    """The colors of the parts of a memory bar, each visible on surfaces and beside the others."""

    weights: str
    kv: str
    compute: str
    others: str


@dataclass(frozen=True)
class Colors:
    """The colors of one theme, as `#RRGGBB`."""

    ground: str
    surface: str
    line: str
    ink: str
    muted: str
    accent: str
    accent_hover: str
    accent_pressed: str
    accent_ink: str
    hover: str
    pressed: str
    outline: str
    edge: str
    selection: str
    disabled: str
    danger: str
    danger_strong: str
    danger_surface: str
    danger_line: str
    warning: str
    warning_surface: str
    warning_line: str
    success: str
    bubble: str
    code_ground: str
    scroll: str
    code: CodeColors
    memory: MemoryColors
    shares: tuple[str, ...]
    """Colors of the parts of a whole, largest first; the last one is for all further parts."""


LIGHT = Colors(
    ground="#FAF8F4",
    surface="#FFFFFF",
    line="#E4DED3",
    ink="#23201B",
    muted="#6E675C",
    accent="#9A6207",
    accent_hover="#855405",
    accent_pressed="#6F4604",
    accent_ink="#FFFFFF",
    hover="#F1EDE4",
    pressed="#E9E3D7",
    outline="#908778",
    edge="#7A7265",
    selection="#F4E6C9",
    disabled="#8C8578",
    danger="#A32A1E",
    danger_strong="#8A2016",
    danger_surface="#FBECE9",
    danger_line="#E8BFB8",
    warning="#7F5300",
    warning_surface="#FCF2DA",
    warning_line="#E3CE9C",
    success="#376A2C",
    bubble="#E9E1D0",
    code_ground="#F5F2EB",
    scroll="#CFC7B9",
    code=CodeColors(
        keyword="#8A3A0E",
        string="#376A2C",
        number="#1F5F86",
        name="#6A3F96",
        kind="#1F5F86",
        comment="#6C6559",
        mark="#A32A1E",
    ),
    memory=MemoryColors(weights="#9A6207", kv="#2F739C", compute="#4C8340", others="#8F8677"),
    shares=("#9A6207", "#2F739C", "#4C8340", "#7F4FB0", "#A32A1E", "#8F8677"),
)

DARK = Colors(
    ground="#1B1A18",
    surface="#242220",
    line="#3A3733",
    ink="#ECE7DD",
    muted="#A49C8F",
    accent="#E3A63F",
    accent_hover="#EDB65A",
    accent_pressed="#D2962F",
    accent_ink="#1B1A18",
    hover="#2D2A27",
    pressed="#36332F",
    outline="#7A7368",
    edge="#9A9285",
    selection="#46381C",
    disabled="#7C756A",
    danger="#F29385",
    danger_strong="#F7AFA4",
    danger_surface="#3B2522",
    danger_line="#6E453F",
    warning="#E8B75F",
    warning_surface="#372D19",
    warning_line="#6A5527",
    success="#9CC58B",
    bubble="#322E29",
    code_ground="#141312",
    scroll="#4B4741",
    code=CodeColors(
        keyword="#E79A63",
        string="#9CC58B",
        number="#8DBBDD",
        name="#C7A6E8",
        kind="#8DBBDD",
        comment="#9A9285",
        mark="#F29385",
    ),
    memory=MemoryColors(weights="#E3A63F", kv="#7FB2D6", compute="#8DBA7B", others="#8A8276"),
    shares=("#E3A63F", "#7FB2D6", "#8DBA7B", "#C7A6E8", "#F29385", "#8A8276"),
)


@dataclass(frozen=True)
class Spacing:
    """Distances in device-independent pixels."""

    tiny: int = 4
    small: int = 8
    medium: int = 12
    large: int = 16
    wide: int = 24
    huge: int = 32


@dataclass(frozen=True)
class TypeScale:
    """Font sizes in device-independent pixels, at the system's usual font size."""

    caption: int = 12
    code: int = 13
    body: int = 14
    heading: int = 16
    title: int = 18
    display: int = 24


@dataclass(frozen=True)
class Size:
    """Dimensions of controls in device-independent pixels."""

    icon: int = 20
    small_icon: int = 16
    large_icon: int = 48
    control: int = 32
    compact: int = 24
    icon_compact: int = 28
    indicator: int = 16
    bar: int = 6
    memory_bar: int = 14
    swatch: int = 10
    groove: int = 4
    scroll_bar: int = 10
    hairline: int = 1
    focus: int = 2
    item_margin: int = 3
    quote: int = 3
    mark: int = 3
    reading: int = 760
    form: int = 720
    narrow: int = 420
    rail: int = 176
    folded_rail: int = 56
    unfolded_window: int = 1200
    field: int = 200
    side: int = 288
    toast: int = 400
    tool_tip: int = 320
    foot: int = 80
    chats: int = 240


SPACING = Spacing()
TYPE = TypeScale()
SIZE = Size()
RADIUS = 8
SMALL_RADIUS = 4
LINE_HEIGHT_PERCENT = 150
CAPTION_HEIGHT_PERCENT = 140
WEIGHT_STRONG = 600
RING = '[ring="true"]:focus'
"""Selector of a control with a focus ring: `FocusGuide` sets the property for the keyboard only."""
