"""Which of the converter's warnings reach the person."""

from __future__ import annotations

import logging

from app.conversion.converter.converter_warnings import as_notices, collected_warnings
from app.core.sentences import describe_notice


def test_each_warning_is_one_line_once_and_noise_is_none() -> None:
    with collected_warnings() as warnings:
        for name in ("hf-to-gguf", "gguf.vocab", "transformers.tokenization_utils"):
            logging.getLogger(name).warning("Unknown RoPE type: %s", "proportional")
        logging.getLogger("hf-to-gguf").warning("ignore token 7:\nid is out of range, max=6")
        logging.getLogger("hf-to-gguf").warning("Unknown RoPE type: default")
        logging.getLogger("hf-to-gguf").warning("\n")
        logging.getLogger("hf-to-gguf").warning("*" * 80)
        logging.getLogger("hf-to-gguf").info("gguf: indexing model part")
    logging.getLogger("hf-to-gguf").warning("too late")
    assert [describe_notice(one.code, one.details) for one in as_notices(warnings.texts)] == [
        "llama.cpp's converter warns: Unknown RoPE type: proportional.",
        "llama.cpp's converter warns: ignore token 7: id is out of range, max=6.",
    ]
