"""Check models' headers to see whether they can be measured and compared."""

from __future__ import annotations

from operator import ne
from pathlib import Path

from app.core.errors import AppError, ErrorCode
from app.gguf_file.header_reader import Header, read_strings
from app.gguf_file.model import Model, read_sane_model

_TOKENS = "tokenizer.ggml.tokens"


def measurable_models(model: Path, reference: Path | None) -> list[Model]:
    """Open the model, and the reference if there is one, and check that they can be measured.

    Raises:
        AppError: `model_without_text`, `vocabulary_misfit`, `gguf_damaged`, and what
            `app.gguf_file.model.read_model` raises.
    """
    files = [model] if reference is None else [model, reference]
    models = [read_sane_model(file) for file in files]
    for one in models:
        # Projectors and adapters have no vocabulary; models for embeddings see later tokens.
        if not one.info.vocabulary or not one.info.is_causal:
            raise AppError(ErrorCode.MODEL_WITHOUT_TEXT, model=one.path.name)
    _require_one_vocabulary([one.headers[0] for one in models])
    return models


def _require_one_vocabulary(headers: list[Header]) -> None:
    model, *references = headers
    for reference in references:
        counts = [header.arrays[_TOKENS].count for header in (model, reference)]
        tokens = (read_strings(header, _TOKENS) for header in (model, reference))
        if ne(*counts) or any(map(ne, *tokens)):
            raise AppError(
                ErrorCode.VOCABULARY_MISFIT, model=model.path.name, reference=reference.path.name
            )
