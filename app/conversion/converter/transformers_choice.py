"""Choose the version of transformers to read a checkpoint with: the one it was saved with.

llama.cpp's converter is written against the version that it pins, and most checkpoints were saved
by transformers 4. Read through transformers 5, some of them lose fields of their configuration or
the pre-tokenizer of their tokenizer. Those that transformers 5 saved need ours in turn. A process
can hold one version only, so a verb starts over when the other one is to be tried.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from app.checkpoint.documents import read_document
from app.conversion.converter.installation import pinned_version
from app.core.errors import AppError, ErrorCode, ErrorDetails
from app.core.language import tr
from app.jobs.restart import RestartRequested, has_restarted

Transformers = Literal["pinned", "own"]
"""The version that llama.cpp's converter pins, or the one that this program depends on."""

_FIRST_NEW_MAJOR = 5
_NEW_TOKENIZERS = frozenset(
    {"TokenizersBackend", "SentencePieceBackend", "PythonBackend", "MistralCommonBackend"}
)
"""Classes that transformers 5 brought (tokenization_utils_tokenizers.py and its neighbors)."""
_NEW_FIELD = "rope_parameters"
_CHOICE, _FIRST_FAULT = "GRISTMILL_TRANSFORMERS", "GRISTMILL_FIRST_FAULT"
_VERSION_MATTERS = frozenset(
    {
        ErrorCode.CONVERTER_FAILED,
        ErrorCode.TOKENIZER_UNKNOWN,
        ErrorCode.TOKENIZER_MISSING,
        ErrorCode.TOKEN_MISSING,
        ErrorCode.TENSOR_UNKNOWN,
        ErrorCode.REMOTE_CODE_NEEDED,
        ErrorCode.CHECKPOINT_REJECTED,
    }
)
_UNRECOGNIZED = "pre-tokenizer was not recognized"
_SIGNS_OF_ANOTHER_VERSION = (
    "does not recognize this architecture",
    "does not exist or is not currently imported",
)


class _Fault(msgspec.Struct, frozen=True):
    code: ErrorCode
    details: ErrorDetails


def transformers_for(checkpoint: Path) -> Transformers:
    """Choose the version for a checkpoint's folder by its configuration and tokenizer."""
    chosen = os.environ.get(_CHOICE)
    if chosen in ("pinned", "own"):
        return cast("Transformers", chosen)
    config, tokenizer = (
        _document(checkpoint / name) for name in ("config.json", "tokenizer_config.json")
    )
    if tokenizer.get("tokenizer_class") in _NEW_TOKENIZERS:
        return "own"
    version = config.get("transformers_version")
    if not isinstance(version, str):
        return "own" if _NEW_FIELD in config else "pinned"
    major = version.partition(".")[0]
    return "own" if major.isdecimal() and int(major) >= _FIRST_NEW_MAJOR else "pinned"


def describe_version(transformers: Transformers) -> str:
    """Describe the version and why it was chosen.

    Raises:
        AppError: what `pinned_version` raises.
    """
    pinned, own = pinned_version("transformers"), metadata.version("transformers")
    if transformers == "pinned":
        version = tr("transformers {version}, which llama.cpp pins", version=pinned)
    else:
        version = tr("transformers {version}", version=own)
    if has_restarted():
        return tr("{version}; the other version failed", version=version)
    return version


@contextmanager
def trying_both(transformers: Transformers | None) -> Iterator[None]:
    """Start over with the other version when this one can't read the checkpoint.

    When both fail, the fault of the first is raised: it is the version that the checkpoint was
    made for. None stands for a source that is read without transformers.

    Raises:
        RestartRequested: from the first try.
        AppError: from the second one.
    """
    try:
        yield
    except AppError as error:
        if transformers is None or _is_final(error, transformers):
            raise
        if not has_restarted():
            logging.getLogger(__name__).warning("%s: %s", describe_version(transformers), error)
            fault = msgspec.json.encode(_Fault(error.code, error.details)).decode()
            other = "own" if transformers == "pinned" else "pinned"
            raise RestartRequested({_CHOICE: other, _FIRST_FAULT: fault}) from error
        raise _fault_to_blame(error) from error


def _is_final(error: AppError, transformers: Transformers) -> bool:
    """Return whether the other version would fail as well, or be wrong.

    Version 4 reads tokenizer.json as it is. If llama.cpp then doesn't know its pre-tokenizer, it is
    unknown: version 5 would take the usual one of the tokenizer's class instead.
    """
    if transformers == "pinned" and _UNRECOGNIZED in str(error.details.get("reason", "")):
        return True
    return error.code not in _VERSION_MATTERS


def _fault_to_blame(second: AppError) -> AppError:
    first = msgspec.json.decode(os.environ[_FIRST_FAULT], type=_Fault)
    reason = str(first.details.get("reason", ""))
    if any(sign in reason for sign in _SIGNS_OF_ANOTHER_VERSION):
        return second
    return AppError(first.code, **first.details)


def _document(file: Path) -> dict[str, Any]:
    """Read a JSON object; an unreadable one is reported by the checks."""
    try:
        return read_document(file)
    except (AppError, OSError):
        return {}
