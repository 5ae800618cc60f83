from __future__ import annotations

from enum import IntEnum

import llama_cpp
import pytest
from gguf import GGMLQuantizationType

from app.core.llama_parameters import (
    GgmlCacheType,
    LlamaFlashAttnType,
    LlamaLoadMode,
    context_values,
    expert_patterns,
)
from app.core.load_options import CACHE_TYPES, LoadOptions


@pytest.mark.parametrize("enumeration", [LlamaFlashAttnType, LlamaLoadMode])
def test_numbers_are_those_of_the_engine(enumeration: type[IntEnum]) -> None:
    for member in enumeration:
        assert getattr(llama_cpp, member.name) == member.value


def test_types_are_those_of_ggml() -> None:
    for member in GgmlCacheType:
        assert GGMLQuantizationType[member.name.removeprefix("GGML_TYPE_")] == member.value


def test_every_cache_type_has_a_number() -> None:
    for name in CACHE_TYPES:
        values = context_values(LoadOptions(cache_type_k=name), 512, 4)
        assert values["type_k"] is GgmlCacheType[f"GGML_TYPE_{name.upper()}"]


def test_what_is_left_open_goes_by_the_machine() -> None:
    values = context_values(LoadOptions(), 512, 4)
    assert (values["n_threads"], values["n_threads_batch"]) == (4, 4)
    values = context_values(LoadOptions(threads=6), 512, 4)
    assert (values["n_threads"], values["n_threads_batch"]) == (6, 6)


def test_there_is_a_pattern_for_each_layer() -> None:
    assert expert_patterns(0) == []
    assert expert_patterns(2)[1].startswith(r"blk\.1\.ffn_")
