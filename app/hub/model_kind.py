"""The purpose of a model, by the Hub's description and its configuration."""

from __future__ import annotations

import re

from app.core.hub_events import RepositoryKind
from app.core.language import tr
from app.hub.model_record import ModelRecord

_TASKS: dict[RepositoryKind, tuple[str, ...]] = {
    "text": (
        *("text-generation", "image-text-to-text", "audio-text-to-text", "video-text-to-text"),
        *("any-to-any", "text2text-generation", "translation", "summarization"),
        *("visual-question-answering", "document-question-answering"),
    ),
    "embedding": ("sentence-similarity", "feature-extraction"),
    "encoder": (
        *("fill-mask", "text-classification", "token-classification", "question-answering"),
        *("zero-shot-classification", "text-ranking", "table-question-answering"),
    ),
    "vision": (
        *("image-classification", "object-detection", "image-segmentation", "mask-generation"),
        *("depth-estimation", "zero-shot-image-classification", "image-feature-extraction"),
        *("zero-shot-object-detection", "keypoint-detection", "video-classification"),
    ),
    "speech": (
        *("automatic-speech-recognition", "text-to-speech", "text-to-audio", "audio-to-audio"),
        *("audio-classification", "voice-activity-detection"),
    ),
    "image": (
        *("text-to-image", "image-to-image", "unconditional-image-generation", "text-to-3d"),
        *("text-to-video", "image-to-video", "image-to-3d", "video-to-video"),
        "image-text-to-image",
    ),
    "other": (
        *("reinforcement-learning", "robotics", "time-series-forecasting", "graph-ml"),
        *("tabular-classification", "tabular-regression"),
    ),
}
_LIBRARIES: dict[RepositoryKind, tuple[str, ...]] = {
    "embedding": ("sentence-transformers",),
    "vision": ("timm", "ultralytics"),
    "speech": ("nemo", "speechbrain", "pyannote-audio", "espnet"),
    "image": ("diffusers",),
    "other": ("stable-baselines3", "lerobot"),
}
_ARCHITECTURES: dict[RepositoryKind, str] = {
    "other": r"(Decision|Trajectory)Transformer|TimeSeries|Policy$",
    "speech": r"Whisper|Wav2Vec2|Hubert|Speech2Text|SpeechT5|Vits|Bark|ForCTC|TTS|ASR",
    "vision": r"For(Image|Video)Classification|ForObjectDetection|Segmentation|DepthEstimation"
    r"|^(CLIP|Siglip|ViT|Dino|Swin|ConvNext)\w*Model$|VisionModel$",
    "image": r"UNet|DiffusionPipeline|Transformer2DModel|AutoencoderKL"
    r"|^(flux|sd[123]|sdxl|wan|ltxv|hidream|qwen_image|lumina2|cosmos|aura)",
    "encoder": r"For(MaskedLM|\w+Classification|QuestionAnswering|MultipleChoice|PreTraining)$"
    r"|RewardModel$|CrossEncoder",
    "embedding": r"(Bert|Roberta|MPNet|Electra)\w*Model$|Bidirectional|T5Encoder|Embedding"
    r"|^(\w+-)?(bert|modern-bert|nomic-bert.*|neo-bert|eurobert|t5encoder)$",
    "text": r"For(CausalLM|ConditionalGeneration)|LMHeadModel",
}
"""Patterns for the class that `config.json` names or a GGUF file's architecture; the first one
that matches counts."""
_PURPOSES: dict[RepositoryKind, str] = {
    "embedding": tr("an embedding model, which compares texts but writes none"),
    "encoder": tr("an encoder, which classifies text or fills gaps but doesn't write replies"),
    "vision": tr("a vision model, which doesn't write text"),
    "speech": tr("a model for speech or sound"),
    "image": tr("a model that generates images or videos"),
    "other": tr("a model for a purpose other than text"),
}


def kind_of(record: ModelRecord) -> RepositoryKind:
    """Return a model's purpose: by its task, else its library, else its architecture."""
    found = (
        _kind_with(record.pipeline_tag, _TASKS)
        or _kind_with(record.library, _LIBRARIES)
        or _by_architecture(record)
    )
    return "chat" if found == "text" and record.has_chat_template else found


def purpose_of(kind: RepositoryKind) -> str:
    """Describe a model that you can't chat with; empty for one that you can."""
    return _PURPOSES.get(kind, "")


def _kind_with(
    word: str | None, table: dict[RepositoryKind, tuple[str, ...]]
) -> RepositoryKind | None:
    return next((kind for kind, words in table.items() if word in words), None)


def _by_architecture(record: ModelRecord) -> RepositoryKind:
    for kind, pattern in _ARCHITECTURES.items():
        if re.search(pattern, record.architecture):
            return kind
    # The Hub finds a context in the GGUF files of language models only.
    is_other = record.gguf is not None and not record.context
    is_text = "gguf" in record.formats and not is_other
    # Where nothing is known, nothing speaks against it.
    return "text" if is_text or not record.architecture else "other"
