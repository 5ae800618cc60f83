"""The names of the text that comes with the program, to calibrate and to measure with."""

from __future__ import annotations

BUILTIN_TEXT = "builtin"
"""The word that stands for it on the command line, in place of a file."""
BUILTIN_DATASET = "gristmill-builtin"
"""Its name in importance matrices, in files quantized with them, and in measurements."""
