"""Turn the converter's warnings into notices: its log is not shown to the user."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from app.core.errors import NoticeCode
from app.core.events import NoticeReported

_LOGGERS = ("hf-to-gguf", "lora-to-gguf", "gguf", "transformers")
_NOISE = re.compile(
    "|".join(
        (
            # It reads config.json itself then, as for every architecture new to transformers.
            "Failed to load model config from",
            "Trying to load config.json instead",
            # Some of its models set a key that their base class has set, on purpose.
            "Duplicated key name",
            # Of an adapter's tensors; only a label depends on the size.
            "can't measure LoRA size correctly",
            # Positions that are not scaled at all.
            "Unknown RoPE type: default",
            # How transformers would compute positions; the converter reads the values itself.
            "Unrecognized keys in `rope_",
            "`rope_(parameters|scaling)`'s",
            "Missing validation function mapping in `ROPE_VALIDATION_FUNCTIONS`",
            # Tokens of training and of infilling; llama.cpp finds those that it uses by their text.
            "No handler for special token type",
            # What stands between two texts matters only to rerankers.
            ".* in TemplateProcessing<pair>",
            # Where it found the file that it looked for.
            "Using tokenizer from",
            # Nothing is generated here, and no model of transformers is made.
            "Token indices sequence length is longer",
            "None of PyTorch",
            "PyTorch was not found",
        )
    )
)
_MOST = 20


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())
        if text.strip("*") and not _NOISE.match(text) and len(self.texts) < _MOST:
            self.texts.setdefault(text)


@contextmanager
def collected_warnings() -> Iterator[_Collector]:
    """Collect the texts of the warnings inside the block, without duplicates and known noise."""
    collector = _Collector()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addHandler(collector)
    try:
        yield collector
    finally:
        for logger in loggers:
            logger.removeHandler(collector)


def as_notices(texts: Iterable[str]) -> tuple[NoticeReported, ...]:
    """Return a notice for each text."""
    return tuple(NoticeReported(NoticeCode.CONVERTER_WARNING, {"text": text}) for text in texts)
