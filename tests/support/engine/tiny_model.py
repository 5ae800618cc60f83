"""A model of 2 MB that loads at once and babbles: the probe's, with changes to its file."""

from __future__ import annotations

import functools
import struct
import tempfile
from pathlib import Path

from app.inference.self_test.probe_model import write_probe_model

_UINT32, _STRING = 4, 8
_ALIGNMENT = 32
_ONES = struct.pack("<f", 1.0) * 512
_NOT_NUMBERS = struct.pack("<f", float("nan")) * 512


def write_tiny_model(
    path: Path,
    *,
    context: int = 256,
    template: str = "",
    with_numbers: bool = True,
    types_from: str = "",
) -> Path:
    """Write the probe's model with another trained context, a chat template, or NaN weights.

    With `types_from` it says that its types were chosen by measurement, and how.
    """
    content = _probe_model()
    content = _changed(content, _context(256), _context(context))
    if template:
        content = _with_text(content, "tokenizer.chat_template", template)
    if types_from:
        content = _with_text(content, "gristmill.types", types_from)
    if not with_numbers:
        content = _changed(content, _ONES, _NOT_NUMBERS)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@functools.cache
def _probe_model() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write_probe_model(Path(folder) / "probe.gguf")
        return (Path(folder) / "probe.gguf").read_bytes()


def _context(tokens: int) -> bytes:
    return b"llama.context_length" + struct.pack("<II", _UINT32, tokens)


def _changed(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new)


def _with_text(content: bytes, name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    head = struct.pack("<Q", len(key)) + key + struct.pack("<I", _STRING)
    # The data after the header keeps its alignment; Jinja drops comments.
    padding = -(len(head) + 8 + len(text) + len(b"{##}")) % _ALIGNMENT
    text += b"{#" + b" " * padding + b"#}"
    pair = head + struct.pack("<Q", len(text)) + text
    (pairs,) = struct.unpack_from("<Q", content, 16)
    return content[:16] + struct.pack("<Q", pairs + 1) + pair + content[24:]
