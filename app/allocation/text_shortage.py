"""Tell when a text gives few tokens to measure a model on."""

from __future__ import annotations

from app.allocation.study import Study
from app.core.errors import NoticeCode
from app.core.events import NoticeReported
from app.measurement.text_chunks import DEFAULT_CHUNK_TOKENS
from app.rounding.damping import DAMPING

_MATRIX = 2


def shortage_of_moments(study: Study, moments: int, *, corrects: bool) -> NoticeReported | None:
    """Return a notice if the text had fewer sequences for second moments than were asked for.

    Args:
        study: The checkpoint.
        moments: The number of sequences of 512 tokens that were asked for.
        corrects: The rounding is corrected by the moments.
    """
    tokens, needed = study.moment_tokens, moments * DEFAULT_CHUNK_TOKENS
    if tokens >= needed:
        return None
    if not corrects:
        return NoticeReported(NoticeCode.MEASURED_ON_LITTLE, {"tokens": tokens, "needed": needed})
    shapes = (tensor.shape for tensor in study.layout.tensors)
    return NoticeReported(
        NoticeCode.CORRECTED_ON_LITTLE,
        {
            "tokens": tokens,
            "needed": needed,
            "width": max(shape[-1] for shape in shapes if len(shape) >= _MATRIX),
            "damping": f"{DAMPING:.0%}",
        },
    )
