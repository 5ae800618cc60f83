"""Weights that have arrived and wait to be converted, shared by both sides of the stream."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Set as AbstractSet
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.conversion.layout.layout import WeightRange
from app.library.stream_journal import TensorKey
from app.streaming.stream_plan import StreamPlan

_Bytes = npt.NDArray[np.uint8]
ArrivalState = Literal["absent", "held", "waiting", "finished"]
"""`held`: it waits for others; `waiting`: a tensor that is made of it waits for its turn."""


class Arrivals:
    """Hands weights from the download to the conversion, and bounds those in memory; thread-safe.

    Until the conversion is planned, everything that arrives is kept.
    """

    def __init__(self, backlog_bytes: int, unplanned_bytes: int) -> None:
        """Let at most `backlog_bytes` wait for their turn, not counting what waits for others.

        Before there is a plan, at most `unplanned_bytes` wait.
        """
        self._backlog_bytes = backlog_bytes
        self._unplanned_bytes = unplanned_bytes
        self._changed = threading.Condition()
        self._content: dict[WeightRange, _Bytes] = {}
        self._plan: StreamPlan | None = None
        self._missing: dict[TensorKey, set[WeightRange]] = {}
        self._ready: deque[TensorKey] = deque()
        self._unfinished: set[TensorKey] = set()
        self._error: BaseException | None = None
        self._is_closed = False

    def begin(self, plan: StreamPlan, finished: AbstractSet[TensorKey]) -> None:
        """Hand out tensors by `plan` from now on, except for the finished ones."""
        with self._changed:
            self._plan = plan
            self._unfinished = set(plan.tensors) - finished
            for weights in [one for one in self._content if not self._is_wanted(one)]:
                del self._content[weights]
            for key in plan.tensors:
                if key in self._unfinished:
                    self._missing[key] = set(plan.reads[key]) - self._content.keys()
                    if not self._missing[key]:
                        self._ready.append(key)
            self._changed.notify_all()

    def wants(self, weights: WeightRange) -> bool:
        """Return whether the conversion needs a stored tensor, as far as is known."""
        with self._changed:
            return self._is_wanted(weights)

    def put(self, weights: WeightRange, content: _Bytes) -> bool:
        """Hand over a stored tensor; wait while too much waits. Return False once it is closed."""
        with self._changed:
            if self._is_wanted(weights):
                self._content[weights] = content
                for key in self._plan.readers[weights] if self._plan else ():
                    if key in self._unfinished:
                        self._missing[key].discard(weights)
                        if not self._missing[key]:
                            self._ready.append(key)
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_closed or self._has_room())
            return not self._is_closed

    def next_tensor(self) -> TensorKey | None:
        """Wait for a tensor whose weights are all there; None after the last one.

        Raises:
            BaseException: the error that ended the download.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._ready or self._error or self._is_closed or not self._unfinished
            )
            if self._ready:
                return self._ready.popleft()
            self.require_success()
            return None

    def require_success(self) -> None:
        """Raise the error that ended the download, if one did.

        Raises:
            BaseException: that error.
        """
        if self._error is not None:
            raise self._error

    def content_of(self, weights: WeightRange) -> _Bytes | None:
        """Return the bytes of a stored tensor that has arrived."""
        with self._changed:
            if weights.size_bytes == 0:
                return np.empty(0, np.uint8)
            return self._content.get(weights)

    def finish(self, key: TensorKey) -> None:
        """Mark a tensor as written, and release the weights that no other one needs."""
        with self._changed:
            self._unfinished.discard(key)
            assert self._plan is not None  # noqa: S101 - tensors are only handed out by a plan
            for weights in self._plan.reads[key]:
                if not self._is_wanted(weights):
                    self._content.pop(weights, None)
            self._changed.notify_all()

    def state_of(self, weights: WeightRange) -> ArrivalState:
        """Return how far a stored tensor is on its way."""
        with self._changed:
            if not self._is_wanted(weights):
                return "finished"
            if weights not in self._content:
                return "absent"
            return "waiting" if self._is_waiting(weights) else "held"

    def fail(self, error: BaseException) -> None:
        """End the stream: what is complete is still handed out, then comes the error."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def close(self) -> None:
        """Release all weights, and wake whoever waits to put some."""
        with self._changed:
            self._is_closed = True
            self._content.clear()
            self._changed.notify_all()

    def _is_wanted(self, weights: WeightRange) -> bool:
        if self._plan is None:
            return True
        return not self._unfinished.isdisjoint(self._plan.readers.get(weights, ()))

    def _is_waiting(self, weights: WeightRange) -> bool:
        if self._plan is None:
            return True
        readers = self._plan.readers[weights] & self._unfinished
        return any(not self._missing[key] for key in readers)

    def _has_room(self) -> bool:
        waiting = (weights.size_bytes for weights in self._content if self._is_waiting(weights))
        return sum(waiting) <= (self._backlog_bytes if self._plan else self._unplanned_bytes)
