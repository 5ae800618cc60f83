"""Style sheet rules for views."""

from __future__ import annotations

from app.gui.theme.tokens import RADIUS, SIZE, SMALL_RADIUS, SPACING, WEIGHT_STRONG, Colors

_EDGE = SIZE.hairline


def containers(c: Colors) -> str:
    """Return rules for windows, cards, tool tips, menus and tabs."""
    return f"""
QMainWindow, QDialog, QWidget[role="page"] {{ background: {c.ground}; color: {c.ink}; }}
QFrame[role="card"] {{
    background: {c.surface}; border: {_EDGE}px solid {c.line}; border-radius: {RADIUS}px;
}}
QFrame[role="rail"] {{
    background: {c.ground}; border: none; border-right: {_EDGE}px solid {c.line};
}}
QFrame[role="status"] {{
    background: {c.ground}; border: none; border-top: {_EDGE}px solid {c.line};
}}
QFrame[role="line"] {{
    background: {c.line}; border: none; min-height: {_EDGE}px; max-height: {_EDGE}px;
}}
QFrame[role="margin"] {{ background: {c.line}; border: none; }}
QFrame[role="segments"] {{
    background: {c.hover}; border: {_EDGE}px solid {c.line}; border-radius: {RADIUS}px;
}}
QFrame[role="bubble"] {{ background: {c.bubble}; border: none; border-radius: {RADIUS}px; }}
QFrame[role="code"] {{
    background: {c.code_ground}; border: {_EDGE}px solid {c.line}; border-radius: {RADIUS}px;
}}
QFrame[role="composer"] {{
    background: {c.surface}; border: {_EDGE}px solid {c.outline}; border-radius: {RADIUS}px;
    padding: {SIZE.focus - _EDGE}px;
}}
QFrame[role="composer"][active="true"] {{
    border: {SIZE.focus}px solid {c.accent}; padding: 0px;
}}
QFrame[role="composer"][off="true"] {{ background: {c.ground}; border-color: {c.line}; }}
QFrame[notice="info"] {{
    background: {c.hover}; border: {_EDGE}px solid {c.line}; border-radius: {RADIUS}px;
}}
QFrame[notice="warning"] {{
    background: {c.warning_surface}; border: {_EDGE}px solid {c.warning_line};
    border-radius: {RADIUS}px;
}}
QFrame[notice="error"] {{
    background: {c.danger_surface}; border: {_EDGE}px solid {c.danger_line};
    border-radius: {RADIUS}px;
}}
QToolTip {{
    background: {c.surface}; color: {c.ink}; border: {_EDGE}px solid {c.outline};
    padding: {SPACING.tiny}px {SPACING.small}px;
}}
QMenu {{
    background: {c.surface}; color: {c.ink}; border: {_EDGE}px solid {c.outline};
    padding: {SPACING.tiny}px;
}}
QMenu::item {{
    padding: {SPACING.tiny}px {SPACING.wide}px {SPACING.tiny}px {SPACING.medium}px;
    border-radius: {SMALL_RADIUS}px; min-height: {SIZE.icon}px;
}}
QMenu::icon {{ padding-left: {SPACING.small}px; }}
QMenu::item:selected {{ background: {c.selection}; color: {c.ink}; }}
QMenu::item:disabled {{ color: {c.disabled}; background: transparent; }}
QMenu::separator {{ height: {_EDGE}px; background: {c.line}; margin: {SPACING.tiny}px; }}
QTabWidget::pane {{ border: none; border-top: {_EDGE}px solid {c.line}; }}
QTabBar {{ background: transparent; }}
QTabBar::tab {{
    background: transparent; color: {c.muted}; border: none;
    border-bottom: {SIZE.focus}px solid transparent;
    padding: {SPACING.small}px {SPACING.medium}px;
}}
QTabBar::tab:hover {{ color: {c.ink}; }}
QTabBar::tab:selected {{ color: {c.ink}; border-bottom-color: {c.accent}; }}
QTabBar[ring="true"]::tab:focus {{ background: {c.selection}; }}
QSplitter::handle {{ background: {c.line}; }}
QSplitter::handle:horizontal {{ width: {_EDGE}px; }}
QSplitter::handle:vertical {{ height: {_EDGE}px; }}
QScrollArea {{ background: transparent; border: none; }}
QScrollArea > QWidget > QWidget[role="scrolled"] {{ background: transparent; }}
"""


