"""Sum the squares of the activations that a model's weights are multiplied by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.native.graph import Tensor, operation_number
from app.native.importance_matrix import Activations
from app.native.library import load_llama

_F32 = 0
# As in llama-imatrix: products with fewer rows are not those of the text.
_FEWEST_ROWS = 16
_MEASURED_WEIGHTS = "blk."

Floats = npt.NDArray[np.float32]


class GatheredActivations:
    """The sums of squares for each weight matrix; `callback` gathers them during evaluation."""

    def __init__(self) -> None:
        self._entries: dict[str, Activations] = {}
        self._fault: Exception | None = None
        self._product = operation_number("MUL_MAT")
        self._routed_product = operation_number("MUL_MAT_ID")
        self.callback = load_llama().ggml_backend_sched_eval_callback(self._observe)

    def entries(self) -> dict[str, Activations]:
        """Return the sums gathered so far, by the names of the weights."""
        return dict(self._entries)

    def require_finite(self, model: str) -> None:
        """Check that the last evaluation succeeded; `model` is its name for the error.

        Raises:
            AppError: `model_rejected` if an activation is not a number.
        """
        if isinstance(self._fault, FloatingPointError):
            reason = tr(
                "its weights give values that are not numbers ({tensor})", tensor=self._fault
            )
            raise AppError(ErrorCode.MODEL_REJECTED, model=model, reason=reason)
        if self._fault is not None:
            raise self._fault

    def _observe(self, address: int, is_asking: bool, _: object) -> bool:  # noqa: FBT001 - ggml's
        """Handle ggml's callback: it asks before each node, passes the result after wanted ones.

        An exception can't pass through ggml: it is saved, and stops the evaluation.
        """
        node = Tensor.from_address(address)
        if is_asking:
            return self._fault is None and self._is_wanted(node)
        try:
            self._gather(node)
        except Exception as error:  # noqa: BLE001 - raised again after the evaluation
            self._fault = error
        return self._fault is None

    def _is_wanted(self, node: Tensor) -> bool:
        if node.op == self._routed_product:
            return True
        if node.op != self._product:
            return False
        activations = node.source(1)
        return (
            activations.type == _F32
            and activations.ne[1] >= _FEWEST_ROWS
            and node.source(0).weight_name().startswith(_MEASURED_WEIGHTS)
        )

    def _gather(self, node: Tensor) -> None:
        weights = node.source(0)
        name = weights.weight_name()
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.square(node.source(1).values(np.float32))
            if node.op == self._routed_product:
                routes = node.source(2).values(np.int32)
                added = routed_sums(squares, routes, weights.ne[2])
            else:
                added = plain_sums(squares, weights.ne[2], weights.ne[3])
        if not np.isfinite(added.sums).all():
            raise FloatingPointError(name)
        before = self._entries.setdefault(name, added)
        if before is not added:
            np.add(before.sums, added.sums, out=before.sums)
            np.add(before.counts, added.counts, out=before.counts)


def plain_sums(squares: Floats, matrices: int, outer_matrices: int) -> Activations:
    """Return the sums for a tensor of `outer_matrices` x `matrices` weight matrices.

    The matrices alternate along the outer dimensions of `squares` (outer x inner x rows x width)
    and share one count.
    """
    outer, inner, rows, width = squares.shape
    sums = np.zeros((outer_matrices * matrices, width), np.float32)
    turns = np.arange(outer)[:, None] % outer_matrices * matrices + np.arange(inner) % matrices
    np.add.at(sums, turns.reshape(-1), squares.sum(axis=2).reshape(-1, width))
    count = outer * inner * rows // len(sums)
    return Activations(sums.reshape(1, -1), np.array([count]))


def routed_sums(squares: Floats, routes: npt.NDArray[np.int32], experts: int) -> Activations:
    """Return the sums for each of `experts` matrices.

    `routes` (1 x 1 x tokens x chosen) has the experts that each token goes to; `squares` has a row
    for each of them, or one row per token (1 x tokens x chosen or 1 x width).
    """
    (rows,) = squares
    ((chosen,),) = routes
    sums = np.zeros((experts, rows.shape[-1]), np.float32)
    for place in range(chosen.shape[-1]):
        is_chosen = np.arange(experts)[:, None] == chosen[:, place]
        sums += is_chosen.astype(np.float32) @ rows[:, place % rows.shape[1]]
    return Activations(sums, np.bincount(routes.reshape(-1), minlength=experts))
