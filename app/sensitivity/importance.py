"""The importance of columns, gathered matrix by matrix while experts come in any order."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from app.sensitivity.graded_matrices import GradedMatrix
from app.sensitivity.requests import Importance, Place


class GatheredImportance:
    """The importance of the columns of all tensors."""

    def __init__(self, places: Iterable[Place]) -> None:
        self.found: Importance = {}
        for place in places:
            self.found.setdefault(place.tensor, []).append(b"")

    def add(self, matrix: GradedMatrix) -> npt.NDArray[np.float32] | None:
        """Keep the importance of a matrix's columns, and return it; None if it has none."""
        if matrix.statistics is None:
            return None
        importance: npt.NDArray[np.float32] = matrix.statistics.importance().numpy()
        self.found[matrix.place.tensor][matrix.place.expert] = importance.tobytes()
        return importance


def importance_of(importance: Importance, place: Place) -> npt.NDArray[np.float32] | None:
    """Return the importance of a matrix's columns; None if nothing is known of it."""
    experts = importance.get(place.tensor)
    content = experts[place.expert] if experts else b""
    return np.frombuffer(content, np.float32) if content else None
