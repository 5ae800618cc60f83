"""Appearance: tokens, and the palette, style sheet, fonts and icons derived from them."""
