"""What sequences have read, kept in memory when their place goes to others.

The idea is that of llama-server's prompt cache (tools/server/server-task.cpp). A state is kept, and
put back, only if moving its bytes takes less time than the model takes to read its tokens again:
both are measured as they happen. It never leaves this process's memory.
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
_MOST_STATES = 16
FEWEST_TOKENS = 64
"""Fewer are read again, and are in nobody's way."""
USUAL_COST = 1 / 4
"""The part of the reading time that moving a state may take: it is moved twice, there and back,
and not every one is asked for again."""
_USUAL_BYTE_SECONDS = 2e-10
Tokens = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class CachedPrompt:
    """The state of a sequence after these tokens."""

    tokens: Tokens
    data: npt.NDArray[np.uint8]

    def common_with(self, tokens: Tokens) -> int:
        """With how many of its tokens others begin."""
        limit = min(len(self.tokens), len(tokens))
        differs = self.tokens[:limit] != tokens[:limit]
        return int(differs.argmax()) if differs.any() else limit


def state_budget_bytes() -> int:
    """How much memory states may take: a sixteenth of the machine's, and no more than 2 GiB.

    Checkpoints may take as much again.
    """
    return min(_LARGEST_BUDGET_BYTES, psutil.virtual_memory().total // _MEMORY_SHARE)


class PromptCache:
    """The states that were kept for one context, the oldest first to go."""

    def __init__(self, loaded: LoadedModel, most_bytes: int) -> None:
        self._llama = load_llama()
        self._context = loaded.context
        # A recurrent state can't be cut, and of a sliding window llama.cpp saves the last place
        # alone: such states serve only those who go on from their end.
        self._is_whole = bool(
            self._llama.llama_model_is_recurrent(loaded.model)
            or self._llama.llama_model_is_hybrid(loaded.model)
            or self._llama.llama_model_n_swa(loaded.model)
        )
        self._most_bytes = most_bytes
        self._states: list[CachedPrompt] = []
        self._token_seconds = math.inf
        self._byte_seconds = _USUAL_BYTE_SECONDS

    def __len__(self) -> int:
        return len(self._states)

    @property
    def size_bytes(self) -> int:
        """What the states take."""
        return sum(state.data.nbytes for state in self._states)

    def note_reading(self, tokens: int, seconds: float) -> None:
        """Learn how fast the model reads; the fastest that was seen counts."""
        self._token_seconds = min(self._token_seconds, seconds / max(1, tokens))

    def keep(
        self, sequence: int, tokens: Sequence[int], common: int, most_cost: float = USUAL_COST
    ) -> bool:
        """Keep what a sequence has read, if it pays.

        Args:
            sequence: Its number in the context.
            tokens: What it has read.
            common: So many of them stay read anyway.
            most_cost: The part of the time it took to read the others that keeping them may take.

        Returns:
            Whether it is kept.
        """
        if 2 * common > len(tokens) or len(tokens) < FEWEST_TOKENS:
            return False
        read = np.array(tokens, np.int32)
        known = next((state for state in self._states if self._serves(state, read)), None)
        if known is not None:
            self._refresh(known)
            return True
        size = self._llama.llama_state_seq_get_size(self._context, sequence)
        if size > self._most_bytes or not self.pays(len(tokens) - common, size, most_cost):
            return False
        self._drop_for(read, size)
        data = np.empty(size, np.uint8)
        began = time.monotonic()
        if not self._move(self._llama.llama_state_seq_get_data, sequence, data):
            return False
        # How fast that goes differs: new memory may come slowly. The last times count most.
        # To put a state back is never slower.
        self._byte_seconds = (self._byte_seconds + (time.monotonic() - began) / size) / 2
        self._states.append(CachedPrompt(read, data))
        return True

    def best_for(self, prompt: Sequence[int], common: int) -> CachedPrompt | None:
        """The state that has read most of a prompt, if it pays to put it back.

        `common` tokens of the prompt need not be read without it. A prompt's last token never
        counts, because the model has to be asked what follows.
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
        return best if self.pays(most - common, best.data.nbytes) else None

    def put(self, state: CachedPrompt, sequence: int) -> bool:
        """Let an empty sequence have read what the state has; False when it did not go."""
        self._refresh(state)
        return self._move(self._llama.llama_state_seq_set_data, sequence, state.data)

    def pays(self, tokens: int, size: int, most_cost: float = USUAL_COST) -> bool:
        """Whether to move so many bytes takes that part of the time to read the tokens at most."""
        if tokens < FEWEST_TOKENS:
            return False
        return most_cost * tokens * self._token_seconds > size * self._byte_seconds

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
        """Make room; first go states that know next to nothing which the new one doesn't."""
        if not self._is_whole:
            self._states = [
                state
                for state in self._states
                if len(state.tokens) - state.common_with(tokens) >= FEWEST_TOKENS
            ]
        while self._states and (
            len(self._states) >= _MOST_STATES or self.size_bytes + size > self._most_bytes
        ):
            del self._states[0]

    def _move(self, function: Any, sequence: int, data: npt.NDArray[np.uint8]) -> bool:
        pointer = ctypes.cast(data.ctypes.data, ctypes.POINTER(ctypes.c_uint8))
        moved: int = function(self._context, pointer, data.nbytes, sequence)
        return moved == data.nbytes
