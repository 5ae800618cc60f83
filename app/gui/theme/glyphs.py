"""Write small marks of controls to files, the only images that a style sheet can use."""

from __future__ import annotations

from app.gui.theme.icons import IconName, icon_svg
from app.gui.theme.theme_files import theme_file
from app.gui.theme.tokens import Colors

_GLYPHS: tuple[IconName, ...] = ("check", "minus", "chevron-down", "chevron-up", "close")


def glyph_urls(colors: Colors) -> dict[str, str]:
    """Return the URLs for a style sheet: `check`, `check-disabled`, ..."""
    urls: dict[str, str] = {}
    for name in _GLYPHS:
        tint = colors.accent_ink if name in ("check", "minus") else colors.muted
        urls[name] = _url(name, tint)
        urls[f"{name}-disabled"] = _url(name, colors.disabled)
    return urls


def _url(name: IconName, color: str) -> str:
    file = theme_file(f"{name}-{color.removeprefix('#')}.svg", icon_svg(name, color))
    return f'url("{file.as_posix()}")'
