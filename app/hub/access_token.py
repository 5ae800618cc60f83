"""The access token: from the environment or the system keyring, never from or to a file of ours."""

from __future__ import annotations

import os

from app.core.errors import AppError, ErrorCode
from app.core.secrets import is_sendable, store_secret, stored_secret
from app.hub.hub_address import is_public_hub

_ENTRY = "huggingface.co"


def read_token() -> str | None:
    """The token to present to the Hub in use, or None.

    A mirror gets the token only when the environment names both (`HF_TOKEN` and `HF_ENDPOINT`);
    the one in the keyring is for `huggingface.co` alone.
    """
    given = os.environ.get("HF_TOKEN", "").strip()
    if is_sendable(given):
        return given
    return stored_secret(_ENTRY) if is_public_hub() else None


def store_token(value: str) -> None:
    """Keep the token in the system keyring.

    Raises:
        AppError: `token_invalid` for one that can't be sent, `keyring_unavailable`.
    """
    token = value.strip()
    if not is_sendable(token):
        raise AppError(ErrorCode.TOKEN_INVALID, reason="it is empty or has odd characters")
    store_secret(_ENTRY, token)
