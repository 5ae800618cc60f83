"""How fast a machine computes with a model: rates of its processor and its devices, measured once.

Types are named as in GGUF files (`Q4_K`); devices as the engine names them (`CPU`, `CUDA0`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from app.gguf_file.tensor_types import TENSOR_TYPES

MATRIX_TYPES = frozenset(kind.name for kind in TENSOR_TYPES.values() if kind.holds_weights)
"""The types of weights that products are made with."""
COSTS = "costs"
"""What is measured of a device besides types of weights: all that depends on none."""


@dataclass(frozen=True)
class DeviceRates:
    """What a device does in a second, and what a step costs it besides; None is not measured.

    `generation` is bytes of weights by their type, multiplied with one token; `prompt` is
    floating-point operations by type, with 512 tokens at once. 0 means that the device can't
    multiply with the type. `attention` and `prompt_attention` are elements of keys and values,
    counted for each head that reads them. `bandwidth` is bytes read from memory.

    A token costs `token_seconds`, and `layer_seconds` for each layer, however small the layer is:
    operations are started, and threads wait for one another. Of a prompt, each element of the
    vectors that go from layer to layer costs `element_seconds` besides the products.

    `disturbed` are the types, and `COSTS`, that were measured beside other work: their rates are
    probably too low, and count until they are measured on a quiet machine.
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
        """Whether all is measured that does not depend on a type of weights."""
        return None not in (self.token_seconds, self.layer_seconds, self.element_seconds)

    @property
    def measured(self) -> frozenset[str]:
        """The types whose rates are known, and `COSTS`."""
        return frozenset((*self.generation, *((COSTS,) if self.has_costs else ())))

    def as_disturbed(self) -> DeviceRates:
        """The same rates, known to be measured beside other work."""
        return replace(self, disturbed=self.measured)

    def merged(self, newer: DeviceRates) -> DeviceRates:
        """These rates and newer ones, which count where both have one.

        But what was disturbed takes the place of nothing.
        """
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
    """The rates of each device of a machine, the processor's with so many `threads`."""

    threads: int
    devices: dict[str, DeviceRates] = field(default_factory=dict)

    def of(self, device: str) -> DeviceRates:
        """The rates of a device; none where nothing is measured of it."""
        return self.devices.get(device, DeviceRates())

    def as_disturbed(self) -> MachineRates:
        """The same rates, known to be measured beside other work."""
        devices = {name: rates.as_disturbed() for name, rates in self.devices.items()}
        return replace(self, devices=devices)

    def merged(self, newer: MachineRates) -> MachineRates:
        """These rates and newer ones, as `DeviceRates.merged` has it."""
        devices = {name: self.of(name).merged(rates) for name, rates in newer.devices.items()}
        return replace(self, devices=self.devices | devices)
