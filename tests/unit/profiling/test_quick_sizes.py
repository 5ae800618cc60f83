"""Approximate sizes of all levels from the headers of a checkpoint."""

from __future__ import annotations

import math

import pytest

from app.checkpoint.weight_files import TensorEntry
from app.core.levels import LEVELS
from app.profiling.quick_sizes import approximate_sizes
from tests.support.checkpoints.hollow_checkpoints import HOLLOW_MODELS, HollowModel, tensor_shapes
from tests.support.checkpoints.llama_3_1 import LLAMA_3_1_8B

# In GB, as the pages of these models' GGUF files on the Hub show.
PUBLISHED = {
    "llama-3.1-8b": {"Q2_K": 3.18, "Q3_K_M": 4.02, "Q4_K_M": 4.92, "Q6_K": 6.60, "Q8_0": 8.54},
    "qwen3-14b": {"Q2_K": 5.75, "Q4_K_M": 9.00, "Q6_K": 12.12, "Q8_0": 15.70},
    "meta-llama-3.1-70b-instruct": {"Q2_K": 26.38, "Q4_K_M": 42.52, "Q8_0": 74.98},
    "gemma-3-4b-it": {"Q4_K_M": 2.49, "Q8_0": 4.13},
}


def entries_of(model: HollowModel, dtype: str = "BF16") -> dict[str, TensorEntry]:
    return {
        name: TensorEntry(dtype, shape, 2 * math.prod(shape))
        for name, shape in tensor_shapes(model).items()
    }


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_are_near_those_of_published_files(name: str) -> None:
    about = approximate_sizes(entries_of((HOLLOW_MODELS | {"llama-3.1-8b": LLAMA_3_1_8B})[name]))
    assert about is not None
    assert about.sizes.keys() == {level.name for level in LEVELS}
    for level, gigabytes in PUBLISHED[name].items():
        assert about.sizes[level] / 1e9 == pytest.approx(gigabytes, rel=0.05), level


def test_without_an_output_the_embedding_serves_as_one() -> None:
    embedding = TensorEntry("BF16", (1000, 256), 512_000)
    tied = approximate_sizes({"model.embed_tokens.weight": embedding})
    untied = approximate_sizes(
        {"model.embed_tokens.weight": embedding, "lm_head.weight": embedding}
    )
    assert tied is not None
    assert untied is not None
    assert tied.sizes["Q4_K_M"] == 256_000 * 6.5625 / 8
    assert untied.sizes["Q4_K_M"] == 256_000 * (4.5 + 6.5625) / 8
    assert tied.sizes["F32"] == 4 * 256_000


def test_eight_bit_floats_are_one_weight_each() -> None:
    about = approximate_sizes({"model.layers.0.weight": TensorEntry("F8_E4M3", (64, 64), 4096)})
    assert about is not None
    assert about.parameters == 4096


def test_packed_weights_are_not_counted() -> None:
    assert approximate_sizes({"layers.0.qweight": TensorEntry("I32", (64, 64), 16384)}) is None


def test_no_tensors_have_no_sizes() -> None:
    assert approximate_sizes({}) is None
