"""The stored matrices that tensors of a GGUF file are made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from app.allocation.candidate_types import stored_matrices
from app.checkpoint.weight_files import named_ranges
from app.conversion.layout.layout import LaidOutTensor, Layout, WeightRange
from app.conversion.layout.stored_rows import StoredRows
from app.sensitivity.requests import Place

_F32 = 0


def laid_out(name: str, file: Path, matrices: list[str], shape: tuple[int, ...]) -> LaidOutTensor:
    ranges = named_ranges(file)
    places = [ranges[matrix] for matrix in matrices]
    return LaidOutTensor(
        name=name,
        shape=shape,
        type_number=_F32,
        size_bytes=4 * int(np.prod(shape)),
        load=lambda: np.zeros(shape, np.float32),
        stored=tuple(StoredRows(file, begin, 4, 8, _F32) for begin, _ in places),
        reads=frozenset(WeightRange(file, begin, end - begin) for begin, end in places),
    )


def test_experts_have_their_places_and_shared_matrices_have_none(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    names = [*(f"experts.{number}.up" for number in range(12)), "query", "key_and_value"]
    save_file({name: np.zeros((4, 8), np.float32) for name in names}, file)
    experts = [f"experts.{number}.up" for number in range(12)]
    tensors = (
        laid_out("blk.0.ffn_up_exps.weight", file, experts, (12, 4, 8)),
        laid_out("blk.0.attn_q.weight", file, ["query"], (4, 8)),
        laid_out("blk.0.attn_k.weight", file, ["key_and_value"], (2, 8)),
        laid_out("blk.0.attn_v.weight", file, ["key_and_value"], (2, 8)),
    )
    expected = {
        f"experts.{number}.up": Place("blk.0.ffn_up_exps.weight", number) for number in range(12)
    }
    expected["query"] = Place("blk.0.attn_q.weight")
    assert stored_matrices(Layout("llama", {}, tensors)) == expected
