"""Keyrings for tests: one that lasts as long as the test, and none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keyring
from keyring.backend import KeyringBackend


class MemoryKeyring(KeyringBackend):
    """A keyring that lasts as long as the test."""

    priority = 1.0  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


@contextmanager
def keyring_in_use(used: KeyringBackend) -> Iterator[None]:
    """Replace the system's keyring."""
    before = keyring.get_keyring()
    keyring.set_keyring(used)
    yield
    keyring.set_keyring(before)
