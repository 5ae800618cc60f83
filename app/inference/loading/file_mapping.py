"""Choose whether a model's file is mapped into memory or copied."""

from __future__ import annotations

import psutil

from app.core.load_options import LoadOptions
from app.native import huge_pages

_LARGEST_PART = 0.5
"""Above this share of free memory a file is mapped: the system can drop mapped pages."""


def should_map(size_bytes: int, options: LoadOptions, gpu_layers: int) -> bool:
    """Return whether to map the file: as the user chose, or else whichever is faster.

    By default it is mapped unless a copy makes replies faster: a copy can use huge pages. Weights
    on devices are not read again, and a copy that would crowd out everything else costs more than
    it gains.
    """
    if options.memory_map != "auto":
        return options.memory_map == "on"
    if gpu_layers or not huge_pages.are_available():
        return True
    return size_bytes > _LARGEST_PART * psutil.virtual_memory().available
