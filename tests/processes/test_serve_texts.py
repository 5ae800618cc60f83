"""Streams contain the whole reply, even if its bytes are not valid text."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tests.processes.serving import Server, serving
from tests.support.checkpoints.vocabularies import token_texts, vocabulary_file, write_model_on
from tests.unit.inference.tokens.test_token_texts import REPLY_TOKENS, kinds_of

REPLIES = 20


def asked(tokens: list[int], seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "max_tokens": REPLY_TOKENS,
        "logit_bias": {str(token): 40 for token in tokens},
        "top_k": len(set(tokens)),
        "top_p": 1,
        "min_p": 0,
    }


def chat(server: Server, body: dict[str, Any]) -> tuple[str, bytes]:
    """Return the streamed text of a reply, and the bytes of its tokens."""
    body = body | {"messages": [{"role": "user", "content": "The mill"}], "logprobs": True}
    choices = [event["choices"][0] for event in server.stream("/v1/chat/completions", body)]
    entries = [
        entry for choice in choices if choice["logprobs"] for entry in choice["logprobs"]["content"]
    ]
    assert len(entries) == REPLY_TOKENS
    said = "".join(choice["delta"].get("content", "") for choice in choices)
    return said, b"".join(bytes(entry["bytes"]) for entry in entries)


def test_streams_are_the_whole_replies(converter: Path, tmp_path: Path) -> None:
    vocabulary = vocabulary_file(converter, "deepseek-coder")
    kinds = kinds_of(token_texts(vocabulary))
    model = write_model_on(vocabulary, tmp_path / "model.gguf")
    everything = ""
    with serving(model, "--threads", "1") as server:
        for seed in range(REPLIES):
            body = asked(kinds.choose(random.Random(seed)), seed)
            said, encoded = chat(server, body)
            assert said == encoded.decode("utf-8", "replace")
            whole = server.complete("The mill", **body)["choices"][0]["text"]
            events = server.stream("/v1/completions", body | {"prompt": "The mill"})
            assert "".join(event["choices"][0]["text"] for event in events) == whole
            everything += said + whole
    assert "\ufffd" in everything
    assert " " * 128 in everything
    assert len(everything) > 2 * REPLIES * REPLY_TOKENS
