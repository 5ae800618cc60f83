"""Requests by channel: obsolete ones are dropped, late ones have an answer, too."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import ErrorCode
from app.core.events import Event
from app.core.hub_events import HubAnswered, HubModelFound, HubPage, HubRequest, HubSearch
from app.core.load_options import LoadOptions
from app.estimation.hardware import Hardware
from app.hub.browsing import Browsing
from app.hub.host import Host
from app.hub.hub_connections import HubConnections
from tests.support.hub.hub_models import add_model
from tests.support.hub.local_hub import LocalHub

HOST = Host(LoadOptions(), lambda: None, lambda: None)
_TIMEOUT_SECONDS = 20.0


class Reported(queue.SimpleQueue[Event]):
    """The events of a `Browsing`."""

    def answer(self) -> list[Event]:
        """Wait for the end of the next answer, and return its events."""
        events = [self.get(timeout=_TIMEOUT_SECONDS)]
        while not isinstance(events[-1], HubAnswered):
            events.append(self.get(timeout=_TIMEOUT_SECONDS))
        return events


@pytest.fixture
def connections(hub: LocalHub) -> Iterator[HubConnections]:
    with HubConnections() as opened:
        yield opened


@pytest.fixture
def reported() -> Reported:
    return Reported()


def wait_for_requests(hub: LocalHub, count: int) -> None:
    pause = threading.Event()
    while len(hub.requests) < count:
        pause.wait(0.01)


def test_a_late_answer_is_an_error(
    hub: LocalHub, connections: HubConnections, reported: Reported
) -> None:
    browsing = Browsing(reported.put, connections, HOST, answer_seconds=0.3)
    hub.faults.silent_api = True
    browsing.ask(HubRequest(1, "search", HubSearch()))
    (end,) = reported.answer()
    assert isinstance(end, HubAnswered)
    assert (end.number, end.problem) == (1, ErrorCode.HUB_UNREACHABLE)
    assert end.details == {"endpoint": hub.endpoint, "reason": "no response in time"}


def test_only_the_newest_of_a_channel_is_answered(
    hub: LocalHub, connections: HubConnections, reported: Reported, tmp_path: Path
) -> None:
    add_model(hub, "owner/model", tmp_path)
    browsing = Browsing(reported.put, connections, HOST)
    hub.faults.silent_api = True
    browsing.ask(HubRequest(1, "search", HubSearch(text="mo")))
    browsing.ask(HubRequest(2, "page", HubPage(repository="owner/model")))
    wait_for_requests(hub, 2)
    hub.faults.silent_api = False
    browsing.ask(HubRequest(3, "search", HubSearch(text="model")))

    model, end = reported.answer()
    assert isinstance(model, HubModelFound)
    assert (model.number, end) == (3, HubAnswered(3))
    browsing.ask(HubRequest(4, "page", HubPage(repository="owner/none")))
    assert reported.answer()[-1].number == 4  # type: ignore[union-attr]
    assert reported.empty()
    # The obsolete ones end at once, too.
    pause = threading.Event()
    while any(thread.name.endswith("(_work)") for thread in threading.enumerate()):
        pause.wait(0.01)


def test_a_fault_of_the_program_does_not_end_it(
    hub: LocalHub,
    connections: HubConnections,
    reported: Reported,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = True

    def hardware() -> Hardware | None:
        if broken:
            raise ZeroDivisionError("planted")
        return None

    browsing = Browsing(reported.put, connections, Host(LoadOptions(), hardware, lambda: None))
    browsing.ask(HubRequest(1, "search", HubSearch()))
    assert reported.answer() == [
        HubAnswered(1, ErrorCode.INTERNAL, {"detail": "ZeroDivisionError: planted"})
    ]
    assert "planted" in capsys.readouterr().err
    broken = False
    browsing.ask(HubRequest(2, "search", HubSearch()))
    assert reported.answer() == [HubAnswered(2)]


def test_a_connection_is_kept_for_the_next_request(
    hub: LocalHub, connections: HubConnections, reported: Reported
) -> None:
    browsing = Browsing(reported.put, connections, HOST)
    for number in range(3):
        browsing.ask(HubRequest(number, "search", HubSearch(text=str(number))))
        assert reported.answer() == [HubAnswered(number)]
    assert len({request.port for request in hub.requests}) == 1
