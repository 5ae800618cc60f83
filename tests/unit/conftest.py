"""Keyrings in place of the system's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from keyring.backends import fail

from tests.support.machine.memory_keyring import MemoryKeyring, keyring_in_use


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    """A keyring that lasts as long as the test."""
    memory = MemoryKeyring()
    with keyring_in_use(memory):
        yield memory


@pytest.fixture
def no_ring() -> Iterator[None]:
    """A system without a keyring."""
    with keyring_in_use(fail.Keyring()):
        yield
