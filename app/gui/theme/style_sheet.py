"""Generate the style sheet from the tokens."""

from __future__ import annotations

from app.gui.theme.qss_controls import buttons, choices, fields, sliders
from app.gui.theme.qss_views import bars, containers, items, labels
from app.gui.theme.tokens import Colors


def style_sheet_of(colors: Colors, glyphs: dict[str, str]) -> str:
    """Return the style sheet of a theme.

    Args:
        colors: the theme's colors.
        glyphs: `url(...)` of each mark, as `glyph_urls` returns them.
    """
    return "\n".join(
        (
            containers(colors),
            labels(colors),
            buttons(colors),
            fields(colors, glyphs),
            choices(colors, glyphs),
            sliders(colors),
            items(colors),
            bars(colors),
        ),
    )
