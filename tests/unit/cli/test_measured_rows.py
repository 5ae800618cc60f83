from __future__ import annotations

from app.cli.measured_rows import measured_rows
from app.core.allocation_events import ChosenShare, TypesChosen


def test_the_tensors_of_each_kind_are_counted() -> None:
    shares = (
        ChosenShare("token_embd", "Q6_K", 1, 200_000_000),
        ChosenShare("ffn_down", "Q4_K", 1_024, 300_000_000),
    )
    chosen = TypesChosen(
        target="/models/Grain-4.25bpw-Q4_K_M.gguf",
        level="Q4_K_M",
        size_bytes=500_000_000,
        bits_per_weight=4.25,
        divergence=0.02,
        shares=shares,
        plain=(),
    )
    one, many, *_ = measured_rows(chosen).splitlines()
    assert one.split() == ["token_embd", "Q6_K", "1", "tensor", "200", "MB"]
    assert many.split() == ["ffn_down", "Q4_K", "1,024", "tensors", "300", "MB"]
    assert len(one) == len(many)
