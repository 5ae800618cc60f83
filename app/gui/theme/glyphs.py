"""Write small marks of controls to files, the only images that a style sheet can use."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTemporaryDir

from app.gui.theme.icons import IconName, icon_svg
from app.gui.theme.tokens import Colors

_GLYPHS: tuple[IconName, ...] = ("check", "minus", "chevron-down", "chevron-up", "close")


class Glyphs:
    """Keeps a temporary folder with the marks of each theme, deleted with this object."""

    def __init__(self) -> None:
        self._folder = QTemporaryDir()

    def urls(self, colors: Colors) -> dict[str, str]:
        """Return the URLs for a style sheet: `check`, `check-disabled`, ..."""
        urls: dict[str, str] = {}
        for name in _GLYPHS:
            tint = colors.accent_ink if name in ("check", "minus") else colors.muted
            urls[name] = self._write(name, tint)
            urls[f"{name}-disabled"] = self._write(name, colors.disabled)
        return urls

    def _write(self, name: IconName, color: str) -> str:
        file = Path(self._folder.filePath(f"{name}-{color.removeprefix('#')}.svg"))
        if not file.exists():
            file.write_text(icon_svg(name, color), encoding="utf-8")
        return f'url("{file.as_posix()}")'
