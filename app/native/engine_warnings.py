"""Select the warnings of llama.cpp that the user should read, one per line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_MAX_WARNINGS = 5
_LONGEST = 200
_BEGINNING = re.compile(r"^(?:warning: )?(?:[\w:~]+:(?: +|$))?(?:warning: )?", re.IGNORECASE)
_NUMBER = re.compile(r"\d+|'[^']*'")
_WORD = re.compile(r"\w")
_HARMLESS = tuple(
    re.compile(words)
    for words in (
        # More lines of another warning.
        r"GENERATION QUALITY WILL BE DEGRADED|CONSIDER REGENERATING THE MODEL",
        # What llama.cpp mends by itself, in models as they are published.
        r"control-looking token",
        r"attribute to USER_DEFINED",
        r"special_eog_ids contains both",
        r"is a normal token here",
        r"^override '.*' to 'true'",
        r"newline token",
        r"setting new yarn_attn_factor",
        r"unknown type",
        r"adding \d+ dummy tokens",
        # What the model is built like.
        r"model has unused tensor",
        r"sharing with layer",
        r"padding V cache",
        # What was chosen, or is the subject of one of our own notices.
        r"using full-size SWA cache",
        r"failed to mlock|mlock not supported|VirtualLock|ProcessWorkingSetSize",
        r"tensor overrides to CPU",
        r"graph reuse disabled|attention rotation force disabled",
        # What costs only some speed or memory; both are shown.
        r"compute buffer",
        r"^layer \d+ is assigned to device",
        r"^fused .* not supported",
        r"mmap is not|buffered I/?O|madvise|fadvise|munmap|PrefetchVirtual|UnmapView|CloseHandle",
    )
)
"""Warnings that the user can't or need not act on."""


def relevant_warnings(lines: Iterable[str]) -> Iterator[str]:
    """Yield the warnings among llama.cpp's lines, with its function names stripped.

    Those that differ only in numbers and names count as one, and only a few are returned.
    """
    found: dict[str, str] = {}
    for line in lines:
        words = " ".join(_BEGINNING.sub("", line.strip()).split())
        if _WORD.search(words) and not any(one.search(words) for one in _HARMLESS):
            found.setdefault(_NUMBER.sub("", words), words[:_LONGEST])
    yield from list(found.values())[:_MAX_WARNINGS]
