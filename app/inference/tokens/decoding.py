"""A model's context at the level of tokens: batches go in, the memory of sequences is kept."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from app.core.errors import AppError, ErrorCode
from app.inference.loading.loaded_model import LoadedModel
from app.native.library import load_llama

_NO_ROOM, _ABORTED = 1, 2
Floats = npt.NDArray[np.float32]


class Interrupted(Exception):  # noqa: N818 - somebody's decision, not an error
    """The evaluation was stopped from another thread; what came of the batch is to be forgotten."""


class NoRoomError(Exception):
    """The context's memory has no room for the batch, which is to be forgotten."""


class Interrupt:
    """Stops an evaluation from another thread, also in the middle of a long prompt.

    ggml asks a C function before each of thousands of steps; a Python function there would cost a
    tenth of the speed. The C library's `strlen` on the flag's bytes answers 0 or 1 at no cost.
    """

    callback = ctypes.cast(
        ctypes.CDLL("msvcrt" if sys.platform == "win32" else None).strlen, ctypes.c_void_p
    )

    def __init__(self) -> None:
        self.buffer = ctypes.create_string_buffer(2)

    def set(self) -> None:
        """Stop as soon as possible."""
        self.buffer[0] = b"\x01"

    def clear(self) -> None:
        """Let evaluations run again."""
        self.buffer[0] = b"\x00"


class BatchPart(NamedTuple):
    """Tokens of one sequence, from `position` on; `wants_logits` after the last of them."""

    sequence: int
    position: int
    tokens: Sequence[int]
    wants_logits: bool


