"""Checkpoints of state that a sequence's memory discards, so that the sequence can be cut there.

A sliding window holds only the last tokens, and a recurrent layer only its last state. As in
llama-server's context checkpoints (tools/server/server-context.cpp), all other layers keep every
token, so that a checkpoint is small. It never leaves this process's memory.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.inference.loading.loaded_model import LoadedModel
from app.native.library import load_llama

_MAX_PER_SEQUENCE = 8
_PARTIAL_ONLY = 1
"""LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY in llama.h."""


@dataclass(frozen=True, eq=False)
class _Checkpoint:
    """The state of a sequence after `tokens` tokens."""

    sequence: int
    tokens: int
    data: npt.NDArray[np.uint8]


class Checkpoints:
    """The checkpoints of all sequences of one context; the oldest is evicted first."""

    def __init__(self, loaded: LoadedModel, max_bytes: int) -> None:
        self._llama = load_llama()
        self._context = loaded.context
        self._max_bytes = max_bytes
        self._kept: list[_Checkpoint] = []

    def positions(self, sequence: int) -> list[int]:
        """Return the token counts at which a sequence has checkpoints, in order."""
        return sorted(one.tokens for one in self._of(sequence))

    def size_bytes(self, sequence: int) -> int:
        """Return the size that a checkpoint of a sequence would have now."""
        function = self._llama.llama_state_seq_get_size_ext
        size: int = function(self._context, sequence, _PARTIAL_ONLY)
        return size

    def save(self, sequence: int, tokens: int) -> None:
        """Save the state of a sequence that has read `tokens` tokens."""
        size = self.size_bytes(sequence)
        if not 0 < size <= self._max_bytes or tokens in self.positions(sequence):
            return
        of_sequence = self._of(sequence)
        if len(of_sequence) >= _MAX_PER_SEQUENCE:
            self._kept.remove(of_sequence[0])
        while sum(one.data.nbytes for one in self._kept) + size > self._max_bytes:
            del self._kept[0]
        data = np.empty(size, np.uint8)
        function = self._llama.llama_state_seq_get_data_ext
        if function(self._context, _pointer(data), size, sequence, _PARTIAL_ONLY) == size:
            self._kept.append(_Checkpoint(sequence, tokens, data))

    def restore(self, sequence: int, max_tokens: int) -> int:
        """Restore a sequence's last checkpoint of at most `max_tokens` tokens.

        Returns:
            The checkpoint's number of tokens; 0 if there is none. Other layers still hold more.
        """
        fitting = [one for one in self._of(sequence) if one.tokens <= max_tokens]
        if not fitting:
            return 0
        best = max(fitting, key=lambda one: one.tokens)
        size = best.data.nbytes
        function = self._llama.llama_state_seq_set_data_ext
        moved = function(self._context, _pointer(best.data), size, sequence, _PARTIAL_ONLY)
        return best.tokens if moved == size else 0

    def drop(self, sequence: int, beyond: int = 0) -> None:
        """Drop a sequence's checkpoints of more than `beyond` tokens."""
        self._kept = [one for one in self._kept if one.sequence != sequence or one.tokens <= beyond]

    def _of(self, sequence: int) -> list[_Checkpoint]:
        return [one for one in self._kept if one.sequence == sequence]


def _pointer(data: npt.NDArray[np.uint8]) -> object:
    return ctypes.cast(data.ctypes.data, ctypes.POINTER(ctypes.c_uint8))
