"""The types that keys and values can be kept in."""

from __future__ import annotations

CACHE_TYPES = {
    "f32": 0,
    "f16": 1,
    "bf16": 30,
    "q8_0": 8,
    "q5_1": 7,
    "q5_0": 6,
    "iq4_nl": 20,
    "q4_1": 3,
    "q4_0": 2,
}
"""Ggml's numbers of the types that llama.cpp offers (kv_cache_types in common/arg.cpp)."""
DEFAULT_CACHE_TYPE = "f16"
