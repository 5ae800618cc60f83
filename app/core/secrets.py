"""The user's secrets: stored in the system keyring, never in a file."""

from __future__ import annotations

import re

from app.core.errors import AppError, ErrorCode

_SERVICE = "gristmill"
_SENDABLE = re.compile(r"[\x21-\x7e]{1,1000}")


def is_sendable(secret: str) -> bool:
    """Return whether a secret is valid in an HTTP header: 1 to 1,000 visible ASCII characters."""
    return _SENDABLE.fullmatch(secret) is not None


def stored_secret(entry: str) -> str | None:
    """Return the secret stored under `entry`; None if there is none, or no keyring."""
    import keyring

    try:
        return keyring.get_password(_SERVICE, entry)
    except Exception:  # noqa: BLE001 - each system's keyring fails in its own way
        return None


def store_secret(entry: str, secret: str) -> None:
    """Store a secret under `entry`, replacing an older one.

    Raises:
        AppError: `keyring_unavailable`.
    """
    import keyring

    try:
        keyring.set_password(_SERVICE, entry, secret)
    except Exception as error:
        raise AppError(ErrorCode.KEYRING_UNAVAILABLE, reason=_in_few_words(error)) from error


def forget_secret(entry: str) -> None:
    """Remove the secret under `entry`, if there is one."""
    import keyring

    try:
        keyring.delete_password(_SERVICE, entry)
    except Exception:  # noqa: BLE001 - as above; a missing entry is one of the failures
        return


def _in_few_words(error: Exception) -> str:
    # keyring's message advises on packages; the name of the failure is enough.
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
