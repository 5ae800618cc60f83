"""Tell reasoning from the reply where a server leaves the model's `<think>` tags in the text."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkTags:
    """Splits a stream that may begin with `<think>`; later tags are part of the reply."""

    def __init__(self) -> None:
        self._held = ""
        self._tag = _OPEN

    def split(self, piece: str) -> tuple[str, str]:
        """Return the new reasoning and the new text; what may be the start of a tag is held."""
        if not self._tag:
            return "", piece
        self._held += piece
        if self._tag == _OPEN and not self._opens():
            return "", self.rest()
        if self._tag == _CLOSE:
            return self._close()
        return "", ""

    def rest(self) -> str:
        """Return what is held, which is text, at the end of the stream."""
        held, self._held, self._tag = self._held, "", ""
        return held

    def _opens(self) -> bool:
        """Return whether the stream begins with the tag, or may still do so."""
        begun = self._held.lstrip()
        if begun.startswith(_OPEN):
            self._held, self._tag = begun.removeprefix(_OPEN).lstrip(), _CLOSE
            return True
        return _OPEN.startswith(begun)

    def _close(self) -> tuple[str, str]:
        thoughts, tag, text = self._held.partition(_CLOSE)
        if tag:
            self._held = self._tag = ""
            return thoughts.rstrip(), text.lstrip()
        kept = next(n for n in range(len(_CLOSE) - 1, -1, -1) if self._held.endswith(_CLOSE[:n]))
        end = len(self._held) - kept
        thoughts, self._held = self._held[:end], self._held[end:]
        return thoughts, ""
