"""Accept or refuse fields of OpenAI's API and llama-server's that the server does not implement.

A field is harmless here, or accepted only with values that change nothing. Fields in neither table
are listed in the response as ignored; none is dropped silently. A null field counts as missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from app.core.errors import AppError, ErrorCode
from app.core.language import tr

_HARMLESS = frozenset(
    {
        # OpenAI's: about users, billing, storage, and hints.
        "metadata",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
        "verbosity",
        # OpenAI's bound on calls of its built-in tools.
        "max_tool_calls",
        # llama-server's: they affect how it works, not the result.
        "adaptive_decay",
        "backend_sampling",
        "cache_prompt",
        "dynatemp_exponent",
        "n_cache_reuse",
        "parse_tool_calls",
        "sse_ping_interval",
        "verbose",
    }
)
_DEFAULT_SAMPLERS = [
    "penalties",
    "dry",
    "top_n_sigma",
    "top_k",
    "typ_p",
    "top_p",
    "min_p",
    "xtc",
    "temperature",
]
_DEFAULT_BREAKERS = ["\n", ":", '"', "*"]
_ONLY: Mapping[str, tuple[Any, ...]] = {
    # OpenAI's
    "audio": (),
    "best_of": (1,),
    "context_management": ([],),
    "echo": (False,),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "modalities": (["text"],),
    "moderation": (),
    "suffix": ("",),
    "web_search_options": (),
    # llama-server's
    "adaptive_target": (-1,),
    "add_generation_prompt": (True,),
    "chat_format": (),
    "chat_parser": (),
    "continue_final_message": (False,),
    "dry_sequence_breakers": (_DEFAULT_BREAKERS,),
    "dynatemp_range": (0,),
    "embd_normalize": (2,),
    "generation_prompt": (),
    "grammar_lazy": (False,),
    "grammar_triggers": ([],),
    "id_slot": (-1,),
    "input_extra": ([],),
    "lora": ([],),
    "min_keep": (0, 1),
    "n_discard": (0,),
    "n_indent": (0,),
    "n_keep": (0,),
    "post_sampling_probs": (False,),
    "preserved_tokens": ([],),
    "reasoning_budget_end_tag": (),
    "reasoning_budget_end_tags": ([],),
    "reasoning_budget_message": ("",),
    "reasoning_budget_start_tag": (),
    "reasoning_budget_tokens": (-1,),
    "reasoning_control": (False,),
    "response_fields": ([],),
    "return_progress": (False,),
    "return_tokens": (False,),
    "samplers": (_DEFAULT_SAMPLERS,),
    "t_max_predict_ms": (0, -1),
    "thinking_budget_tokens": (-1,),
    "timings_per_token": (False,),
    "top_n_sigma": (-1, 0),
    "with_pieces": (False,),
}


def unknown_fields(
    given: Mapping[str, msgspec.Raw], kind: type[msgspec.Struct], place: str = "$"
) -> Iterator[str]:
    """Yield the names of the unknown fields.

    Raises:
        AppError: `request_invalid` for a value that is not supported.
    """
    read = {field.encode_name for field in msgspec.structs.fields(kind)}
    for name in given.keys() - read:
        if name in _HARMLESS or bytes(given[name]) == b"null":
            continue
        if name not in _ONLY:
            yield name
        elif not _is_among(given[name], _ONLY[name]):
            raise AppError(ErrorCode.REQUEST_INVALID, reason=_refusal(f"{place}.{name}", name))


def _is_among(value: msgspec.Raw, allowed: tuple[Any, ...]) -> bool:
    try:
        return any(
            given == known and isinstance(given, bool) == isinstance(known, bool)
            for known in allowed
            for given in (msgspec.json.decode(value),)
        )
    except (msgspec.DecodeError, RecursionError):
        return False


def _refusal(place: str, name: str) -> str:
    allowed = " or ".join(msgspec.json.encode(value).decode() for value in _ONLY[name])
    if not allowed:
        return tr("`{place}` is not supported: leave it out", place=place)
    return tr("`{place}` is supported only as {allowed}", place=place, allowed=allowed)
