"""Whether a model's file is mapped into memory, or read into memory of the engine's own."""

from __future__ import annotations

import psutil

from app.core.load_options import LoadOptions
from app.native import huge_pages

_LARGEST_PART = 0.5
"""A file that takes more than this part of the free memory stays one that can be dropped."""


def is_mapped(size_bytes: int, options: LoadOptions, gpu_layers: int) -> bool:
    """Whether to map it: as a person has chosen, else unless a copy makes replies faster.

    A copy can lie in huge pages. What goes to devices is not read again, and a copy that would
    crowd out all else costs more than it gives.
    """
    if options.memory_map != "auto":
        return options.memory_map == "on"
    if gpu_layers or not huge_pages.are_given():
        return True
    return size_bytes > _LARGEST_PART * psutil.virtual_memory().available
