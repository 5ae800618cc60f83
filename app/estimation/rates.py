"""Measured compute rates of a machine's processor and devices.

Types are named as in GGUF files (`Q4_K`); devices as the engine names them (`CPU`, `CUDA0`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from app.gguf_file.tensor_types import TENSOR_TYPES

MATRIX_TYPES = frozenset(kind.name for kind in TENSOR_TYPES.values() if kind.holds_weights)
"""The weight types that matrices can have."""
COSTS = "costs"
"""The part of a device's rates that depends on no weight type."""


@dataclass(frozen=True)
class DeviceRates:
    """A device's rates per second, and the fixed costs of a step; None means not measured.

    `generation` is bytes of weights by type, multiplied by one token; `prompt` is floating-point
    operations by type, with 512 tokens at once. 0 means that the device can't multiply the type.
    `attention` and `prompt_attention` are elements of keys and values, counted for each head that
    reads them. `bandwidth` is bytes read from memory.

    A token costs `token_seconds`, and `layer_seconds` for each layer, however small the layer:
    operations are launched, and threads wait for each other. In a prompt, each element of the
    vectors passed between layers costs `element_seconds` on top of the products.

    `disturbed` are the types, and `COSTS`, measured while other programs were busy: their rates are
    probably too low, and are used only until they can be measured on a quiet machine.
    """

    generation: dict[str, float] = field(default_factory=dict)
    prompt: dict[str, float] = field(default_factory=dict)
    attention: float | None = None
    prompt_attention: float | None = None
    bandwidth: float | None = None
    token_seconds: float | None = None
    layer_seconds: float | None = None
    element_seconds: float | None = None
    disturbed: frozenset[str] = frozenset()

    @property
    def has_costs(self) -> bool:
        """True if all costs that depend on no weight type are measured."""
        return None not in (self.token_seconds, self.layer_seconds, self.element_seconds)

    @property
    def measured(self) -> frozenset[str]:
        """The types whose rates are known, and `COSTS` if they are."""
        return frozenset((*self.generation, *((COSTS,) if self.has_costs else ())))

    def as_disturbed(self) -> DeviceRates:
        """Return the same rates, marked as measured while other programs were busy."""
        return replace(self, disturbed=self.measured)

    def merged(self, newer: DeviceRates) -> DeviceRates:
        """Return these rates updated with newer ones; disturbed ones replace nothing."""
        parts = newer.measured - (newer.disturbed & self.measured)
        costs = newer if COSTS in parts else self
        return DeviceRates(
            generation=self.generation | _of(newer.generation, parts),
            prompt=self.prompt | _of(newer.prompt, parts),
            attention=costs.attention,
            prompt_attention=costs.prompt_attention,
            bandwidth=costs.bandwidth,
            token_seconds=costs.token_seconds,
            layer_seconds=costs.layer_seconds,
            element_seconds=costs.element_seconds,
            disturbed=self.disturbed - parts | newer.disturbed & parts,
        )


def _of(rates: dict[str, float], parts: frozenset[str]) -> dict[str, float]:
    return {name: rate for name, rate in rates.items() if name in parts}


@dataclass(frozen=True)
class MachineRates:
    """The rates of each device of a machine; those of the processor are for `threads` threads."""

    threads: int
    devices: dict[str, DeviceRates] = field(default_factory=dict)

    def disturbed(self, types: Iterable[str]) -> frozenset[str]:
        """Return which types, and the costs, were measured while other programs were busy."""
        found = frozenset().union(*(rates.disturbed for rates in self.devices.values()))
        return found & {COSTS, *types}

    def of(self, device: str) -> DeviceRates:
        """Return the rates of a device; empty ones if nothing is measured."""
        return self.devices.get(device, DeviceRates())

    def as_disturbed(self) -> MachineRates:
        """Return the same rates, marked as measured while other programs were busy."""
        devices = {name: rates.as_disturbed() for name, rates in self.devices.items()}
        return replace(self, devices=devices)

    def merged(self, newer: MachineRates) -> MachineRates:
        """Return these rates updated with newer ones, as in `DeviceRates.merged`."""
        devices = {name: self.of(name).merged(rates) for name, rates in newer.devices.items()}
        return replace(self, devices=self.devices | devices)
