"""The rules that a well-formed header must keep so that llama.cpp does not abort."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.library.header import read_header
from app.library.sanity import check_sanity, find_repeated_token, require_sane
from tests.gguf_files import INT32, UINT16, GgufFile, Typed, llama_file, llama_metadata

_BROKEN = {
    "no_architecture": ({"general__architecture": ""}, "architecture"),
    "no_layers": ({"llama__block_count": 0}, "0 layers"),
    "negative_layers": ({"llama__block_count": Typed(INT32, -1)}, "-1 layers"),
    "four_billion_layers": ({"llama__block_count": 4_000_000_000}, "4000000000 layers"),
    "layers_as_text": ({"llama__block_count": "1"}, "layers"),
    "no_width": ({"llama__embedding_length": 0}, "wide"),
    "huge_width": ({"llama__embedding_length": 2**31}, "wide"),
    "no_heads": ({"llama__attention__head_count": 0}, "heads"),
    "no_heads_in_any_layer": ({"llama__attention__head_count": [0, 0]}, "heads"),
    "no_key_heads": ({"llama__attention__head_count_kv": 0}, "key heads"),
    "key_heads_do_not_divide": ({"llama__attention__head_count_kv": 3}, "key heads"),
    "heads_as_text": ({"llama__attention__head_count": "4"}, "heads"),
    "huge_expert_count": ({"llama__expert_count": 2**31}, "experts"),
    "negative_expert_count": ({"llama__expert_count": Typed(INT32, -1)}, "experts"),
    "more_used_than_there": (
        {"llama__expert_count": 4, "llama__expert_used_count": 5},
        "5 of 4 experts",
    ),
    "none_used": ({"llama__expert_count": 4, "llama__expert_used_count": 0}, "0 of 4"),
    "bos_past_the_end": ({"tokenizer__ggml__bos_token_id": 100}, "bos token 100"),
    "eos_past_the_end": ({"tokenizer__ggml__eos_token_id": 999_999}, "eos token"),
    "eot_as_text": ({"tokenizer__ggml__eot_token_id": "x"}, "eot token"),
    "unknown_negative": ({"tokenizer__ggml__unknown_token_id": Typed(INT32, -2)}, "unknown"),
    "negative_epsilon": ({"llama__attention__layer_norm_rms_epsilon": -1.0}, "epsilon"),
    "epsilon_not_a_number": ({"llama__attention__layer_norm_rms_epsilon": math.nan}, "epsilon"),
    "too_few_scores": ({"tokenizer__ggml__scores": [0.0] * 99}, "99 entries"),
    "too_many_token_types": ({"tokenizer__ggml__token_type": [1] * 101}, "101 entries"),
    "split_number_type": ({"split__no": 0, "split__count": Typed(UINT16, 1)}, "split.no"),
    "split_count_type": ({"split__count": 3}, "split.count"),
}


def test_a_good_file_keeps_all_rules(tmp_path: Path) -> None:
    header = read_header(llama_file().write(tmp_path / "a.gguf"))
    assert check_sanity(header) is None
    require_sane(header)


@pytest.mark.parametrize("name", _BROKEN)
def test_a_broken_rule_is_said(name: str, tmp_path: Path) -> None:
    changes, words = _BROKEN[name]
    header = read_header(llama_file(**changes).write(tmp_path / "a.gguf"))
    assert words in (check_sanity(header) or "")
    with pytest.raises(AppError) as caught:
        require_sane(header)
    assert caught.value.code is ErrorCode.GGUF_DAMAGED


@pytest.mark.parametrize(
    "changes",
    [
        {"tokenizer__ggml__eos_token_id": 2**32 - 1},
        {"tokenizer__ggml__padding_token_id": 100},
        {"llama__attention__head_count": [4, 0, 4]},
        {"llama__expert_count": 0, "llama__expert_used_count": 0},
    ],
)
def test_what_llama_cpp_accepts_is_accepted(changes: dict[str, object], tmp_path: Path) -> None:
    header = read_header(llama_file(**changes).write(tmp_path / "a.gguf"))
    assert check_sanity(header) is None


def test_a_model_without_attention_needs_no_heads(tmp_path: Path) -> None:
    file = GgufFile(llama_metadata(llama__attention__head_count=0), [llama_file().tensors[0]])
    assert check_sanity(read_header(file.write(tmp_path / "a.gguf"))) is None


def test_a_file_without_weights_is_no_model(tmp_path: Path) -> None:
    header = read_header(GgufFile(llama_metadata()).write(tmp_path / "a.gguf"))
    assert check_sanity(header) == "it holds no weights"


@pytest.mark.parametrize("count", [10, 1000])
def test_a_repeated_token_is_found(count: int, tmp_path: Path) -> None:
    tokens: list[object] = [f"token {number}" for number in range(count)]
    good = llama_file(tokenizer__ggml__tokens=tokens).write(tmp_path / "good.gguf")
    assert find_repeated_token(read_header(good)) is None
    tokens[-1] = "token 3"
    bad = read_header(llama_file(tokenizer__ggml__tokens=tokens).write(tmp_path / "bad.gguf"))
    assert find_repeated_token(bad) == "token 3"
    with pytest.raises(AppError):
        require_sane(bad)


def test_tokens_that_are_not_utf_8_are_told_apart(tmp_path: Path) -> None:
    tokens: list[object] = [bytes((number,)) for number in range(128, 256)]
    header = read_header(llama_file(tokenizer__ggml__tokens=tokens).write(tmp_path / "a.gguf"))
    assert find_repeated_token(header) is None
