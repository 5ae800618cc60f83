"""A prompt cache: states of sequences, kept in memory when their slot is given to others.

It follows llama-server's prompt cache (tools/server/server-task.cpp). A state is saved and restored
only if copying its bytes takes less time than evaluating its tokens again; both are measured as
they happen. States never leave this process's memory.
"""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from app.inference.loading.loaded_model import LoadedModel
from app.native.library import load_llama

_LARGEST_BUDGET_BYTES = 2 * 2**30
_MEMORY_SHARE = 16
_MAX_STATES = 16
MIN_TOKENS = 64
"""Fewer tokens are simply read again, and don't slow down others."""
DEFAULT_COST = 1 / 4
"""The share of the reading time that copying a state may take: it is copied twice, out and back,
and not all are used again."""
_INITIAL_BYTE_SECONDS = 2e-10
Tokens = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class CachedPrompt:
    """The saved state of a sequence after these tokens."""

    tokens: Tokens
    data: npt.NDArray[np.uint8]

    def common_with(self, tokens: Tokens) -> int:
        """Return the length of the common prefix with other tokens."""
        limit = min(len(self.tokens), len(tokens))
        differs = self.tokens[:limit] != tokens[:limit]
        return int(differs.argmax()) if differs.any() else limit


def state_budget_bytes() -> int:
    """Return the memory budget for states: a sixteenth of the machine's, at most 2 GiB.

    Checkpoints have a budget of the same size.
    """
    return min(_LARGEST_BUDGET_BYTES, psutil.virtual_memory().total // _MEMORY_SHARE)


class PromptCache:
    """The saved states of one context; the oldest is evicted first."""

    def __init__(self, loaded: LoadedModel, max_bytes: int) -> None:
        self._llama = load_llama()
        self._context = loaded.context
        # A recurrent state can't be cut, and llama.cpp saves only the last position of a sliding
        # window: such states serve only prompts that continue from their end.
        self._is_whole = bool(
            self._llama.llama_model_is_recurrent(loaded.model)
            or self._llama.llama_model_is_hybrid(loaded.model)
            or self._llama.llama_model_n_swa(loaded.model)
        )
        self._max_bytes = max_bytes
        self._states: list[CachedPrompt] = []
        self._token_seconds = math.inf
        self._byte_seconds = _INITIAL_BYTE_SECONDS

    def __len__(self) -> int:
        return len(self._states)

    @property
    def size_bytes(self) -> int:
        """The size of all states."""
        return sum(state.data.nbytes for state in self._states)

    def note_reading(self, tokens: int, seconds: float) -> None:
        """Record how fast the model reads; the fastest speed seen counts."""
        self._token_seconds = min(self._token_seconds, seconds / max(1, tokens))

    def save(
        self, sequence: int, tokens: Sequence[int], common: int, max_cost: float = DEFAULT_COST
    ) -> bool:
        """Save the state of a sequence, if it is worthwhile.

        Args:
            sequence: Its number in the context.
            tokens: The tokens it has read.
            common: The number of first tokens that stay in the context anyway.
            max_cost: The share of the time for reading the other tokens that saving may take.

        Returns:
            Whether the state is saved.
        """
        if 2 * common > len(tokens) or len(tokens) < MIN_TOKENS:
            return False
        read = np.array(tokens, np.int32)
        known = next((state for state in self._states if self._serves(state, read)), None)
        if known is not None:
            self._refresh(known)
            return True
        size = self._llama.llama_state_seq_get_size(self._context, sequence)
        if size > self._max_bytes or not self.is_worthwhile(len(tokens) - common, size, max_cost):
            return False
        self._drop_for(read, size)
        data = np.empty(size, np.uint8)
        began = time.monotonic()
        if not self._move(self._llama.llama_state_seq_get_data, sequence, data):
            return False
        # The speed varies: allocating new memory may be slow. Recent copies count most.
        # Restoring a state is never slower.
        self._byte_seconds = (self._byte_seconds + (time.monotonic() - began) / size) / 2
        self._states.append(CachedPrompt(read, data))
        return True

    def best_for(self, prompt: Sequence[int], common: int) -> CachedPrompt | None:
        """Return the state that covers the most of a prompt, if restoring it is worthwhile.

        `common` tokens of the prompt are in the context even without it. A prompt's last token
        never counts, because it must be evaluated to get logits.
        """
        wanted = np.array(prompt[:-1], np.int32)
        useful = [
            (state.common_with(wanted), state)
            for state in self._states
            if not self._is_whole or state.common_with(wanted) == len(state.tokens)
        ]
        if not useful:
            return None
        most, best = max(useful, key=lambda pair: pair[0])
        return best if self.is_worthwhile(most - common, best.data.nbytes) else None

    def restore(self, state: CachedPrompt, sequence: int) -> bool:
        """Restore a state into an empty sequence; return whether that succeeded."""
        self._refresh(state)
        return self._move(self._llama.llama_state_seq_set_data, sequence, state.data)

    def is_worthwhile(self, tokens: int, size: int, max_cost: float = DEFAULT_COST) -> bool:
        """Return whether copying `size` bytes takes at most `max_cost` of the reading time."""
        if tokens < MIN_TOKENS:
            return False
        return max_cost * tokens * self._token_seconds > size * self._byte_seconds

    def clear(self) -> None:
        """Forget all states."""
        self._states.clear()

    def _serves(self, state: CachedPrompt, tokens: Tokens) -> bool:
        is_long_enough = state.common_with(tokens) == len(tokens)
        return is_long_enough and not (self._is_whole and len(state.tokens) > len(tokens))

    def _refresh(self, state: CachedPrompt) -> None:
        if state in self._states:
            self._states.remove(state)
            self._states.append(state)

    def _drop_for(self, tokens: Tokens, size: int) -> None:
        """Make room: first drop states that the new one almost covers, then the oldest."""
        if not self._is_whole:
            self._states = [
                state
                for state in self._states
                if len(state.tokens) - state.common_with(tokens) >= MIN_TOKENS
            ]
        while self._states and (
            len(self._states) >= _MAX_STATES or self.size_bytes + size > self._max_bytes
        ):
            del self._states[0]

    def _move(self, function: Any, sequence: int, data: npt.NDArray[np.uint8]) -> bool:
        pointer = ctypes.cast(data.ctypes.data, ctypes.POINTER(ctypes.c_uint8))
        moved: int = function(self._context, pointer, data.nbytes, sequence)
        return moved == data.nbytes
