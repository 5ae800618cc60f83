"""Style sheet rules for controls."""

from __future__ import annotations

from app.gui.theme.tokens import (
    RADIUS,
    RING,
    SIZE,
    SMALL_RADIUS,
    SPACING,
    WEIGHT_STRONG,
    Colors,
)

_EDGE = SIZE.hairline
# A focus ring is thicker than the edge it replaces: less padding keeps everything in place.
_GIVE = SIZE.focus - SIZE.hairline


def _padding(vertical: int, horizontal: int, give: int = 0) -> str:
    return f"padding: {vertical - give}px {horizontal - give}px;"


def buttons(c: Colors) -> str:
    """Return rules for push and tool buttons of every kind."""
    inner = SIZE.control - 2 * SPACING.tiny - 2 * _EDGE
    compact = SIZE.compact - 2 * _EDGE
    tight = SPACING.tiny
    return f"""
QPushButton, QToolButton {{
    background: {c.surface}; color: {c.ink}; border: {_EDGE}px solid {c.outline};
    border-radius: {RADIUS}px; min-height: {inner}px; outline: none;
    {_padding(tight, SPACING.medium)}
}}
QToolButton {{ min-width: {inner}px; {_padding(tight, tight)} }}
QPushButton:hover, QToolButton:hover {{ background: {c.hover}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {c.pressed}; }}
QPushButton:disabled, QToolButton:disabled {{
    color: {c.disabled}; border-color: {c.line}; background: {c.ground};
}}
QPushButton{RING}, QToolButton{RING} {{
    border: {SIZE.focus}px solid {c.accent}; {_padding(tight, SPACING.medium, _GIVE)}
}}
QToolButton{RING} {{ {_padding(tight, tight, _GIVE)} }}
/* Of the dialogs that are Qt's own, for example for files. */
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; button-layout: 3; }}
QPushButton::menu-indicator, QToolButton::menu-indicator {{ image: none; width: 0px; }}

QPushButton[kind="primary"] {{
    background: {c.accent}; color: {c.accent_ink}; border-color: {c.accent};
    font-weight: {WEIGHT_STRONG}; {_padding(tight, SPACING.large)}
}}
QToolButton[kind="primary"] {{ background: {c.accent}; border-color: {c.accent}; }}
QPushButton[kind="primary"]:hover, QToolButton[kind="primary"]:hover {{
    background: {c.accent_hover}; border-color: {c.accent_hover};
}}
QPushButton[kind="primary"]:pressed, QToolButton[kind="primary"]:pressed {{
    background: {c.accent_pressed}; border-color: {c.accent_pressed};
}}
QPushButton[kind="primary"]{RING} {{
    border: {SIZE.focus}px solid {c.ink}; {_padding(tight, SPACING.large, _GIVE)}
}}
QToolButton[kind="primary"]{RING} {{ border: {SIZE.focus}px solid {c.ink}; }}
QPushButton[kind="primary"]:disabled, QToolButton[kind="primary"]:disabled {{
    background: {c.pressed}; color: {c.muted}; border-color: {c.pressed};
}}

QPushButton[kind="destructive"] {{
    background: {c.danger}; color: {c.surface}; border-color: {c.danger};
    font-weight: {WEIGHT_STRONG}; {_padding(tight, SPACING.large)}
}}
QPushButton[kind="destructive"]:hover, QPushButton[kind="destructive"]:pressed {{
    background: {c.danger_strong}; border-color: {c.danger_strong};
}}
QPushButton[kind="destructive"]{RING} {{
    border: {SIZE.focus}px solid {c.ink}; {_padding(tight, SPACING.large, _GIVE)}
}}
QPushButton[kind="destructive"]:disabled {{
    background: {c.pressed}; color: {c.muted}; border-color: {c.pressed};
}}

QPushButton[kind="quiet"], QPushButton[kind="link"], QPushButton[kind="danger"],
QToolButton[kind="quiet"] {{
    background: transparent; border-color: transparent;
}}
QPushButton[kind="quiet"], QPushButton[kind="link"], QPushButton[kind="danger"] {{
    {_padding(tight, SPACING.small)}
}}
QPushButton[kind="quiet"]:hover, QPushButton[kind="link"]:hover,
QPushButton[kind="danger"]:hover, QToolButton[kind="quiet"]:hover {{ background: {c.hover}; }}
QPushButton[kind="quiet"]:pressed, QPushButton[kind="link"]:pressed,
QPushButton[kind="danger"]:pressed, QToolButton[kind="quiet"]:pressed {{
    background: {c.pressed};
}}
QPushButton[kind="quiet"]:disabled, QPushButton[kind="link"]:disabled,
QPushButton[kind="danger"]:disabled, QToolButton[kind="quiet"]:disabled {{
    background: transparent; border-color: transparent;
}}
QPushButton[kind="quiet"]{RING}, QPushButton[kind="link"]{RING},
QPushButton[kind="danger"]{RING} {{
    border: {SIZE.focus}px solid {c.accent}; {_padding(tight, SPACING.small, _GIVE)}
}}
QToolButton[kind="quiet"]{RING} {{ border: {SIZE.focus}px solid {c.accent}; }}
QPushButton[kind="link"] {{ color: {c.accent}; }}
QPushButton[kind="link"]:disabled {{ color: {c.disabled}; }}
QPushButton[kind="danger"] {{ color: {c.danger}; }}
QPushButton[kind="danger"]:disabled {{ color: {c.disabled}; }}

QPushButton[compact="true"] {{
    min-height: {compact - 2 * _EDGE}px; {_padding(_EDGE, SPACING.small)}
}}
QPushButton[compact="true"]{RING} {{ {_padding(_EDGE, SPACING.small, _GIVE)} }}
QToolButton[compact="true"] {{
    min-height: {compact}px; min-width: {compact}px; {_padding(_EDGE, _EDGE)}
}}
QToolButton[compact="true"]{RING} {{ {_padding(_EDGE, _EDGE, _GIVE)} }}

QPushButton[kind="navigation"] {{
    background: transparent; border-color: transparent; text-align: left; color: {c.muted};
    {_padding(SPACING.tiny, SPACING.small)}
}}
QPushButton[kind="navigation"]:hover {{ background: {c.hover}; color: {c.ink}; }}
QPushButton[kind="navigation"]:checked {{
    background: {c.pressed}; color: {c.ink}; font-weight: {WEIGHT_STRONG};
}}
QPushButton[kind="navigation"]{RING} {{
    border: {SIZE.focus}px solid {c.accent}; {_padding(SPACING.tiny, SPACING.small, _GIVE)}
}}

QPushButton[kind="segment"] {{
    background: transparent; border-color: transparent; border-radius: {RADIUS - _GIVE * 2}px;
    color: {c.muted}; min-height: {compact - 2 * _EDGE}px; {_padding(_EDGE, SPACING.medium)}
}}
QPushButton[kind="segment"]:hover {{ color: {c.ink}; }}
QPushButton[kind="segment"]:checked {{
    background: {c.surface}; color: {c.ink}; border-color: {c.outline};
}}
QPushButton[kind="segment"]{RING} {{
    border: {SIZE.focus}px solid {c.accent}; {_padding(_EDGE, SPACING.medium, _GIVE)}
}}
QPushButton[kind="segment"]:disabled {{ color: {c.disabled}; }}
"""


