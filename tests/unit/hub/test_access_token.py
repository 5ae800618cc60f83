"""Where the access token comes from, and to which Hub it may go."""

from __future__ import annotations

import pytest

from app.core.errors import AppError, ErrorCode
from app.hub.access_token import read_token, store_token
from app.jobs.launch import LENT_TOKEN
from tests.support.machine.memory_keyring import MemoryKeyring


def test_stored_token_is_read_again(ring: MemoryKeyring) -> None:
    store_token(" hf_secret\n")

    assert read_token() == "hf_secret"
    assert [service for service, _ in ring.entries] == ["gristmill"]


def test_token_of_the_environment_comes_first(
    ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_token("hf_stored")
    monkeypatch.setenv("HF_TOKEN", "hf_given ")

    assert read_token() == "hf_given"


def test_stored_token_is_for_no_mirror(
    ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_token("hf_stored")
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    assert read_token() is None

    monkeypatch.setenv("HF_TOKEN", "hf_for_the_mirror")
    assert read_token() == "hf_for_the_mirror"


@pytest.mark.usefixtures("no_ring")
def test_a_token_that_the_window_lends_is_for_no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LENT_TOKEN, "hf_lent")
    assert read_token() == "hf_lent"
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    assert read_token() is None


@pytest.mark.usefixtures("no_ring")
def test_system_without_a_keyring() -> None:
    assert read_token() is None

    with pytest.raises(AppError) as caught:
        store_token("hf_secret")

    assert caught.value.code is ErrorCode.KEYRING_UNAVAILABLE
    assert "hf_secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["", "  ", "hf_a b", "hf_a\nX-Evil: 1", "hf_ü", "h" * 1001])
def test_value_that_can_be_no_token(
    ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    with pytest.raises(AppError) as caught:
        store_token(value)

    assert caught.value.code is ErrorCode.TOKEN_INVALID
    assert not ring.entries
    monkeypatch.setenv("HF_TOKEN", value)
    assert read_token() is None
