"""Table of the safe settings to try for each way the engine's test can fail."""

from __future__ import annotations

from typing import Literal

import msgspec

from app.core.errors import ErrorCode
from app.core.language import tr
from app.core.load_options import LOAD_FIELDS, QUANTIZED_CACHE_TYPES, LoadOptions, LoadValue

Countermeasure = Literal["extra_buffers", "flash_attention", "graphics_card"]
"""A feature that the engine can run without."""

WITHOUT_FLAG = "--without"
"""The flag of `probe` that names a feature to disable."""

NO_ANSWER = "no answer"
_DESCRIPTIONS: dict[Countermeasure, str] = {
    "extra_buffers": tr("extra buffer types"),
    "flash_attention": tr("flash attention"),
    "graphics_card": tr("the GPU"),
}
_ALL: tuple[Countermeasure, ...] = ("extra_buffers", "flash_attention", "graphics_card")
_MEMORY_OR_INSTRUCTION: tuple[tuple[Countermeasure, ...], ...] = (
    # Repacked weights: gcc 12 with AMX crashes at the first token (llama.cpp issue 20824).
    ("extra_buffers",),
    ("graphics_card",),
    _ALL,
)
_TABLE: dict[str, tuple[tuple[Countermeasure, ...], ...]] = {
    "SIGSEGV": _MEMORY_OR_INSTRUCTION,
    "SIGILL": _MEMORY_OR_INSTRUCTION,
    "SIGBUS": _MEMORY_OR_INSTRUCTION,
    "SIGFPE": _MEMORY_OR_INSTRUCTION,
    # ggml aborts if a device lacks an operation, and backends do at a driver's error.
    "SIGABRT": (("flash_attention",), ("extra_buffers",), ("graphics_card",), _ALL),
    # Wrong values come from a kernel that does not suit the device.
    ErrorCode.WEIGHTS_NOT_FINITE: (("flash_attention",), ("extra_buffers",), _ALL),
    # Each try would take as long again, so there is only one.
    NO_ANSWER: (_ALL,),
}
_OTHERWISE: tuple[tuple[Countermeasure, ...], ...] = (("graphics_card",), _ALL)


class EngineSetting(msgspec.Struct, frozen=True):
    """The features disabled on a machine, and the failure that required it.

    `is_chosen` is set if the user chose the full setting, whatever the test found.
    """

    disabled_features: tuple[Countermeasure, ...] = msgspec.field(default=(), name="without")
    reason: str = ""
    is_chosen: bool = False

    def applied_to(self, options: LoadOptions) -> LoadOptions:
        """Return the options without the features that don't work here."""
        changes: dict[str, LoadValue] = {}
        if "extra_buffers" in self.disabled_features:
            changes["extra_buffers"] = False
        if "flash_attention" in self.disabled_features:
            changes["flash_attention"] = "off"
            if options.cache_type_v in QUANTIZED_CACHE_TYPES:
                changes["cache_type_v"] = "f16"
        if "graphics_card" in self.disabled_features:
            changes["gpu_layers"] = 0
        return msgspec.structs.replace(options, **changes)

    def overrules(self, options: LoadOptions) -> bool:
        """Return whether the user chose a non-default option that does not work here."""
        usual, applied = LoadOptions(), self.applied_to(options)
        return any(
            getattr(options, name) not in (getattr(usual, name), getattr(applied, name))
            for name in LOAD_FIELDS
        )

    def described(self) -> str:
        """Describe the disabled features, for example `extra buffer types and flash attention`."""
        *first, last = [_DESCRIPTIONS[measure] for measure in self.disabled_features] or [""]
        return tr("{first} and {last}", first=", ".join(first), last=last) if first else last


def settings_to_try(failure: str) -> tuple[tuple[Countermeasure, ...], ...]:
    """Return the features to disable, in the order to try.

    Args:
        failure: the name of a signal, the value of an `ErrorCode`, or `NO_ANSWER`.
    """
    return _TABLE.get(failure, _OTHERWISE)
