"""Style the application."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QStyleFactory, QToolTip

from app.core import settings
from app.gui.theme.fonts import text_font
from app.gui.theme.icons import app_icon
from app.gui.theme.theme import Theme


def apply_theme(application: QApplication, choice: settings.Theme = "system") -> Theme:
    """Give the application its style, fonts and colors; the theme lives as long as it does.

    Args:
        application: the application object.
        choice: `system` follows the system's color scheme while the program runs.
    """
    application.setStyle(QStyleFactory.create("Fusion"))
    application.setFont(text_font("body"))
    QToolTip.setFont(text_font("body"))
    application.setWindowIcon(app_icon())
    # Lists move to their place when they open, which an animation would show.
    application.setEffectEnabled(Qt.UIEffect.UI_AnimateCombo, False)
    return Theme(application, choice)
