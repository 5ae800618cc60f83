"""The child that answers the window's requests about the Hub, with a Hub that misbehaves."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import ErrorCode
from app.core.event_lines import encode
from app.core.events import Event
from app.core.hub_events import (
    FirstModels,
    HubAnswered,
    HubModelFound,
    HubPage,
    HubPageFound,
    HubRequest,
    HubSearch,
)
from app.hub.first_models import listed_models
from tests.support.hub.hub_models import add_model, chat_facts
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import Child, started

TOKEN = "hf_" + "planted" * 5


@pytest.fixture
def hub(hub: LocalHub, tmp_path: Path) -> LocalHub:
    add_model(hub, "owner/model", tmp_path / "served")
    return hub


@pytest.fixture
def child(hub: LocalHub) -> Iterator[Child]:
    with started("browse", "--events") as running:
        yield running


def ask(child: Child, number: int, query: HubSearch | HubPage | FirstModels) -> None:
    channel = type(query).__name__
    child.stdin.write(encode(HubRequest(number, channel, query)))
    child.stdin.flush()


def answer_to(child: Child, number: int) -> tuple[list[Event], HubAnswered]:
    """Return the events of an answer; those of other numbers are skipped."""
    end = child.read_until(lambda event: isinstance(event, HubAnswered) and event.number == number)
    assert isinstance(end, HubAnswered)
    events = [event for event in child.events if getattr(event, "number", None) == number]
    return events[:-1], end


def wait_for_requests(hub: LocalHub, count: int) -> None:
    while len(hub.requests) < count:
        time.sleep(0.01)


def test_a_search_a_page_and_first_models(hub: LocalHub, child: Child, tmp_path: Path) -> None:
    first = listed_models()[0]
    add_model(hub, first.repository, tmp_path / "served", chat_facts(first.parameters))
    ask(child, 1, HubSearch(text="model"))
    (model,), end = answer_to(child, 1)
    assert isinstance(model, HubModelFound)
    assert model.repository == "owner/model"
    assert model.fit
    assert end == HubAnswered(1)

    ask(child, 2, HubPage(repository="owner/model"))
    (page,), end = answer_to(child, 2)
    assert isinstance(page, HubPageFound)
    assert (page.card, page.obstacle, end) == ("# A model\n\nIt writes.", None, HubAnswered(2))

    ask(child, 3, FirstModels())
    (model,), end = answer_to(child, 3)
    assert isinstance(model, HubModelFound)
    assert (model.repository, model.sentence) == (first.repository, first.sentence)


def test_errors_do_not_end_it(hub: LocalHub, child: Child) -> None:
    ask(child, 1, HubPage(repository="owner/none"))
    assert answer_to(child, 1)[1].problem is ErrorCode.REPOSITORY_NOT_FOUND
    ask(child, 2, HubPage(repository="no name"))
    assert answer_to(child, 2)[1].problem is ErrorCode.REPOSITORY_NAME
    child.stdin.write(b'nonsense\n{"type":"ask"}\n')
    for number, body in enumerate(("<html>", "[" * 100_000, json.dumps([{"id": []}])), start=3):
        hub.faults.garbled_api = body
        ask(child, number, HubSearch(text=str(number)))
        assert answer_to(child, number)[1].problem is ErrorCode.HUB_ANSWER
    hub.faults.garbled_api = ""
    ask(child, 9, HubSearch())
    assert answer_to(child, 9) == ([child.events[-2]], HubAnswered(9))


def test_a_slow_hub_holds_up_nothing(hub: LocalHub, child: Child) -> None:
    ask(child, 1, HubSearch())
    answer_to(child, 1)
    hub.faults.api_seconds = 5.0
    begun = time.monotonic()
    ask(child, 2, HubSearch(text="model"))
    wait_for_requests(hub, 2)
    # What is known needs no answer of the Hub, and isn't held up by the others.
    ask(child, 3, HubPage(repository="no name"))
    answer_to(child, 3)
    assert time.monotonic() - begun < 4
    assert answer_to(child, 2)[1].problem is None
    assert time.monotonic() - begun < 9


def test_a_newer_request_makes_the_older_one_obsolete(hub: LocalHub, child: Child) -> None:
    hub.faults.silent_api = True
    ask(child, 1, HubSearch(text="mod"))
    wait_for_requests(hub, 1)
    hub.faults.silent_api = False
    for number in (2, 3, 4):
        ask(child, number, HubSearch(text=f"model{' ' * number}"))
    assert answer_to(child, 4)[1] == HubAnswered(4)
    assert not [event for event in child.events if getattr(event, "number", 4) == 1]


def test_a_hub_that_never_responds(hub: LocalHub, child: Child) -> None:
    ask(child, 1, HubPage(repository="owner/model"))
    answer_to(child, 1)
    hub.faults.silent_api = True
    begun = time.monotonic()
    ask(child, 2, HubSearch(text="other"))
    ask(child, 3, HubPage(repository="owner/model"))
    # The page is still fresh.
    assert answer_to(child, 3)[1] == HubAnswered(3)
    assert time.monotonic() - begun < 5

    _, end = answer_to(child, 2)
    assert end.problem is ErrorCode.HUB_UNREACHABLE
    assert end.details["reason"] == "no response in time"
    assert time.monotonic() - begun < 30
    hub.faults.silent_api = False
    ask(child, 4, HubSearch())
    assert answer_to(child, 4)[1] == HubAnswered(4)


def test_older_answers_without_a_hub(
    hub: LocalHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started("browse", "--events") as child:
        ask(child, 1, HubSearch(text="model"))
        models, _ = answer_to(child, 1)
    for file in (home / "hub-answers").iterdir():
        os.utime(file, (0, 0))
    hub.faults.api_errors = 10
    with started("browse", "--events") as child:
        ask(child, 1, HubSearch(text="model"))
        again, end = answer_to(child, 1)
    assert [event.repository for event in again if isinstance(event, HubModelFound)] == [
        event.repository for event in models if isinstance(event, HubModelFound)
    ]
    assert end == HubAnswered(1, cached=True)


def test_the_token_stays_out_of_files_and_events(
    hub: LocalHub, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.accepted_tokens.add(TOKEN)
    add_model(hub, "owner/closed", tmp_path / "served", gated=True)
    with started("browse", "--events") as child:
        ask(child, 1, HubPage(repository="owner/closed"))
        (page,), _ = answer_to(child, 1)
        written = repr(child.events) + child.log()
    assert isinstance(page, HubPageFound)
    assert page.gated == "gated"
    assert all(request.headers.get("authorization") for request in hub.requests)
    files = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert TOKEN not in written
    assert TOKEN.encode() not in files
