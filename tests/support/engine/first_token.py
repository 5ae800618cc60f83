"""One token through a model: `python -m tests.support.engine.first_token FILE`.

Print the reason and exit with status 1 if it fails. It runs in a separate process, because the
engine may abort.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.support.gguf.ggml_quantization import silence_llama_cpp

_CONTEXT = 64


def first_token_refusal(file: Path) -> str:
    """Return the reason why the engine can't run one token through a model, or an empty string."""
    from llama_cpp import llama_cpp as llama

    silence_llama_cpp()
    parameters = llama.llama_model_default_params()
    parameters.use_extra_bufts = False
    model = llama.llama_model_load_from_file(os.fsencode(file), parameters)
    if not model:
        return "no load"
    options = llama.llama_context_default_params()
    options.n_ctx, options.n_threads = _CONTEXT, 1
    context = llama.llama_init_from_model(model, options)
    if not context:
        return "no context"
    tokens = (llama.llama_token * 1)(1)
    batch = llama.llama_batch_get_one(tokens, 1)
    if llama.llama_model_has_encoder(model) and llama.llama_encode(context, batch):
        return "no encoding"
    if llama.llama_model_has_decoder(model) and llama.llama_decode(context, batch):
        return "no token"
    return ""


if __name__ == "__main__":
    sys.exit(first_token_refusal(Path(sys.argv[1])) or 0)
