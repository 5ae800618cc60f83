"""The quantized rows of a matrix: those that were rounded beforehand, else ggml's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.conversion.rounded_rows import RoundedRows
from app.native.quantization import quantize_rows
from app.sensitivity.importance import importance_of
from app.sensitivity.requests import Place, QuantizedModel


def quantized_rows(
    model: QuantizedModel, place: Place, weights: npt.NDArray[np.float32]
) -> npt.NDArray[np.uint8]:
    """Return the quantized rows (rows x row size) of weights (rows x columns)."""
    rounded = rounded_rows(model, place, weights)
    if rounded is not None:
        return rounded
    importance = importance_of(model.importance, place)
    return quantize_rows(model.types[place.tensor], weights, importance)


def rounded_rows(
    model: QuantizedModel, place: Place, weights: npt.NDArray[np.float32]
) -> npt.NDArray[np.uint8] | None:
    """Return the rows that were rounded beforehand; None if there are none."""
    folder = model.rounded.get(place.tensor)
    return RoundedRows(Path(folder), model.types[place.tensor]).find(weights) if folder else None
