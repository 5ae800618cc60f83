"""Say where on this machine a model would be placed."""

from __future__ import annotations

from app.core.hub_events import FitVerdict
from app.core.language import tr


def fit_in_words(fit: FitVerdict) -> str:
    """Return the place in words; empty if it is unknown."""
    return {
        "": "",
        "on_devices": tr("All on the GPU"),
        "shared": tr("GPU and RAM"),
        "on_processor": tr("In RAM"),
        "too_large": tr("Too large"),
    }[fit]
