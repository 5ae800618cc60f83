"""How fast a machine computes with a model: rates of its processor and its devices, measured once.

Types are named as in GGUF files (`Q4_K`); devices as the engine names them (`CPU`, `CUDA0`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from app.library.tensor_types import TENSOR_TYPES

# Numbers, and what activations are turned into for the time of a product.
_OTHER_TYPES = frozenset({"I8", "I16", "I32", "I64", "F64", "Q8_1", "Q8_K"})
MATRIX_TYPES = frozenset(one.name for one in TENSOR_TYPES.values()) - _OTHER_TYPES
"""The types of weights that products are made with."""


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
    """

    generation: dict[str, float] = field(default_factory=dict)
    prompt: dict[str, float] = field(default_factory=dict)
    attention: float | None = None
    prompt_attention: float | None = None
    bandwidth: float | None = None
    token_seconds: float | None = None
    layer_seconds: float | None = None
    element_seconds: float | None = None

    @property
    def has_costs(self) -> bool:
        """Whether all is measured that does not depend on a type of weights."""
        return None not in (self.token_seconds, self.layer_seconds, self.element_seconds)

    def merged(self, newer: DeviceRates) -> DeviceRates:
        """These rates and newer ones, which count where both have one."""
        measured = {
            rate.name: value
            for rate in fields(newer)
            if isinstance(value := getattr(newer, rate.name), float)
        }
        return replace(
            self,
            generation=self.generation | newer.generation,
            prompt=self.prompt | newer.prompt,
            **measured,
        )


@dataclass(frozen=True)
class MachineRates:
    """The rates of each device of a machine, the processor's with so many `threads`.

    `interference` is the share of the processors, 0 to 1, that others had meanwhile.
    """

    threads: int
    devices: dict[str, DeviceRates] = field(default_factory=dict)
    interference: float = 0.0

    def merged(self, newer: MachineRates) -> MachineRates:
        """These rates and newer ones, which count where both have one."""
        devices = {
            name: self.devices.get(name, DeviceRates()).merged(rates)
            for name, rates in newer.devices.items()
        }
        return replace(self, devices=self.devices | devices)

    def missing_types(self, types: set[str], device: str) -> set[str]:
        """Those of the types whose rates on a device are not known yet."""
        return types - self.devices.get(device, DeviceRates()).generation.keys()
