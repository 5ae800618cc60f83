"""Access token of the Hub: from the environment or the system keyring, never in a file."""

from __future__ import annotations

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.core.secrets import is_sendable, store_secret, stored_secret
from app.hub.hub_address import is_public_hub
from app.jobs.launch import LENT_TOKEN, own_environment

_ENTRY = "huggingface.co"


def read_token() -> str | None:
    """Return the token for the Hub in use, or None.

    A mirror gets a token only if the environment sets both (`HF_TOKEN` and `HF_ENDPOINT`); the
    window's and the keyring's are only for `huggingface.co`.
    """
    environment = own_environment()
    given = environment.get("HF_TOKEN", "").strip()
    if is_sendable(given):
        return given
    if not is_public_hub():
        return None
    lent = environment.get(LENT_TOKEN, "")
    return lent if is_sendable(lent) else stored_secret(_ENTRY)


def store_token(value: str) -> None:
    """Store the token in the system keyring.

    Raises:
        AppError: `token_invalid` if it can't be sent, `keyring_unavailable`.
    """
    token = value.strip()
    if not is_sendable(token):
        raise AppError(
            ErrorCode.TOKEN_INVALID, reason=tr("it is empty or contains invalid characters")
        )
    store_secret(_ENTRY, token)
