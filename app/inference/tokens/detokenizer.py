"""Convert streamed tokens to text: whole characters as early as possible, and stop strings."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


def possible_prefix_length(text: str, wanted: Sequence[str]) -> int:
    """Return the length of the longest suffix of `text` that is a prefix of one of `wanted`."""
    longest = 0
    for sought in wanted:
        for length in range(min(len(sought) - 1, len(text)), longest, -1):
            if text.endswith(sought[:length]):
                longest = length
                break
    return longest


class Detokenizer:
    """Converts the bytes of tokens to text as they arrive.

    At most three bytes are held back (an unfinished UTF-8 character), plus what may be the
    beginning of a stop string. Invalid bytes become U+FFFD immediately.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._undecoded = b""
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.has_stopped = False

    def feed(self, piece: bytes) -> str:
        """Return the text that is final after one more token; empty after a stop string."""
        return self._release(self._decode(piece, is_last=False), is_last=False)

    def finish(self) -> str:
        """Return the text that was held back, at the end of the reply."""
        return self._release(self._decode(b"", is_last=True), is_last=True)

    def _decode(self, piece: bytes, *, is_last: bool) -> str:
        content = self._undecoded + piece
        text, length = codecs.utf_8_decode(content, "replace", is_last)
        self._undecoded = content[length:]
        return text

    def _release(self, text: str, *, is_last: bool) -> str:
        if not self._stops:
            return text
        if self.has_stopped:
            return ""
        text = self._held + text
        found = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.has_stopped, self._held = True, ""
            return text[: min(found)]
        kept = 0 if is_last else possible_prefix_length(text, self._stops)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]