class Decoder:
    """Evaluates batches on one context; all calls but `interrupt.set` come from one thread."""

    def __init__(self, loaded: LoadedModel, name: str, vocabulary_size: int) -> None:
        self._llama = load_llama()
        self._context, self._name = loaded.context, name
        self._vocabulary_size = vocabulary_size
        self._memory = self._llama.llama_get_memory(loaded.context)
        self._window: int = self._llama.llama_model_n_swa(loaded.model)
        self._is_recurrent = bool(
            self._llama.llama_model_is_recurrent(loaded.model)
            or self._llama.llama_model_is_hybrid(loaded.model)
        )
        self._embedding_width: int = self._llama.llama_model_n_embd_out(loaded.model)
        self.batch_tokens: int = self._llama.llama_n_batch(loaded.context)
        self._batch = _Batch(self._llama, self.batch_tokens)
        self.interrupt = Interrupt()
        callback = ctypes.cast(self.interrupt.callback, self._llama.ggml_abort_callback)
        self._llama.llama_set_abort_callback(loaded.context, callback, self.interrupt.buffer)

    def evaluate(self, parts: Sequence[BatchPart], *, all_outputs: bool = False) -> list[int]:
        """Evaluate the parts together; gives where in the batch each one's last token stands.

        A batch that fails may be in memory in part: whoever knows the sequences forgets it.
        With `all_outputs` the model's output of every token is kept, not of those last ones alone.

        Raises:
            Interrupted: `interrupt` is set.
            NoRoomError: the memory is full.
            AppError: `model_rejected`.
        """
        last = self._batch.fill(parts, all_outputs=all_outputs)
        status = self._llama.llama_decode(self._context, self._batch.argument)
        if status == 0:
            return last
        if status == _ABORTED:
            raise Interrupted
        if status == _NO_ROOM:
            raise NoRoomError
        reason = f"evaluation failed with status {status}"
        raise AppError(ErrorCode.MODEL_REJECTED, model=self._name, reason=reason)

    def logits(self, place: int) -> Floats:
        """The logits (vocabulary size) after the token at a place of the last batch: a view."""
        row = self._llama.llama_get_logits_ith(self._context, place)
        return np.ctypeslib.as_array(row, shape=(self._vocabulary_size,))

    def all_logits(self, count: int) -> Floats:
        """The logits (count, vocabulary size) of the last batch, if all its outputs were kept.

        A view, which the next batch overwrites.
        """
        rows = self._llama.llama_get_logits(self._context)
        return np.ctypeslib.as_array(rows, shape=(count, self._vocabulary_size))

    def require_numbers(self, place: int) -> None:
        """Check that the model computes with numbers.

        Raises:
            AppError: `model_rejected`.
        """
        # Quantized matrices turn NaN into zeros: then all tokens are equally likely.
        if not 0 < np.ptp(self.logits(place)) < np.inf:
            reason = "its weights give values that are not numbers"
            raise AppError(ErrorCode.MODEL_REJECTED, model=self._name, reason=reason)

    @property
    def can_write(self) -> bool:
        """Whether the model continues texts; one without a memory only makes embeddings."""
        return bool(self._memory)

    def embed(self, tokens: Sequence[int]) -> Floats:
        """The embedding (width) of a text, of length 1; the memory must be empty, and is again.

        The model pools as it was trained to; where it was not, the tokens' average is taken.

        Raises:
            Interrupted: `interrupt` is set.
            NoRoomError: the memory is full.
            AppError: `model_rejected`.
        """
        self._llama.llama_set_embeddings(self._context, True)
        try:
            embedding = self._pooled(tokens) if self.is_pooled else self._mean(tokens)
        finally:
            self._llama.llama_set_embeddings(self._context, False)
            self.forget(0)
        length = float(np.linalg.norm(embedding))
        if not 0 < length < np.inf:
            reason = "its weights give values that are not numbers"
            raise AppError(ErrorCode.MODEL_REJECTED, model=self._name, reason=reason)
        return embedding / np.float32(length)

    @property
    def is_pooled(self) -> bool:
        """Whether the model was trained to make one embedding of a whole text."""
        without: int = self._llama.LLAMA_POOLING_TYPE_NONE
        return bool(self._llama.llama_pooling_type(self._context) != without)

    def _pooled(self, tokens: Sequence[int]) -> Floats:
        self.evaluate([BatchPart(0, 0, tokens, wants_logits=True)], all_outputs=True)
        row = self._llama.llama_get_embeddings_seq(self._context, 0)
        return np.ctypeslib.as_array(row, shape=(self._embedding_width,)).copy()

    def _mean(self, tokens: Sequence[int]) -> Floats:
        total = np.zeros(self._embedding_width, np.float32)
        for start in range(0, len(tokens), self.batch_tokens):
            part = BatchPart(0, start, tokens[start : start + self.batch_tokens], wants_logits=True)
            self.evaluate([part], all_outputs=True)
            rows = self._llama.llama_get_embeddings(self._context)
            shape = (len(part.tokens), self._embedding_width)
            total += np.ctypeslib.as_array(rows, shape=shape).sum(axis=0)
        return total / np.float32(len(tokens))

    @property
    def forgets(self) -> bool:
        """Whether the memory keeps the end of a sequence alone: a sliding window, or a state."""
        return self._is_recurrent or (self._window > 0 and not self.can_shift())

    def cut(self, sequence: int, position: int) -> bool:
        """Forget a sequence from `position` on; False, and nothing happens, where it can't be cut.

        A recurrent state can't be in the middle, and a sliding window that has moved on has lost
        what comes before it.
        """
        return self._reaches_back(sequence, position) and bool(
            self._llama.llama_memory_seq_rm(self._memory, sequence, position, -1)
        )

    def forget(self, sequence: int) -> None:
        """Forget all of a sequence."""
        self._llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def copy(self, source: int, target: int, count: int) -> None:
        """Let `target`, which must be empty, begin with the first `count` tokens of `source`."""
        self._llama.llama_memory_seq_cp(self._memory, source, target, 0, count)

    def can_shift(self) -> bool:
        """Whether tokens can be taken out of the middle."""
        return bool(self._llama.llama_memory_can_shift(self._memory))

    def take_out(self, sequence: int, start: int, end: int) -> None:
        """Forget the tokens from `start` to `end` of a sequence; what follows moves up."""
        self._llama.llama_memory_seq_rm(self._memory, sequence, start, end)
        self._llama.llama_memory_seq_add(self._memory, sequence, end, -1, start - end)

    def _reaches_back(self, sequence: int, position: int) -> bool:
        if self._window == 0:
            return True
        newest: int = self._llama.llama_memory_seq_pos_max(self._memory, sequence)
        if newest == position - 1:
            return True
        oldest: int = self._llama.llama_memory_seq_pos_min(self._memory, sequence)
        return 0 <= oldest <= max(0, position - self._window)


class _Batch:
    """A `llama_batch` and its arrays, made once; every token belongs to one sequence."""

    # Plain arrays: after an evaluation little is in the processor's caches, and numpy's code for a
    # single number would take longer to come than all else that is done for a token.
    def __init__(self, llama: ModuleType, capacity: int) -> None:
        integers, pointer = ctypes.c_int32 * capacity, ctypes.POINTER(ctypes.c_int32)
        self._tokens, self._positions, self._sequences = integers(), integers(), integers()
        self._wants_logits = (ctypes.c_int8 * capacity)()
        offsets = range(0, ctypes.sizeof(integers), ctypes.sizeof(ctypes.c_int32))
        places = (ctypes.byref(self._sequences, offset) for offset in offsets)
        self.argument = llama.llama_batch(
            0,
            self._tokens,
            None,
            self._positions,
            integers(*[1] * capacity),
            (pointer * capacity)(*(ctypes.cast(place, pointer) for place in places)),
            self._wants_logits,
        )

    def fill(self, parts: Sequence[BatchPart], *, all_outputs: bool) -> list[int]:
        """Take the parts in; gives the place of each one's last token."""
        last, place = [], 0
        for part in parts:
            for position, token in enumerate(part.tokens, part.position):
                self._tokens[place] = token
                self._positions[place] = position
                self._sequences[place] = part.sequence
                self._wants_logits[place] = all_outputs
                place += 1
            self._wants_logits[place - 1] = part.wants_logits
            last.append(place - 1)
        self.argument.n_tokens = place
        return last
