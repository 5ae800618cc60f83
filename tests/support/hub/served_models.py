"""Models for the Hub on loopback, of each kind that a search finds."""

from __future__ import annotations

from pathlib import Path

from tests.support.engine.tiny_model import write_tiny_model
from tests.support.hub.local_hub import LocalHub

BILLION = 10**9
CARD = """---
license: apache-2.0
---
# Grain

<div>A model of [acme](https://acme.example/grain).</div>
![picture](https://acme.example/picture.png)
"""
LONGEST = f"{'owner-of-many-models-' * 2}x/{'a-model-with-a-name-that-goes-on-' * 2}ends-here"
"""A name of 119 characters."""


def serve_models(hub: LocalHub, folder: Path) -> None:
    """Serve a chat model, its base model, its GGUF files, and a gated model with a long name."""
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir(parents=True)
    config = '{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}'
    (checkpoint / "config.json").write_text(config)
    (checkpoint / "tokenizer.json").write_text("{}")
    (checkpoint / "README.md").write_text(CARD)
    (checkpoint / "model.safetensors").write_bytes(bytes(4000))
    weights = {"parameters": {"BF16": BILLION}, "total": BILLION}
    tags = ["safetensors", "license:apache-2.0", "en", "conversational"]
    usual = {"pipeline_tag": "text-generation", "safetensors": weights, "tags": tags}
    base = {"tags": [*tags, "base_model:acme/grain-base"], "downloads": 1_234_567, "likes": 321}
    base["childrenModelCount"] = {"quantized": 1}
    hub.add_repository("acme/grain-base", checkpoint, facts=usual)
    hub.add_repository("acme/grain-1b", checkpoint, facts=usual | base | {"trendingScore": 9})
    hub.add_repository(LONGEST, checkpoint, gated=True, facts=usual)
    embedder = {"pipeline_tag": "feature-extraction", "tags": ["sentence-transformers"]}
    hub.add_repository("acme/finder", checkpoint, facts=usual | embedder)
    for level in ("Q4_K_M", "Q8_0"):
        write_tiny_model(folder / "gguf" / f"grain-1b-{level}.gguf")
    gguf = {"pipeline_tag": "text-generation", "gguf": {"total": BILLION, "context_length": 256}}
    made_from = ["base_model:acme/grain-1b", "base_model:quantized:acme/grain-1b"]
    facts = gguf | {"tags": ["gguf", *made_from]}
    hub.add_repository("acme/grain-1b-GGUF", folder / "gguf", facts=facts)
