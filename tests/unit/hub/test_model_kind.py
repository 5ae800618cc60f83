"""The purpose of a model by the Hub's description."""

from __future__ import annotations

import msgspec
import pytest

from app.core.hub_events import RepositoryKind
from app.hub.model_kind import kind_of, purpose_of
from app.hub.model_record import ModelRecord, read_record


def record_with(**fields: object) -> ModelRecord:
    return read_record(msgspec.json.encode({"id": "owner/model", **fields}))


CHAT = {"tags": ["conversational"]}
TEMPLATE = {"siblings": [{"rfilename": "chat_template.jinja"}]}
LLAMA_GGUF = {"architecture": "llama", "context_length": 8192}
LLAMA = {"config": {"architectures": ["LlamaForCausalLM"]}}


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"pipeline_tag": "text-generation", **CHAT}, "chat"),
        ({"pipeline_tag": "text-generation"}, "text"),
        ({"pipeline_tag": "image-text-to-text", **CHAT}, "chat"),
        ({"pipeline_tag": "text-generation", **TEMPLATE}, "chat"),
        ({"gguf": {**LLAMA_GGUF, "chat_template": "{{x}}"}, "tags": ["gguf"]}, "chat"),
        ({"gguf": LLAMA_GGUF, "tags": ["gguf"]}, "text"),
        ({"gguf": {"architecture": "flux", "total": 5}, "tags": ["gguf"]}, "image"),
        ({"gguf": {"architecture": "pig", "total": 5}, "tags": ["gguf"]}, "other"),
        ({"gguf": {"architecture": "nomic-bert", "context_length": 2048}}, "embedding"),
        (LLAMA, "text"),
        ({"config": {**LLAMA["config"], "tokenizer_config": {"chat_template": "{{x}}"}}}, "chat"),
        ({"pipeline_tag": "sentence-similarity", **CHAT}, "embedding"),
        ({"library_name": "sentence-transformers"}, "embedding"),
        ({"config": {"architectures": ["XLMRobertaModel"]}}, "embedding"),
        ({"config": {"architectures": ["BertForMaskedLM"]}}, "encoder"),
        ({"config": {"architectures": ["LlamaForSequenceClassification"]}}, "encoder"),
        ({"pipeline_tag": "text-classification", **LLAMA, **CHAT}, "encoder"),
        ({"pipeline_tag": "text-to-image"}, "image"),
        ({"library_name": "diffusers"}, "image"),
        ({"pipeline_tag": "automatic-speech-recognition"}, "speech"),
        ({"config": {"architectures": ["WhisperForConditionalGeneration"]}}, "speech"),
        ({"config": {"architectures": ["ViTForImageClassification"]}}, "vision"),
        ({"pipeline_tag": "object-detection"}, "vision"),
        ({"pipeline_tag": "reinforcement-learning"}, "other"),
        ({"config": {"architectures": ["DecisionTransformerModel"]}}, "other"),
        ({"library_name": "lerobot"}, "other"),
        ({}, "text"),
    ],
)
def test_the_kind(fields: dict[str, object], kind: RepositoryKind) -> None:
    assert kind_of(record_with(**fields)) == kind


def test_only_models_for_text_have_no_other_purpose() -> None:
    kinds: tuple[RepositoryKind, ...] = RepositoryKind.__args__  # type: ignore[attr-defined]
    assert {kind for kind in kinds if not purpose_of(kind)} == {"chat", "text"}
