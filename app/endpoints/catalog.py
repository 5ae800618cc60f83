"""Catalog of added servers: their addresses in a small file, their keys in the keyring."""

from __future__ import annotations

from app.core import paths
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import NoticeReported
from app.core.json_store import JsonStore
from app.core.secrets import forget_secret, is_sendable, store_secret, stored_secret
from app.endpoints.endpoint import Endpoint

_MAX_ENDPOINTS = 100


def endpoints() -> list[Endpoint]:
    """Return the added servers, oldest first; none if the file can't be read."""
    return load_endpoints()[0]


def load_endpoints() -> tuple[list[Endpoint], NoticeReported | None]:
    """Return the added servers, and a notice if some are invalid."""
    found, notice = _store().salvage_with_notice()
    return (found or [])[:_MAX_ENDPOINTS], notice


def add_or_update(endpoint: Endpoint, key: str) -> NoticeReported | None:
    """Add a server, or change the name or key of an existing one.

    If the system has no keyring, the server is stored without its key, and a notice is returned.

    Raises:
        AppError: `folder_not_writable`, `disk_full`, `file_busy`.
    """
    others = [other for other in endpoints() if other.url != endpoint.url]
    _save([*others, endpoint])
    if not key:
        return None
    try:
        store_secret(endpoint.origin, key)
    except AppError as error:
        return NoticeReported(NoticeCode.KEY_NOT_KEPT, {**error.details, "url": endpoint.url})
    return None


def remove(endpoint: Endpoint) -> None:
    """Remove a server, and its key unless another server of the same origin needs it.

    Raises:
        AppError: `folder_not_writable`, `disk_full`, `file_busy`.
    """
    others = [other for other in endpoints() if other.url != endpoint.url]
    _save(others)
    if all(other.origin != endpoint.origin for other in others):
        forget_secret(endpoint.origin)


def key_of(endpoint: Endpoint) -> str:
    """Return the key stored for its origin; empty if there is none."""
    key = stored_secret(endpoint.origin) or ""
    return key if is_sendable(key) else ""


def checked_key(typed: str) -> str:
    """Return a typed key without surrounding whitespace; empty if there is none.

    Raises:
        AppError: `key_invalid` if it can't be sent.
    """
    key = typed.strip()
    if key and not is_sendable(key):
        raise AppError(ErrorCode.KEY_INVALID)
    return key


def _store() -> JsonStore[list[Endpoint]]:
    return JsonStore(paths.endpoints_file(), list[Endpoint], indented=True)


def _save(found: list[Endpoint]) -> None:
    _store().write(found[-_MAX_ENDPOINTS:])
