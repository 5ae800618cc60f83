"""Default reply parameters for models that need them, looked up by model file."""

from __future__ import annotations

from pathlib import PurePath

from app.core.chat_settings import NOTHING_CHOSEN, ChatSettings

STARTER_FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
STARTER_NAME = "SmolLM2-135M"
_STARTER = ChatSettings(
    system_prompt="You are a helpful assistant. Answer questions correctly.", temperature=0.1
)
"""The system prompt of its own template has it talk about itself, and the usual temperature is too
much for so small a model: tests/benchmarks/starter_questions.py counts the right answers."""


def is_starter(path: str) -> bool:
    """Return whether a file is the starter model, wherever it is."""
    return PurePath(path).name == STARTER_FILE_NAME


def reply_defaults(path: str) -> ChatSettings:
    """Return what a chat with the model in this file sends unless the user chose otherwise."""
    return _STARTER if is_starter(path) else NOTHING_CHOSEN
