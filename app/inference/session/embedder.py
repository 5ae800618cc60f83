"""Make embeddings with a loaded model, alongside the replies that it generates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.loading.engine_parameters import context_parameters
from app.inference.loading.loaded_model import LoadedModel, LoadRequest, have_reserve
from app.inference.tokens.decoding import Decoder, Floats, Interrupted
from app.native.devices import devices
from app.native.library import load_llama

_TOKENS_AT_ONCE = 64
"""Batch size when averaging tokens: llama.cpp computes logits for each of them."""


class Embedder:
    """Makes embeddings with one model.

    A generating model keeps the outputs of few tokens; an embedding needs those of all. So the
    first input opens a second context, as large as a batch, which lasts until `close`.

    Args:
        loaded: The model.
        load_request: The request it was loaded with.
        own: The decoder of its context, used if the model only makes embeddings.
        vocabulary_size: The number of its tokens.
    """

    def __init__(
        self, loaded: LoadedModel, load_request: LoadRequest, own: Decoder, vocabulary_size: int
    ) -> None:
        self._loaded, self._load_request, self._own = loaded, load_request, own
        self._vocabulary_size = vocabulary_size
        self._max_tokens = min(loaded.context_tokens, own.batch_tokens)
        self._second: Decoder | None = None
        self._context: int | None = None

    def embed(self, tokens: Sequence[int]) -> Floats:
        """Return the embedding (width) of these tokens, normalized to length 1.

        Raises:
            AppError: `request_invalid` for empty input, `context_full`, `model_rejected`,
                `out_of_memory`.
        """
        if not tokens:
            raise AppError(ErrorCode.REQUEST_INVALID, reason=tr("the text is empty"))
        if len(tokens) > self._max_tokens:
            raise AppError(ErrorCode.CONTEXT_FULL, tokens=len(tokens), context=self._max_tokens)
        if self._second is None:
            self._second = self._opened() if self._own.can_generate else self._own
        while True:
            self._second.interrupt.clear()
            try:
                return self._second.embed(tokens)
            except Interrupted:
                # The interrupt was meant for a reply.
                continue

    def close(self) -> None:
        """Free the second context."""
        if self._context is not None:
            load_llama().llama_free(self._context)

    def _opened(self) -> Decoder:
        llama, options = load_llama(), self._load_request.options
        single_batch = self._load_request.single_batch or self._own.is_pooled
        if not single_batch:
            options = msgspec.structs.replace(
                options, batch=_TOKENS_AT_ONCE, micro_batch=_TOKENS_AT_ONCE
            )
        parameters = context_parameters(
            options, self._max_tokens, sequences=1, single_batch=single_batch, all_outputs=True
        )
        found = [one for one in devices() if one.is_gpu] if self._loaded.gpu_layers else []
        context: int | None = llama.llama_init_from_model(self._loaded.model, parameters)
        if context and not have_reserve(found):
            llama.llama_free(context)
            context = None
        name = self._load_request.model.path.name
        if not context:
            raise AppError(ErrorCode.OUT_OF_MEMORY, model=name, context=self._max_tokens)
        self._context = context
        return Decoder(replace(self._loaded, context=context), name, self._vocabulary_size)
