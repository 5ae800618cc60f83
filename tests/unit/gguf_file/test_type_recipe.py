"""The types of a file as patterns: each of its tensors gets its own type back."""

from __future__ import annotations

import re

from app.gguf_file.header_reader import TensorInfo
from app.gguf_file.type_recipe import Recipe, recipe_of

Q4_K, Q6_K, F32, I32 = 12, 14, 0, 26


def tensor(name: str, kind: int, shape: tuple[int, ...] = (256, 4)) -> TensorInfo:
    return TensorInfo(name, shape, kind, "", 0, 0)


def type_by(recipe: Recipe, name: str) -> str | None:
    return next((kind for pattern, kind in recipe if re.search(pattern, name)), None)


def test_each_tensor_gets_its_type_back_and_further_layers_the_usual_one() -> None:
    downs = [tensor(f"blk.{n}.ffn_down.weight", Q6_K if n in (0, 11) else Q4_K) for n in range(12)]
    others = [tensor("token_embd.weight", Q6_K), tensor("blk.3.ffn_up.weight", Q4_K)]
    recipe = recipe_of([*downs, *others])
    names = {12: "q4_k", 14: "q6_k"}
    for one in (*downs, *others):
        assert type_by(recipe, one.name) == names[one.type_number]
    assert type_by(recipe, "blk.40.ffn_down.weight") == "q4_k"
    assert type_by(recipe, "blk.1.ffn_down.bias") is None
    assert type_by(recipe, "xtoken_embd.weight") is None
    assert len(recipe) == 4


def test_what_no_level_quantizes_is_left_out() -> None:
    vectors = [tensor("output_norm.weight", F32, (256,)), tensor("blk.0.tid2eid", I32)]
    assert recipe_of(vectors) == ()


def test_names_are_no_patterns() -> None:
    recipe = recipe_of([tensor("a.b(c)+0.x", Q4_K)])
    assert type_by(recipe, "a.b(c)+7.x") == "q4_k"
    assert type_by(recipe, "aXb(c)+7.x") is None
