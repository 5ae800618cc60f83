"""The built-in mix of text: prose, law, code, mathematics and chats in many languages.

`resources/calibration` has a folder for each kind and in it a file for each language; the README
there says where each comes from. Texts are divided by lines of `SEPARATOR`, chats are JSON Lines.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import cast, get_args

import msgspec

from app.core.resources import resource
from app.measurement.texts.passages import (
    ChatTurn,
    Parts,
    Passage,
    PassageKind,
    divided,
    text_passages,
)

SEPARATOR = "§§§"
_FOLDER = "calibration"
_CHATS = ".jsonl"
_CHAT_LINE = msgspec.json.Decoder(dict[str, list[ChatTurn]])


@functools.cache
def builtin_parts() -> Parts:
    """Return the built-in mix: a part to calibrate with, and one held out to measure with."""
    return divided(builtin_passages())


def builtin_passages() -> tuple[Passage, ...]:
    """Return all passages of the built-in mix, always in the same order."""
    kinds = (kind for kind in get_args(PassageKind) if resource(_FOLDER, kind).is_dir())
    files = (file for kind in kinds for file in sorted(resource(_FOLDER, kind).iterdir()))
    return tuple(passage for file in files for passage in _passages_in(file))


def _passages_in(file: Path) -> Iterator[Passage]:
    kind = cast("PassageKind", file.parent.name)
    text = file.read_text("utf-8")
    if file.suffix == _CHATS:
        for line in text.splitlines():
            messages = tuple(_CHAT_LINE.decode(line)["messages"])
            yield Passage(kind, file.stem, messages=messages)
        return
    for section in text.split(f"\n{SEPARATOR}\n"):
        yield from text_passages(section, kind, file.stem)
