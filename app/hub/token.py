"""The access token: from the environment or the system keyring, never from or to a file of ours."""

from __future__ import annotations

import os
import re

from app.core.errors import AppError, ErrorCode
from app.hub.endpoint import is_public_hub

_SERVICE = "gristmill"
_ENTRY = "huggingface.co"
_TOKEN = re.compile(r"[\x21-\x7e]{1,1000}")


def read_token() -> str | None:
    """The token to present to the Hub in use, or None.

    A mirror gets the token only when the environment names both (`HF_TOKEN` and `HF_ENDPOINT`);
    the one in the keyring is for `huggingface.co` alone.
    """
    given = os.environ.get("HF_TOKEN", "").strip()
    if _TOKEN.fullmatch(given):
        return given
    return _stored_token() if is_public_hub() else None


def store_token(value: str) -> None:
    """Keep the token in the system keyring.

    Raises:
        AppError: `token_invalid` for one that can't be sent, `keyring_unavailable`.
    """
    token = value.strip()
    if not _TOKEN.fullmatch(token):
        raise AppError(ErrorCode.TOKEN_INVALID, reason="it is empty or has odd characters")
    import keyring

    try:
        keyring.set_password(_SERVICE, _ENTRY, token)
    except Exception as error:
        raise AppError(ErrorCode.KEYRING_UNAVAILABLE, reason=_in_few_words(error)) from error


def _stored_token() -> str | None:
    import keyring

    try:
        return keyring.get_password(_SERVICE, _ENTRY)
    except Exception:  # noqa: BLE001 - each system's keyring fails in its own way
        return None


def _in_few_words(error: Exception) -> str:
    # keyring's own sentence advises on packages; the name of the failure is enough.
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
