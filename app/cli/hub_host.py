"""This machine and its converter, for answers about models on the Hub."""

from __future__ import annotations

import functools
import threading

from app.conversion.converter.architectures import known_architectures
from app.conversion.converter.installation import converter_folder
from app.core.errors import AppError
from app.core.load_options import load_options_of
from app.core.settings import Settings, load_settings
from app.estimation.hardware import Hardware
from app.hub.host import Host
from app.profiling.this_machine import read_hardware

_loading = threading.Lock()


def this_host() -> Host:
    """Return this machine with the options in the settings; reads both only when asked."""
    settings, _ = load_settings()
    return Host(
        options=load_options_of(settings),
        hardware=_hardware,
        architectures=functools.cache(lambda: _architectures(settings)),
    )


def _hardware() -> Hardware | None:
    try:
        # The engine is loaded here for the first time.
        with _loading:
            return read_hardware()
    except AppError:
        return None


def _architectures(settings: Settings) -> frozenset[str] | None:
    try:
        known = known_architectures(converter_folder(settings))
    except AppError:
        return None
    return frozenset().union(*known.values()) or None
