"""Theme in use, with its colors and a signal for changes."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from app.core import settings
from app.gui.theme.glyphs import glyph_urls
from app.gui.theme.icon_theme import use_icons
from app.gui.theme.palette import palette_of
from app.gui.theme.style_sheet import style_sheet_of
from app.gui.theme.tokens import DARK, LIGHT, Colors

_SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}


class Theme(QObject):
    """Styles the application, and emits `changed` for widgets that draw themselves."""

    changed = Signal()

    def __init__(self, application: QApplication, choice: settings.Theme = "system") -> None:
        super().__init__(application)
        self._application = application
        self.choice: settings.Theme = choice
        self.colors: Colors = LIGHT
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow_system)
        self.choose(choice)

    @property
    def is_dark(self) -> bool:
        """True if text is light on a dark background."""
        return self.colors is DARK

    def choose(self, choice: settings.Theme) -> None:
        """Use the light theme, the dark theme, or the system's."""
        self.choice = choice
        # Title bars and the system's own dialogs follow this hint.
        QGuiApplication.styleHints().setColorScheme(_SCHEMES[choice])
        self._dress(QGuiApplication.styleHints().colorScheme())

    def _follow_system(self, scheme: Qt.ColorScheme) -> None:
        if self.choice == "system":
            self._dress(scheme)

    def _dress(self, scheme: Qt.ColorScheme) -> None:
        is_dark = (
            scheme == Qt.ColorScheme.Dark if self.choice == "system" else self.choice == "dark"
        )
        self.colors = DARK if is_dark else LIGHT
        use_icons("gristmill-dark" if is_dark else "gristmill-light", self.colors)
        self._application.setPalette(palette_of(self.colors))
        self._application.setStyleSheet(
            style_sheet_of(self.colors, glyph_urls(self.colors)),
        )
        self.changed.emit()
