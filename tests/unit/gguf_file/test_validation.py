"""The rules that a well-formed header must keep so that llama.cpp does not abort."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.gguf_file.header_reader import read_header
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.gguf_file.validation import check_sanity, check_tokens, require_sane
from tests.support.gguf.gguf_files import (
    INT32,
    UINT16,
    GgufFile,
    Tensor,
    Typed,
    llama_file,
    llama_metadata,
)

_BYTE_TOKENS = [f"<0x{byte:02X}>" for byte in range(256)]
_TYPES = {kind.name: number for number, kind in TENSOR_TYPES.items()}
_BROKEN = {
    "no_architecture": ({"general__architecture": ""}, "architecture"),
    "no_layers": ({"llama__block_count": 0}, "0 layers"),
    "negative_layers": ({"llama__block_count": Typed(INT32, -1)}, "-1 layers"),
    "four_billion_layers": ({"llama__block_count": 4_000_000_000}, "4,000,000,000 layers"),
    "layers_as_text": ({"llama__block_count": "1"}, "layers"),
    "more_layers_ahead_than_there": ({"llama__nextn_predict_layers": 2}, "2 of its 1 layers"),
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
    assert check_tokens(read_header(good)) is None
    tokens[-1] = "token 3"
    bad = read_header(llama_file(tokenizer__ggml__tokens=tokens).write(tmp_path / "bad.gguf"))
    assert check_tokens(bad) == "the token “token 3” is in its vocabulary twice"
    with pytest.raises(AppError):
        require_sane(bad)


def test_tokens_that_are_not_utf_8_are_told_apart(tmp_path: Path) -> None:
    tokens: list[object] = [bytes((number,)) for number in range(128, 256)]
    header = read_header(llama_file(tokenizer__ggml__tokens=tokens).write(tmp_path / "a.gguf"))
    assert check_tokens(header) is None


@pytest.mark.parametrize(
    ("tokens", "fault"),
    [
        (["", "a", ""], None),
        (["\0", "a", "\0b"], None),
        (["a", "a\0b"], "the token “a” is in its vocabulary twice"),
        (_BYTE_TOKENS, None),
        (_BYTE_TOKENS[:-1], "its vocabulary has no token for the byte 0xff"),
        ([*_BYTE_TOKENS[:65], *_BYTE_TOKENS[66:]], "its vocabulary has no token for the byte 0x41"),
        ([*_BYTE_TOKENS[:65], "A", *_BYTE_TOKENS[66:]], None),
    ],
)
def test_tokens_are_told_apart_as_llama_cpp_does(
    tokens: list[object], fault: str | None, tmp_path: Path
) -> None:
    header = read_header(llama_file(tokenizer__ggml__tokens=tokens).write(tmp_path / "a.gguf"))
    assert check_tokens(header) == fault


@pytest.mark.parametrize(
    ("name", "type_name", "is_usable"),
    [
        ("blk.0.attn_q.weight", "Q4_K", True),
        ("blk.0.attn_q.weight", "Q8_1", False),
        ("blk.0.attn_q.weight", "I32", False),
        ("blk.0.attn_q.weight", "F64", False),
        ("blk.0.attn_norm.weight", "F32", True),
        ("blk.0.attn_norm.weight", "Q8_0", False),
        ("blk.0.attn_q.bias", "BF16", True),
        ("blk.0.attn_q.bias", "Q4_K", False),
        ("blk.0.ffn_gate_tid2eid.weight", "I32", True),
        ("d2t", "I64", True),
    ],
)
def test_a_type_that_ggml_cannot_use_there_is_said(
    name: str, type_name: str, is_usable: bool, tmp_path: Path
) -> None:
    tensor = Tensor(name, (256,), _TYPES[type_name])
    header = read_header(GgufFile(llama_metadata(), [tensor]).write(tmp_path / "a.gguf"))
    expected = None if is_usable else f"the tensor {name} can't be of the type {type_name}"
    assert check_sanity(header) == expected


@pytest.mark.parametrize("alignment", [1, 8, 16, 32, 64])
def test_an_alignment_that_ggml_aborts_on_is_said(alignment: int, tmp_path: Path) -> None:
    metadata = llama_metadata() | {"general.alignment": alignment}
    tensors = [Tensor("a.weight", (5,)), Tensor("b.weight", (5,)), Tensor("c.weight", (5,))]
    path = GgufFile(metadata, tensors, alignment=alignment).write(tmp_path / "a.gguf")
    fault = check_sanity(read_header(path))
    if alignment < 32:
        assert fault == f"its tensors are aligned to {alignment} bytes instead of 32"
    else:
        assert fault is None


def test_the_other_files_of_a_model_are_checked_too(tmp_path: Path) -> None:
    split = {"split.no": Typed(UINT16, 1), "split.count": Typed(UINT16, 2)}
    first = read_header(llama_file(split__count=Typed(UINT16, 2)).write(tmp_path / "1.gguf"))
    tensor = Tensor("blk.0.attn_k.weight", (256,))
    require_sane(first, read_header(GgufFile(split, [tensor]).write(tmp_path / "2.gguf")))
    for wrong in (
        GgufFile(split | {"split.no": 1}, [tensor]),
        GgufFile(split, [Tensor("blk.0.attn_k.weight", (256,), _TYPES["I8"])]),
    ):
        with pytest.raises(AppError) as caught:
            require_sane(first, read_header(wrong.write(tmp_path / "2.gguf")))
        assert caught.value.details["file"] == "2.gguf"
