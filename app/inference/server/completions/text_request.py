"""The body of `/v1/completions`: prompts that are continued as they are."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from app.core.errors import AppError, ErrorCode
from app.inference.server.protocol.generation_request import (
    MOST_CHOICES,
    AnyCompletionRequest,
    LikelyTokens,
    Tokens,
)
from app.inference.server.protocol.messages import Text


class CompletionRequest(AnyCompletionRequest, frozen=True, kw_only=True):
    """The body of `/v1/completions`: one prompt or several, as texts or as tokens."""

    prompt: Text | Annotated[list[Text | int | Tokens], Meta(min_length=1, max_length=2**20)]
    logprobs: LikelyTokens | None = None
    n_probs: LikelyTokens | None = None

    def prompts(self) -> list[str | list[int]]:
        """The prompts; a list of numbers is one.

        Raises:
            AppError: `request_invalid` for a mixture of numbers and texts, or too many of them.
        """
        return texts_or_tokens("prompt", self.prompt, MOST_CHOICES // self.count())

    def probabilities(self) -> int | None:
        """How many likely tokens are to be told beside each; None for nothing of the kind."""
        return self.n_probs if self.logprobs is None else self.logprobs


def texts_or_tokens(
    name: str, given: str | list[str | int | list[int]], most: int
) -> list[str | list[int]]:
    """The texts of a field that holds one or several, each as text or as tokens.

    Raises:
        AppError: `request_invalid` for a mixture of numbers and texts, or more than `most`.
    """
    if isinstance(given, str):
        return [given]
    texts = [entry for entry in given if not isinstance(entry, int)]
    if not texts:
        return [[entry for entry in given if isinstance(entry, int)]]
    if len(texts) < len(given) or len(texts) > most:
        reason = f"“{name}” must be up to {most} texts, or tokens"
        raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
    return texts
