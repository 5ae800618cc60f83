"""This machine and its converter, which answers about models depend on besides the Hub."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.core.load_options import LoadOptions
from app.estimation.hardware import Hardware


@dataclass(frozen=True)
class Host:
    """This machine and its converter.

    Attributes:
        options: The options that models are loaded with.
        hardware: Reads the machine's current state; None where the engine can't be loaded.
        architectures: The classes of models that the converter knows; None if unknown.
    """

    options: LoadOptions
    hardware: Callable[[], Hardware | None]
    architectures: Callable[[], frozenset[str] | None]
