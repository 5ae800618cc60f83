"""A loaded model that continues text: evaluation, sampling, and reuse of what it has read."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from app.core.errors import AppError, Cancelled, ErrorCode
from app.inference.loading import LoadWishes, Report, load_model
from app.inference.sampling import Sampling, sampler_chain
from app.inference.text import StreamedText
from app.inference.vocabulary import Vocabulary
from app.native.library import load_llama

_ABORTED = 2
FinishReason = Literal["stop", "length"]


@dataclass
class Statistics:
    """The figures of one reply; times in seconds. `reused_tokens` were read in an earlier turn."""

    prompt_tokens: int = 0
    reused_tokens: int = 0
    reply_tokens: int = 0
    prompt_seconds: float = 0.0
    reply_seconds: float = 0.0
    finish_reason: FinishReason = "stop"


class AbortFlag:
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

    @property
    def is_set(self) -> bool:
        """Whether the evaluation is to stop."""
        return self.buffer[0] != b"\x00"


class Session:
    """One model and one context. All its calls come from one thread."""

    def __init__(self, wishes: LoadWishes, report: Report) -> None:
        self._llama = load_llama()
        self._loaded = load_model(wishes, report)
        self._abort = AbortFlag()
        self._memory = self._llama.llama_get_memory(self._loaded.context)
        self._batch_tokens: int = self._llama.llama_n_batch(self._loaded.context)
        self._read: list[int] = []
        self._name = wishes.model.name
        self.vocabulary = Vocabulary(self._loaded.model)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._llama.llama_free(self._loaded.context)
        self._llama.llama_model_free(self._loaded.model)

    @property
    def context_tokens(self) -> int:
        """How many tokens the context holds."""
        return self._loaded.context_tokens

    @property
    def gpu_layers(self) -> int:
        """How many layers lie on the graphics card; the output layer counts as one."""
        return self._loaded.gpu_layers

    @property
    def threads(self) -> int:
        """How many threads write a reply."""
        return self._loaded.threads

    def reply(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        most_tokens: int | None,
        stops: Sequence[str],
        statistics: Statistics,
        abort: AbortFlag,
    ) -> Iterator[str]:
        """Continue `prompt` piece by piece; `statistics` is filled in on the way.

        Raises:
            AppError: `request_invalid` for an empty prompt, `context_full`, `model_rejected` when
                the weights give no numbers.
            Cancelled: once `abort` is set.
        """
        self._heed(abort)
        if not prompt:
            raise AppError(ErrorCode.REQUEST_INVALID, reason="the prompt is empty")
        if len(prompt) >= self.context_tokens:
            raise AppError(ErrorCode.CONTEXT_FULL, tokens=len(prompt), context=self.context_tokens)
        began = time.monotonic()
        statistics.prompt_tokens = len(prompt)
        statistics.reused_tokens = self._keep_common_beginning(prompt)
        self._evaluate(prompt[statistics.reused_tokens :])
        self._require_numbers()
        statistics.prompt_seconds = time.monotonic() - began
        room = self.context_tokens - len(prompt)
        allowed = room if most_tokens is None else min(most_tokens, room)
        text = StreamedText(stops)
        with sampler_chain(sampling, self.vocabulary.size) as chain:
            for token in self._tokens(chain, allowed, statistics):
                if piece := text.feed(self.vocabulary.piece(token)):
                    yield piece
                if text.has_stopped:
                    statistics.finish_reason = "stop"
                    return
        if rest := text.finish():
            yield rest

    def _tokens(self, chain: object, allowed: int, statistics: Statistics) -> Iterator[int]:
        began = time.monotonic()
        statistics.finish_reason = "length"
        for index in range(allowed):
            token: int = self._llama.llama_sampler_sample(chain, self._loaded.context, -1)
            if self.vocabulary.ends_reply(token):
                statistics.finish_reason = "stop"
                return
            statistics.reply_tokens += 1
            statistics.reply_seconds = time.monotonic() - began
            yield token
            if index + 1 < allowed:
                self._evaluate([token])
                statistics.reply_seconds = time.monotonic() - began

    def _heed(self, abort: AbortFlag) -> None:
        self._abort = abort
        callback = ctypes.cast(abort.callback, self._llama.ggml_abort_callback)
        self._llama.llama_set_abort_callback(self._loaded.context, callback, abort.buffer)

    def _keep_common_beginning(self, prompt: Sequence[int]) -> int:
        """Forget what differs from `prompt`; at least its last token is evaluated anew."""
        common = 0
        for old, new in zip(self._read, prompt[:-1], strict=False):
            if old != new:
                break
            common += 1
        if not self._llama.llama_memory_seq_rm(self._memory, 0, common, -1):
            # A recurrent state can't be cut in the middle.
            self._llama.llama_memory_clear(self._memory, False)
            common = 0
        self._read = self._read[:common]
        return common

    def _evaluate(self, tokens: Sequence[int]) -> None:
        for start in range(0, len(tokens), self._batch_tokens):
            if self._abort.is_set:
                raise Cancelled
            part = tokens[start : start + self._batch_tokens]
            array = (self._llama.llama_token * len(part))(*part)
            batch = self._llama.llama_batch_get_one(array, len(part))
            status = self._llama.llama_decode(self._loaded.context, batch)
            if status:
                self._forget()
                if status == _ABORTED:
                    raise Cancelled
                raise AppError(
                    ErrorCode.MODEL_REJECTED,
                    model=self._name,
                    reason=f"evaluation failed with status {status}",
                )
            self._read.extend(part)

    def _forget(self) -> None:
        self._llama.llama_memory_clear(self._memory, False)
        self._read = []

    def _require_numbers(self) -> None:
        logits = self._llama.llama_get_logits_ith(self._loaded.context, -1)
        spread = np.ptp(np.ctypeslib.as_array(logits, shape=(self.vocabulary.size,)))
        # Quantised matrices turn NaN into zeros: then all tokens are equally likely.
        if not 0 < spread < np.inf:
            self._forget()
            raise AppError(
                ErrorCode.MODEL_REJECTED,
                model=self._name,
                reason="its weights give values that are not numbers",
            )
