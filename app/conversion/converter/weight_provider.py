"""Weights that are in memory, for a checkpoint whose weight files are still being downloaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from app.conversion.layout.layout import WeightRange

Provider = Callable[[WeightRange], npt.NDArray[np.uint8] | None]
"""Returns the bytes of a stored tensor, None if it must be read from the file."""
_providers: list[Provider] = []


@contextmanager
def providing_weights(provider: Provider) -> Iterator[None]:
    """Let the converter's tensors take their weights from `provider` inside the block."""
    _providers.append(provider)
    try:
        yield
    finally:
        _providers.remove(provider)


def provided_weights(weights: WeightRange) -> npt.NDArray[np.uint8] | None:
    """Return the bytes of a stored tensor that are in memory; None if they aren't."""
    found = (provider(weights) for provider in _providers)
    return next((content for content in found if content is not None), None)
