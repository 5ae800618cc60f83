"""The body of `/v1/completions`: prompts to be continued without a chat template."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.server.protocol.generation_request import (
    MAX_CHOICES,
    CompletionRequestBase,
    LikelyTokens,
    Tokens,
)
from app.inference.server.protocol.messages import Text


class CompletionRequest(CompletionRequestBase, frozen=True, kw_only=True):
    """The body of `/v1/completions`: one prompt or several, as text or as tokens."""

    prompt: Text | Annotated[list[Text | int | Tokens], Meta(min_length=1, max_length=2**20)]
    logprobs: LikelyTokens | None = None
    n_probs: LikelyTokens | None = None

    def prompts(self) -> list[str | list[int]]:
        """Return the prompts; a list of numbers is one prompt.

        Raises:
            AppError: `request_invalid` for a mixture of numbers and strings, or too many prompts.
        """
        return texts_or_tokens("prompt", self.prompt, MAX_CHOICES // self.count())

    def top_logprobs_count(self) -> int | None:
        """Return how many likely tokens to report for each token; None for no probabilities."""
        return self.n_probs if self.logprobs is None else self.logprobs


def texts_or_tokens(
    name: str, given: str | list[str | int | list[int]], limit: int
) -> list[str | list[int]]:
    """Return the inputs of a field that holds one or more, each as text or as tokens.

    Raises:
        AppError: `request_invalid` for a mixture of numbers and strings, or more than `limit`.
    """
    if isinstance(given, str):
        return [given]
    texts = [entry for entry in given if not isinstance(entry, int)]
    if not texts:
        return [[entry for entry in given if isinstance(entry, int)]]
    if len(texts) < len(given) or len(texts) > limit:
        reason = tr("“{name}” must be at most {limit} texts, or tokens", name=name, limit=limit)
        raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
    return texts
