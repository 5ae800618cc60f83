"""Convert load options to the names and values of llama.cpp's parameters, as in its llama.h."""

from __future__ import annotations

from enum import IntEnum

from app.core.load_options import FlashAttention, LoadOptions

_EXPERTS_OF_LAYER = r"blk\.{}\.ffn_(up|down|gate|gate_up)_(ch|)exps"
"""The experts of a layer, as llama.cpp's --n-cpu-moe names them (common/common.h)."""


class LlamaLoadMode(IntEnum):
    """`llama_load_mode`: automatic means mapped, unless a device can't load mapped weights."""

    LLAMA_LOAD_MODE_AUTO = -1
    LLAMA_LOAD_MODE_NONE = 0
    LLAMA_LOAD_MODE_MLOCK = 2
    LLAMA_LOAD_MODE_MMAP_MLOCK = 3


class LlamaFlashAttnType(IntEnum):
    """`llama_flash_attn_type`."""

    LLAMA_FLASH_ATTN_TYPE_AUTO = -1
    LLAMA_FLASH_ATTN_TYPE_DISABLED = 0
    LLAMA_FLASH_ATTN_TYPE_ENABLED = 1


class GgmlCacheType(IntEnum):
    """Members of `ggml_type` that the KV cache can use (ggml.h)."""

    GGML_TYPE_F32 = 0
    GGML_TYPE_F16 = 1
    GGML_TYPE_BF16 = 30
    GGML_TYPE_Q8_0 = 8
    GGML_TYPE_Q5_1 = 7
    GGML_TYPE_Q5_0 = 6
    GGML_TYPE_IQ4_NL = 20
    GGML_TYPE_Q4_1 = 3
    GGML_TYPE_Q4_0 = 2


_FLASH_ATTENTION: dict[FlashAttention, LlamaFlashAttnType] = {
    "auto": LlamaFlashAttnType.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "off": LlamaFlashAttnType.LLAMA_FLASH_ATTN_TYPE_DISABLED,
    "on": LlamaFlashAttnType.LLAMA_FLASH_ATTN_TYPE_ENABLED,
}


def load_mode(*, is_mapped: bool, is_locked: bool) -> LlamaLoadMode:
    """Return the load mode, given whether the file is mapped and whether it is locked in RAM."""
    if is_mapped and is_locked:
        return LlamaLoadMode.LLAMA_LOAD_MODE_MMAP_MLOCK
    if is_mapped:
        return LlamaLoadMode.LLAMA_LOAD_MODE_AUTO
    if is_locked:
        return LlamaLoadMode.LLAMA_LOAD_MODE_MLOCK
    return LlamaLoadMode.LLAMA_LOAD_MODE_NONE


def context_values(options: LoadOptions, tokens: int, default_threads: int) -> dict[str, int]:
    """Return the fields of `llama_context_params` that load options set.

    Args:
        options: the options.
        tokens: the size of the context.
        default_threads: the number of threads if the options leave it open.
    """
    threads = options.threads or default_threads
    return {
        "n_ctx": tokens,
        "n_batch": options.batch,
        "n_ubatch": options.micro_batch,
        "n_threads": threads,
        "n_threads_batch": options.threads_batch or threads,
        "flash_attn_type": _FLASH_ATTENTION[options.flash_attention],
        "type_k": _cache_type(options.cache_type_k),
        "type_v": _cache_type(options.cache_type_v),
        "offload_kqv": options.kv_on_device,
        "swa_full": options.swa_full,
    }


def expert_patterns(layers: int) -> list[str]:
    """Return the patterns of the tensors that stay in RAM, one for each of the first layers."""
    return [_EXPERTS_OF_LAYER.format(layer) for layer in range(layers)]


def _cache_type(name: str) -> GgmlCacheType:
    return GgmlCacheType[f"GGML_TYPE_{name.upper()}"]
