"""The probe of a real checkpoint: what it reads, and that importance counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.native.importance_matrix import Activations, ImportanceMatrix, save_importance_matrix
from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.gguf.probed_levels import ProbedLevels, probed_levels

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("converter")]
K_QUANTS = ("Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "BF16")
WIDTH, INNER = 256, 512
INNER_WIDTHS = {
    **dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up"), WIDTH),
    "ffn_down": INNER,
}


def divergences(found: ProbedLevels, *levels: str) -> list[float]:
    return [found.qualities[level].kl_divergence for level in levels]


def importance_matrix(file: Path) -> Path:
    chance = np.random.default_rng(0)
    entries = {
        f"blk.0.{kind}.weight": Activations(
            np.exp(3 * chance.standard_normal((1, width))).astype(np.float32), np.ones(1, np.int64)
        )
        for kind, width in INNER_WIDTHS.items()
    }
    save_importance_matrix(file, ImportanceMatrix(entries, 1, 512, ("text",)))
    return file


def test_more_bits_lose_less_and_importance_counts(tmp_path: Path) -> None:
    checkpoint = make_tiny_checkpoint(tmp_path / "checkpoint", shards=2)
    plain = probed_levels(checkpoint)
    assert plain.read_whole == []
    lost = divergences(plain, *K_QUANTS)
    assert lost == sorted(lost, reverse=True)
    assert lost[0] > 50 * lost[-2] > lost[-1] == 0
    weighed = probed_levels(checkpoint, importance_matrix(tmp_path / "imatrix.gguf"))
    for before, after in zip(lost[:4], divergences(weighed, *K_QUANTS[:4]), strict=True):
        assert after < 0.9 * before


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_all_but_moved_rows_are_as_stored(dtype: str, tmp_path: Path) -> None:
    found = probed_levels(make_tiny_checkpoint(tmp_path / "checkpoint", dtype=dtype))
    # The converter moves rows of queries and keys: Llama rotates them in another order.
    kinds = INNER_WIDTHS.keys() - {"attn_q", "attn_k"}
    matrices = {f"blk.0.{kind}.weight" for kind in kinds}
    assert set(found.as_stored) == matrices | {"token_embd.weight", "output.weight"}


def test_stacked_experts_are_as_stored(tmp_path: Path) -> None:
    found = probed_levels(make_checkpoint("MixtralConfig", tmp_path / "mixtral"))
    experts = {f"blk.0.ffn_{kind}_exps.weight" for kind in ("gate", "up", "down")}
    assert experts <= set(found.as_stored)


def test_matrices_on_their_side_are_read_whole(tmp_path: Path) -> None:
    found = probed_levels(make_checkpoint("GPT2Config", tmp_path / "gpt2"))
    kinds = {name.removesuffix(".weight").partition("1.")[2] for name in found.read_whole} - {""}
    assert kinds == {"attn_qkv", "ffn_up", "ffn_down"}
    assert not set(found.read_whole) & set(found.as_stored)
    lost = divergences(found, *K_QUANTS)
    assert lost == sorted(lost, reverse=True)
