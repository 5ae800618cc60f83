"""Every page and dialog, walked at several widths, scales, themes and lengths of words."""
