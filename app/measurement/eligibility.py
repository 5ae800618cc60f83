"""Check from their headers that models can be measured and compared."""

from __future__ import annotations

from operator import ne
from pathlib import Path

from app.core.errors import AppError, ErrorCode
from app.gguf_file.header_reader import Header, read_strings
from app.gguf_file.model_info import ModelInfo, model_info_of, read_headers
from app.gguf_file.validation import require_sane

_TOKENS = "tokenizer.ggml.tokens"


def measurable_models(model: Path, reference: Path | None) -> list[ModelInfo]:
    """Return the headers' information on the model, and on the reference if there is one.

    Raises:
        AppError: `model_without_text`, `vocabulary_misfit`, `gguf_damaged`, and
            errors of `app.gguf_file.model_info.read_headers`.
    """
    files = [model] if reference is None else [model, reference]
    headers = [read_headers(file) for file in files]
    for of_model in headers:
        require_sane(*of_model)
    infos = [model_info_of(of_model) for of_model in headers]
    for info in infos:
        # Projectors and adapters have no vocabulary; embedding models see later tokens.
        if not info.vocabulary or not info.is_causal:
            raise AppError(ErrorCode.MODEL_WITHOUT_TEXT, model=info.path.name)
    _require_one_vocabulary([of_model[0] for of_model in headers])
    return infos


def _require_one_vocabulary(headers: list[Header]) -> None:
    model, *references = headers
    for reference in references:
        counts = [header.arrays[_TOKENS].count for header in (model, reference)]
        tokens = (read_strings(header, _TOKENS) for header in (model, reference))
        if ne(*counts) or any(map(ne, *tokens)):
            raise AppError(
                ErrorCode.VOCABULARY_MISFIT, model=model.path.name, reference=reference.path.name
            )
