"""Format log probabilities for OpenAI's two completions APIs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.inference.session.generation import TokenProbability


def chat_log_probabilities(tokens: Sequence[TokenProbability]) -> dict[str, Any]:
    """Return log probabilities in the format of `/v1/chat/completions`."""
    return {
        "content": [
            _entry(one.piece, one.logprob)
            | {"top_logprobs": [_entry(piece, value) for _, piece, value in one.others]}
            for one in tokens
        ],
        "refusal": None,
    }


def text_log_probabilities(tokens: Sequence[TokenProbability], offset: int) -> dict[str, Any]:
    """Return log probabilities in the format of `/v1/completions`, with `offset` for the first."""
    pieces = [one.piece.decode("utf-8", "replace") for one in tokens]
    starts = [offset + sum(map(len, pieces[:index])) for index in range(len(pieces))]
    return {
        "tokens": pieces,
        "token_logprobs": [one.logprob for one in tokens],
        "top_logprobs": [
            {piece.decode("utf-8", "replace"): value for _, piece, value in one.others}
            for one in tokens
        ],
        "text_offset": starts,
    }


def _entry(piece: bytes, logprob: float) -> dict[str, Any]:
    text = piece.decode("utf-8", "replace")
    return {"token": text, "logprob": logprob, "bytes": list(piece)}