def fields(c: Colors, glyphs: dict[str, str]) -> str:
    """Return rules for fields of text and numbers."""
    inner = SIZE.control - 2 * SPACING.tiny - 2 * _EDGE
    kinds = ("QLineEdit", "QPlainTextEdit", "QTextEdit", "QComboBox", "QAbstractSpinBox")
    all_kinds = ", ".join(kinds)
    rings = (f"{kind}{RING if kind == 'QComboBox' else ':focus'}" for kind in kinds)
    focused = ", ".join(rings)
    disabled = ", ".join(f"{kind}:disabled" for kind in kinds)
    arrow = SPACING.medium
    # A line edit has a small margin before its text.
    own = SPACING.small - SIZE.focus
    return f"""
{all_kinds} {{
    background: {c.surface}; color: {c.ink}; border: {_EDGE}px solid {c.outline};
    border-radius: {RADIUS}px; {_padding(SPACING.tiny, SPACING.small)}
    selection-background-color: {c.selection}; selection-color: {c.ink};
    placeholder-text-color: {c.muted};
}}
QLineEdit, QComboBox {{ min-height: {inner}px; }}
/* Otherwise the list lies over the box. */
QComboBox {{ combobox-popup: 0; }}
QAbstractSpinBox {{ min-height: {inner - SIZE.focus}px; }}
QLineEdit:hover, QComboBox:hover, QAbstractSpinBox:hover {{ border-color: {c.edge}; }}
{focused} {{
    border: {SIZE.focus}px solid {c.accent}; {_padding(SPACING.tiny, SPACING.small, _GIVE)}
}}
{disabled} {{
    background: {c.ground}; color: {c.disabled}; border-color: {c.line};
    placeholder-text-color: {c.disabled};
}}
QLineEdit[invalid="true"] {{ border-color: {c.danger}; }}
QComboBox QLineEdit, QAbstractSpinBox QLineEdit {{
    border: none; background: transparent; padding: 0px; min-height: 0px;
}}
/* The button that clears a line. */
QLineEdit QToolButton, QLineEdit QToolButton:hover {{
    border: none; background: transparent; padding: 0px; min-height: 0px; min-width: 0px;
}}

QLineEdit {{ {_padding(SPACING.tiny, own)} }}
QLineEdit:focus {{ {_padding(SPACING.tiny, own, _GIVE)} }}
QComboBox::drop-down {{ border: none; width: {SPACING.wide}px; subcontrol-origin: border; }}
QComboBox::down-arrow {{
    image: {glyphs["chevron-down"]}; width: {arrow}px; height: {arrow}px;
}}
QComboBox::down-arrow:disabled {{ image: {glyphs["chevron-down-disabled"]}; }}
QComboBox QAbstractItemView, QComboBox QAbstractItemView:focus {{
    border: {_EDGE}px solid {c.outline}; border-radius: 0px; padding: 0px; outline: none;
}}
QComboBox QAbstractItemView::item:focus {{
    border: none; padding-left: {SPACING.small}px; background: {c.selection};
}}

QAbstractSpinBox {{ {_padding(SPACING.tiny, own)} padding-right: {SPACING.wide}px; }}
QAbstractSpinBox:focus {{
    {_padding(SPACING.tiny, own, _GIVE)} padding-right: {SPACING.wide - _GIVE}px;
}}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{
    border: none; background: transparent; width: {SPACING.wide}px;
    subcontrol-origin: border; border-radius: {SMALL_RADIUS}px;
}}
QAbstractSpinBox::up-button {{ subcontrol-position: top right; }}
QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; }}
QAbstractSpinBox::up-arrow, QAbstractSpinBox::down-arrow {{
    width: {arrow}px; height: {arrow}px;
}}
QAbstractSpinBox::up-arrow {{ image: {glyphs["chevron-up"]}; }}
QAbstractSpinBox::down-arrow {{ image: {glyphs["chevron-down"]}; }}
QAbstractSpinBox::up-arrow:disabled, QAbstractSpinBox::up-arrow:off {{
    image: {glyphs["chevron-up-disabled"]};
}}
QAbstractSpinBox::down-arrow:disabled, QAbstractSpinBox::down-arrow:off {{
    image: {glyphs["chevron-down-disabled"]};
}}
"""


