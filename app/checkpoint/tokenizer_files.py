"""Find faults in tokenizer files that only the converter reads.

It stops at them with errors that don't name the file, and passes over some that it doesn't need, so
they are examined only after it has failed.
"""

from __future__ import annotations

import re
from pathlib import Path

from app.checkpoint.documents import damaged_document, read_document
from app.core.errors import AppError, ErrorCode, unreadable_file
from app.core.language import tr

_TEMPLATE, _ADDED_TOKENS, _SENTENCEPIECE = (
    "chat_template.jinja",
    "added_tokens.json",
    "tokenizer.model",
)
_FIRST_TAG = 0x0A
"""Field 1 of sentencepiece's `ModelProto`, its pieces; tiktoken's files with that name are text."""
_WIRE_TYPE, _LENGTH_DELIMITED = 0b111, 2
_MORE = 0x80
_LENGTH = re.compile(rb"[\x80-\xff]{0,9}[\x00-\x7f]", re.DOTALL)
"""A number, seven bits in each byte, the lowest first; all but the last have the highest bit."""


def require_sound_tokenizer_files(folder: Path) -> None:
    """Check the tokenizer's files in `folder` that nothing else has checked.

    Raises:
        AppError: `config_damaged`, `weights_damaged`, `lfs_pointer`, `file_unreadable`.
    """
    template, added, model = (folder / name for name in (_TEMPLATE, _ADDED_TOKENS, _SENTENCEPIECE))
    try:
        if template.is_file():
            template.read_text("utf-8")
        if added.is_file() and not all(map(_is_number, read_document(added).values())):
            raise damaged_document(added, tr("it must give each token a number"))
        if model.is_file() and _is_cut_off(model.read_bytes()):
            reason = tr("it is empty or cut off")
            raise AppError(ErrorCode.WEIGHTS_DAMAGED, file=model.name, reason=reason)
    except UnicodeDecodeError as error:
        raise damaged_document(template, tr("it is not UTF-8")) from error
    except OSError as error:
        raise unreadable_file(folder, error) from error


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_cut_off(content: bytes) -> bool:
    """Return whether the last field of a sentencepiece model (a protocol buffer) is incomplete."""
    if content and content[0] != _FIRST_TAG:
        return False
    at = 0
    while at < len(content):
        if content[at] & _WIRE_TYPE != _LENGTH_DELIMITED:
            return False
        length = _LENGTH.match(content, at + 1)
        if length is None:
            return True
        sevens = (byte % _MORE << 7 * place for place, byte in enumerate(length[0]))
        at = length.end() + sum(sevens)
    return not content or at > len(content)
