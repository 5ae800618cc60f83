"""Repositories of made-up models on the Hub on loopback, with the facts that the API gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.hub.local_hub import LocalHub
from tests.support.hub.local_hub_files import Snapshot

CARD = "---\nlicense: apache-2.0\n---\n# A model\n\nIt writes.\n"
CONFIG = {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 8192}


def chat_facts(parameters: int = 1_235_814_400, **others: Any) -> dict[str, Any]:
    """Return the facts of a chat model in safetensors."""
    return {
        "tags": ["safetensors", "conversational", "license:apache-2.0", "en"],
        "pipeline_tag": "text-generation",
        "library_name": "transformers",
        "safetensors": {"parameters": {"BF16": parameters}, "total": parameters},
        "cardData": {"license": "apache-2.0", "language": ["en"]},
        "config": {"architectures": ["LlamaForCausalLM"], "model_type": "llama"},
        **others,
    }


def gguf_facts(parameters: int = 1_235_814_400, **others: Any) -> dict[str, Any]:
    """Return the facts of a repository with GGUF files of a chat model."""
    return {
        "tags": ["gguf", "conversational", "license:mit"],
        "gguf": {"total": parameters, "architecture": "llama", "context_length": 131_072},
        "cardData": {"license": "mit"},
        **others,
    }


def add_model(
    hub: LocalHub,
    name: str,
    folder: Path,
    facts: dict[str, Any] | None = None,
    *,
    files: dict[str, str] | None = None,
    gated: bool = False,
) -> Snapshot:
    """Serve a model whose files are written to `folder`; by default a safetensors checkpoint."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    usual = {"README.md": CARD, "config.json": json.dumps(CONFIG), "model.safetensors": "weights"}
    for path, content in (usual if files is None else files).items():
        (place / path).write_text(content, encoding="utf-8")
    return hub.add_repository(name, place, gated=gated, facts=facts or chat_facts())
