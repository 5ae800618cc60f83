"""Metadata that tells how a file was made by measuring the model; other programs ignore it."""

from __future__ import annotations

from dataclasses import dataclass

from app.gguf_file.header_writer import encoded

_TYPES, _ROUNDING, _SCALES = "gristmill.types", "gristmill.rounding", "gristmill.scales"


@dataclass(frozen=True)
class MeasuredMetadata:
    """States that types were chosen by measurement, rounding was corrected and scales tuned."""

    has_chosen_types: bool
    has_corrected_rounding: bool
    has_tuned_scales: bool = False

    def entries(self) -> dict[str, bytes]:
        """Return the entries of a header."""
        from gguf import GGUFValueType
        from gguf.gguf_writer import GGUFValue

        values = {}
        if self.has_chosen_types:
            values[_TYPES] = GGUFValue("measured", GGUFValueType.STRING)
        if self.has_corrected_rounding:
            values[_ROUNDING] = GGUFValue("corrected", GGUFValueType.STRING)
        if self.has_tuned_scales:
            values[_SCALES] = GGUFValue("tuned", GGUFValueType.STRING)
        return encoded(values)
