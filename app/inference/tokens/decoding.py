"""Evaluate batches of tokens on a model's context, and manage the memory of its sequences."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.loading.loaded_model import LoadedModel
from app.native.library import load_llama

_NO_ROOM, _ABORTED = 1, 2
Floats = npt.NDArray[np.float32]


class Interrupted(Exception):  # noqa: N818 - a decision, not an error
    """The evaluation was stopped from another thread; the batch must be removed from memory."""


class NoRoomError(Exception):
    """The context's memory has no room for the batch, which must be removed from it."""


class Interrupt:
    """Stops an evaluation from another thread, even in the middle of a long prompt.

    ggml calls a C function before each of thousands of steps; a Python function there would cost a
    tenth of the speed. The C library's `strlen` of the flag's bytes returns 0 or 1 at no cost.
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
    """Tokens of one sequence, starting at `position`.

    `wants_logits` requests logits after the last one.
    """

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
        """Evaluate the parts together; return the batch index of each one's last token.

        A failed batch may partly be in memory: the caller must remove it from its sequences.
        With `all_outputs` the model's outputs of all tokens are kept, not only of the last ones.

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
        reason = tr("evaluation failed with status {status}", status=status)
        raise AppError(ErrorCode.MODEL_REJECTED, model=self._name, reason=reason)

    def logits(self, index: int) -> Floats:
        """Return the logits (vocabulary size) after a token of the last batch, as a view."""
        row = self._llama.llama_get_logits_ith(self._context, index)
        return np.ctypeslib.as_array(row, shape=(self._vocabulary_size,))

    def all_logits(self, count: int) -> Floats:
        """Return the logits (count, vocabulary size) of the last batch, if it kept all outputs.

        It is a view, which the next batch overwrites.
        """
        rows = self._llama.llama_get_logits(self._context)
        return np.ctypeslib.as_array(rows, shape=(count, self._vocabulary_size))

    def require_finite(self, index: int) -> None:
        """Check that the logits after a token of the last batch are finite and not all equal.

        Raises:
            AppError: `model_rejected`.
        """
        # Quantized matrices turn NaN into zeros: then all tokens are equally likely.
        if not 0 < np.ptp(self.logits(index)) < np.inf:
            reason = tr("its weights produce values that are not numbers")
            raise AppError(ErrorCode.MODEL_REJECTED, model=self._name, reason=reason)

    @property
    def can_generate(self) -> bool:
        """True if the model generates text; one without memory only produces embeddings."""
        return bool(self._memory)

    def embed(self, tokens: Sequence[int]) -> Floats:
        """Return the normalized embedding (width) of these tokens.

        It requires an empty memory and leaves it empty.
        The model pools as it was trained to; without pooling, the tokens' average is taken.

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
            reason = tr("its weights produce values that are not numbers")
            raise AppError(ErrorCode.MODEL_REJECTED, model=self._name, reason=reason)
        return embedding / np.float32(length)

    @property
    def is_pooled(self) -> bool:
        """True if the model was trained to pool a whole input into one embedding."""
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
    def has_limited_memory(self) -> bool:
        """True if the memory keeps only a sequence's end: a sliding window or a recurrent state."""
        return self._is_recurrent or (self._window > 0 and not self.can_shift())

    def cut(self, sequence: int, position: int) -> bool:
        """Remove a sequence's tokens from `position` onward; return False if it can't be cut there.

        A recurrent state can't be rolled back, and a sliding window that has moved on has lost
        what came before it.
        """
        return self._reaches_back(sequence, position) and bool(
            self._llama.llama_memory_seq_rm(self._memory, sequence, position, -1)
        )

    def forget(self, sequence: int) -> None:
        """Remove all tokens of a sequence."""
        self._llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def copy(self, source: int, target: int, count: int) -> None:
        """Share the first `count` tokens of `source` with `target`, which must be empty."""
        self._llama.llama_memory_seq_cp(self._memory, source, target, 0, count)

    def can_shift(self) -> bool:
        """Return whether tokens can be removed from the middle of a sequence."""
        return bool(self._llama.llama_memory_can_shift(self._memory))

    def remove(self, sequence: int, start: int, end: int) -> None:
        """Remove the tokens from `start` to `end` of a sequence; those after them move up."""
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

    # Plain arrays: after an evaluation the CPU's caches are cold, and loading numpy's code
    # for one number would take longer than everything else that is done for a token.
    def __init__(self, llama: ModuleType, capacity: int) -> None:
        integers, pointer = ctypes.c_int32 * capacity, ctypes.POINTER(ctypes.c_int32)
        self._tokens, self._positions, self._sequences = integers(), integers(), integers()
        self._wants_logits = (ctypes.c_int8 * capacity)()
        offsets = range(0, ctypes.sizeof(integers), ctypes.sizeof(ctypes.c_int32))
        addresses = (ctypes.byref(self._sequences, offset) for offset in offsets)
        self.argument = llama.llama_batch(
            0,
            self._tokens,
            None,
            self._positions,
            integers(*[1] * capacity),
            (pointer * capacity)(*(ctypes.cast(index, pointer) for index in addresses)),
            self._wants_logits,
        )

    def fill(self, parts: Sequence[BatchPart], *, all_outputs: bool) -> list[int]:
        """Fill the arrays with the parts; return the index of each one's last token."""
        last, index = [], 0
        for part in parts:
            for position, token in enumerate(part.tokens, part.position):
                self._tokens[index] = token
                self._positions[index] = position
                self._sequences[index] = part.sequence
                self._wants_logits[index] = all_outputs
                index += 1
            self._wants_logits[index - 1] = part.wants_logits
            last.append(index - 1)
        self.argument.n_tokens = index
        return last
