"""The size that a file is to have, as the user states it."""

from __future__ import annotations

from dataclasses import dataclass

_BITS = 8


@dataclass(frozen=True)
class TargetSize:
    """A number of bytes for the whole file, or of bits per weight of its tensors."""

    file_bytes: int | None = None
    bits_per_weight: float | None = None

    def tensor_bytes(self, parameters: int, header_bytes: int) -> int:
        """Return the budget for the tensors, padding included.

        Args:
            parameters: The number of weights of the model.
            header_bytes: The size of the file's header.
        """
        if self.file_bytes is not None:
            return self.file_bytes - header_bytes
        assert self.bits_per_weight is not None  # noqa: S101 - one of the two is given
        return int(parameters * self.bits_per_weight / _BITS)

    def bits(self, parameters: int, header_bytes: int) -> float:
        """Return the budget for the tensors in bits per weight."""
        return _BITS * self.tensor_bytes(parameters, header_bytes) / parameters
