"""With “Local only”, no verb connects to the Hub or to the package index."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import ErrorCode
from app.core.settings import Settings, save_settings
from app.jobs.outcome import EXIT_FAILED
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import run_verb, sentence_of

NAME = "owner/name"
VERBS = (
    ("search", "name"),
    ("download", NAME),
    ("download", NAME, "--list"),
    ("get", NAME, "--level", "Q8_0"),
    ("convert", NAME, "--level", "Q8_0"),
    ("estimate", NAME),
    ("setup",),
)


@pytest.fixture
def hub(hub: LocalHub, tmp_path: Path) -> LocalHub:
    hub.add_repository(NAME, make_tiny_checkpoint(tmp_path / "name"))
    return hub


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A package index that nobody should connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield listener


@pytest.mark.parametrize("arguments", VERBS, ids=lambda arguments: arguments[0])
def test_nothing_is_asked_of_the_internet(
    arguments: tuple[str, ...],
    hub: LocalHub,
    index: socket.socket,
    request: pytest.FixtureRequest,
) -> None:
    if arguments[0] == "estimate":
        request.getfixturevalue("converter")
    save_settings(Settings(local_only=True))
    ended = run_verb(*arguments)
    assert ended.status == EXIT_FAILED
    assert sentence_of(ErrorCode.LOCAL_ONLY).fullmatch(ended.complaints[-1])
    assert hub.requests == []
    with pytest.raises(BlockingIOError):
        index.accept()


def test_without_it_the_hub_is_asked(hub: LocalHub) -> None:
    assert run_verb("download", NAME).status == 0
    assert hub.requests
