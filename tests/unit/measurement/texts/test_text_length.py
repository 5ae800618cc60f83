"""How many tokens an importance matrix needs."""

from __future__ import annotations

import pytest

from app.core.errors import NoticeCode
from app.core.events import NoticeReported
from app.core.sentences import describe_notice
from app.gguf_file.header_reader import TensorInfo
from app.measurement.texts.text_length import shortage_of, tokens_needed, widest_matrix


@pytest.mark.parametrize(
    ("width", "tokens"),
    [
        (0, 8_192),
        (576, 8_192),
        (1_024, 8_192),
        (1_536, 12_288),
        (14_336, 114_688),
        (16_384, 131_072),
        (53_248, 131_072),
    ],
)
def test_eight_tokens_for_each_column(width: int, tokens: int) -> None:
    assert tokens_needed(width) == tokens


def tensor(name: str, *shape: int) -> TensorInfo:
    return TensorInfo(name, shape, 0, "F32", 0, 0)


def test_the_widest_matrix_is_that_with_the_longest_rows() -> None:
    tensors = [
        tensor("token_embd.weight", 576, 49_152),
        tensor("blk.0.ffn_down.weight", 1_536, 576),
        tensor("blk.0.ffn_down_exps.weight", 768, 576, 128),
        tensor("output_norm.weight", 9_999),
    ]
    assert widest_matrix(tensors) == 1_536
    assert widest_matrix([]) == 0


def test_a_short_text_is_told_with_what_is_needed() -> None:
    assert shortage_of(12_288, 1_536) is None
    notice = shortage_of(12_287, 1_536)
    assert notice == NoticeReported(NoticeCode.TEXT_SHORT, {"tokens": 12_287, "needed": 12_288})
    assert "12,287 tokens" in describe_notice(notice.code, notice.details)
    assert "12,288" in describe_notice(notice.code, notice.details)