def choices(c: Colors, glyphs: dict[str, str]) -> str:
    """Return rules for checkboxes and radio buttons."""
    box = SIZE.indicator
    both = "QCheckBox, QRadioButton"
    kinds = ("QCheckBox", "QRadioButton", "QTableView")

    def indicators(state: str = "") -> str:
        return ", ".join(f"{kind}::indicator{state}" for kind in kinds)

    return f"""
{both} {{
    spacing: {SPACING.small}px; color: {c.ink}; background: transparent;
    border: {SIZE.focus}px solid transparent; border-radius: {SMALL_RADIUS}px;
    padding: {SIZE.focus}px;
}}
QCheckBox{RING}, QRadioButton{RING} {{ border-color: {c.accent}; }}
QCheckBox:disabled, QRadioButton:disabled {{ color: {c.disabled}; }}
{indicators()} {{
    width: {box}px; height: {box}px; background: {c.surface};
    border: {_EDGE}px solid {c.edge}; border-radius: {SMALL_RADIUS}px;
}}
QRadioButton::indicator {{ border-radius: {box // 2 + _EDGE}px; }}
{indicators(":hover")} {{ border-color: {c.accent}; }}
{indicators(":disabled")} {{ border-color: {c.line}; background: {c.ground}; }}
QCheckBox::indicator:checked, QCheckBox::indicator:indeterminate,
QTableView::indicator:checked {{
    background: {c.accent}; border-color: {c.accent}; image: {glyphs["check"]};
}}
QCheckBox::indicator:indeterminate {{ image: {glyphs["minus"]}; }}
QCheckBox::indicator:indeterminate:disabled {{
    background: {c.ground}; border-color: {c.line}; image: {glyphs["minus-disabled"]};
}}
QCheckBox::indicator:checked:disabled {{
    background: {c.ground}; border-color: {c.line}; image: {glyphs["check-disabled"]};
}}
QRadioButton::indicator:checked {{
    width: {box // 2}px; height: {box // 2}px;
    border: {box // 4 + _EDGE}px solid {c.accent}; background: {c.accent_ink};
}}
QRadioButton::indicator:checked:disabled {{ border-color: {c.disabled}; }}
"""


def sliders(c: Colors) -> str:
    """Return rules for sliders."""
    groove, handle = SIZE.groove, SIZE.indicator
    return f"""
QSlider {{ min-height: {SIZE.compact}px; background: transparent; }}
QSlider::groove:horizontal {{
    height: {groove}px; border-radius: {groove // 2}px; background: {c.pressed};
}}
QSlider::sub-page:horizontal {{ border-radius: {groove // 2}px; background: {c.accent}; }}
QSlider::handle:horizontal {{
    width: {handle - 2 * SIZE.focus}px; height: {handle - 2 * SIZE.focus}px;
    margin: -{(handle - groove) // 2}px 0px; border-radius: {handle // 2}px;
    background: {c.surface}; border: {SIZE.focus}px solid {c.accent};
}}
QSlider::handle:horizontal:hover {{ background: {c.selection}; }}
QSlider[ring="true"]::handle:horizontal:focus {{ background: {c.accent}; border-color: {c.ink}; }}
QSlider::sub-page:horizontal:disabled {{ background: {c.line}; }}
QSlider::handle:horizontal:disabled {{ border-color: {c.line}; background: {c.ground}; }}
"""
