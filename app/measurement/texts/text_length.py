"""How much text an importance matrix needs."""

from __future__ import annotations

from collections.abc import Iterable

from app.core.errors import NoticeCode
from app.core.events import NoticeReported
from app.gguf_file.header_reader import TensorInfo

FEWEST_TOKENS = 8_192
MOST_TOKENS = 131_072
_TOKENS_PER_COLUMN = 8
_MATRIX = 2


def tokens_needed(width: int) -> int:
    """Return the number of tokens that give every column of the widest matrix enough evidence.

    A column's importance is the mean of squared activations over the tokens; that of eight tokens
    for each column of `width` is settled well enough for quantization, which needs only the order
    of magnitude. Between 8,192 and 131,072.
    """
    return min(MOST_TOKENS, max(FEWEST_TOKENS, _TOKENS_PER_COLUMN * width))


def widest_matrix(tensors: Iterable[TensorInfo]) -> int:
    """Return the number of columns of the widest matrix: the values that a row multiplies."""
    return max((one.shape[0] for one in tensors if len(one.shape) >= _MATRIX), default=0)


def shortage_of(tokens: int, width: int) -> NoticeReported | None:
    """Return a notice if a text of so many tokens is short for a model of this width."""
    needed = tokens_needed(width)
    if tokens >= needed:
        return None
    return NoticeReported(NoticeCode.TEXT_SHORT, {"tokens": tokens, "needed": needed})