def labels(c: Colors) -> str:
    """Return rules for the colors of text; its size comes with the font of each label."""
    return f"""
QLabel {{ background: transparent; color: {c.ink}; border: none; }}
QLabel[text_role="muted"], QLabel[text_role="caption"] {{ color: {c.muted}; }}
QLabel[tone="danger"] {{ color: {c.danger}; }}
QLabel[tone="success"] {{ color: {c.success}; }}
QLabel[tone="warning"] {{ color: {c.warning}; }}
QLabel[tone="accent"] {{ color: {c.accent}; }}
QLabel:disabled {{ color: {c.disabled}; }}
QTextBrowser[role="prose"], QPlainTextEdit[role="code"], QPlainTextEdit[role="bare"] {{
    background: transparent; border: none; border-radius: 0px; padding: 0px;
}}
QTextBrowser[role="prose"]:focus, QPlainTextEdit[role="bare"]:focus {{
    border: none; padding: 0px;
}}
QPlainTextEdit[role="code"]:focus {{ border: none; padding: 0px; }}
"""


def items(c: Colors) -> str:
    """Return rules for lists, trees and tables."""
    return f"""
QListView, QTreeView, QTableView {{
    background: {c.surface}; color: {c.ink}; alternate-background-color: {c.hover};
    border: {_EDGE}px solid {c.line}; border-radius: {RADIUS}px; gridline-color: {c.line};
    outline: none; selection-background-color: {c.selection}; selection-color: {c.ink};
}}
QListView[role="bare"], QTreeView[role="bare"] {{
    background: transparent; border-color: transparent;
}}
QFrame[role="drop"] {{ background: {c.ground}; border: {SIZE.focus}px dashed {c.accent}; }}
QListView::item, QTreeView::item {{
    padding: {SPACING.tiny}px {SPACING.small}px; min-height: {SIZE.compact}px;
    border-radius: {SMALL_RADIUS}px; border: none;
}}
QTableView::item {{ padding: {SPACING.tiny}px {SPACING.small}px; border: none; }}
QListView::item:hover, QTreeView::item:hover, QTableView::item:hover {{
    background: {c.hover};
}}
QListView::item:selected, QTreeView::item:selected, QTableView::item:selected {{
    background: {c.selection}; color: {c.ink};
}}
QListView::item:selected, QTreeView::item:selected {{
    border-left: {SIZE.mark}px solid {c.accent}; padding-left: {SPACING.small - SIZE.mark}px;
}}
QListView[ring="true"]::item:focus, QTreeView[ring="true"]::item:focus {{
    border: {SIZE.focus}px solid {c.accent}; padding-left: {SPACING.small - SIZE.focus}px;
}}
QListView::item:disabled, QTreeView::item:disabled, QTableView::item:disabled {{
    color: {c.disabled};
}}
QHeaderView {{
    background: {c.surface}; border: none; border-bottom: {_EDGE}px solid {c.line};
    border-top-left-radius: {RADIUS}px; border-top-right-radius: {RADIUS}px;
}}
QHeaderView::section {{
    background: transparent; color: {c.muted}; border: none;
    padding: {SPACING.small}px {SPACING.small + SIZE.item_margin}px;
    font-weight: {WEIGHT_STRONG};
}}
QTableCornerButton::section {{ background: {c.surface}; border: none; }}
"""


def bars(c: Colors) -> str:
    """Return rules for scroll bars and progress bars."""
    width, margin = SIZE.scroll_bar, SIZE.focus
    radius = (width - 2 * margin) // 2
    step = SPACING.small
    return f"""
QScrollBar {{ background: transparent; border: none; margin: 0px; }}
QScrollBar:vertical {{ width: {width}px; }}
QScrollBar:horizontal {{ height: {width}px; }}
QScrollBar::handle {{
    background: {c.scroll}; border-radius: {radius}px; margin: {margin}px;
}}
QScrollBar::handle:vertical {{ min-height: {SPACING.huge}px; }}
QScrollBar::handle:horizontal {{ min-width: {SPACING.huge}px; }}
QScrollBar::handle:hover {{ background: {c.edge}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0px; height: 0px; border: none; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QAbstractScrollArea::corner {{ background: transparent; border: none; }}
QProgressBar {{
    background: {c.pressed}; border: none; border-radius: {SIZE.bar // 2}px;
    min-height: {SIZE.bar}px; max-height: {SIZE.bar}px; color: transparent;
}}
QProgressBar::chunk {{ background: {c.accent}; border-radius: {SIZE.bar // 2}px; }}
QProgressBar[state="busy"]::chunk {{ width: {step}px; margin-right: {SPACING.tiny}px; }}
QProgressBar[state="finished"]::chunk {{ background: {c.success}; }}
QProgressBar[state="canceled"]::chunk {{ background: {c.edge}; }}
QProgressBar[state="failed"]::chunk {{ background: {c.danger}; }}
"""
