"""Palette for what Qt draws without the style sheet."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette

from app.gui.theme.tokens import Colors

_Role = QPalette.ColorRole


def palette_of(colors: Colors) -> QPalette:
    """Return the palette of a theme."""
    palette = QPalette()
    for role, color in _roles(colors).items():
        palette.setColor(role, QColor(color))
    for role in (_Role.WindowText, _Role.Text, _Role.ButtonText, _Role.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colors.disabled))
    palette.setColor(QPalette.ColorGroup.Disabled, _Role.Highlight, QColor(colors.pressed))
    return palette


def _roles(colors: Colors) -> dict[QPalette.ColorRole, str]:
    return {
        _Role.Window: colors.ground,
        _Role.WindowText: colors.ink,
        _Role.Base: colors.surface,
        _Role.AlternateBase: colors.hover,
        _Role.Text: colors.ink,
        _Role.PlaceholderText: colors.muted,
        _Role.Button: colors.surface,
        _Role.ButtonText: colors.ink,
        _Role.BrightText: colors.danger,
        _Role.ToolTipBase: colors.surface,
        _Role.ToolTipText: colors.ink,
        _Role.Highlight: colors.selection,
        _Role.HighlightedText: colors.ink,
        _Role.Accent: colors.accent,
        _Role.Link: colors.accent,
        _Role.LinkVisited: colors.accent,
        _Role.Light: colors.surface,
        _Role.Midlight: colors.hover,
        _Role.Mid: colors.outline,
        _Role.Dark: colors.edge,
        _Role.Shadow: colors.line,
    }
