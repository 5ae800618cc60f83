"""Embeddings of a model that writes: those of its tokens together, however it reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.core.load_options import LoadOptions
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest, opened_model
from app.inference.session.session import Session
from app.inference.tokens.decoding import Decoder
from app.inference.tokens.vocabulary import Vocabulary
from tests.support.checkpoints.vocabularies import (
    vocabulary_file,
    write_hybrid_model_on,
    write_windowed_model_on,
)
from tests.support.engine.tiny_model import write_tiny_model

pytestmark = pytest.mark.slow

CONTEXT = 1024
TOKENS = [1, *(60 + 7 * place % 190 for place in range(700))]


def request_for(model: Path, **more: bool) -> LoadRequest:
    options = LoadOptions(
        context=CONTEXT, threads=1, flash_attention="off", extra_buffers=False, swa_full=True
    )
    return LoadRequest(read_model(model), options, **more)


def models(converter: Path, folder: Path) -> list[Path]:
    vocabulary = vocabulary_file(converter, "llama-spm")
    return [
        write_tiny_model(folder / "tiny.gguf", context=CONTEXT),
        write_windowed_model_on(vocabulary, folder / "window.gguf", context=CONTEXT),
        write_hybrid_model_on(vocabulary, folder / "hybrid.gguf", context=CONTEXT),
    ]


def test_a_text_has_one_embedding_in_parts_and_at_once(converter: Path, tmp_path: Path) -> None:
    for model in models(converter, tmp_path):
        with opened_model(request_for(model, all_outputs=True), lambda _: None) as loaded:
            size = Vocabulary(loaded.model).size
            at_once = Decoder(loaded, model.name, size).embed(TOKENS)
        with Session(request_for(model), lambda _: None) as session:
            in_parts = [session.embed(TOKENS) for _ in range(2)]
        for found in in_parts:
            assert np.linalg.norm(found) == pytest.approx(1)
            assert found == pytest.approx(at_once, abs=1e-3), model.name
