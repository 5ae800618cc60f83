"""Answer requests about the Hub as they come: the newest of each channel, each within 30 s."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.core.errors import AppError, Canceled, ErrorCode
from app.core.events import Event
from app.core.hub_events import FirstModels, HubAnswered, HubPage, HubRequest, HubSearch
from app.core.language import tr
from app.hub.failures import unreachable
from app.hub.first_models import find_first_models
from app.hub.host import Host
from app.hub.hub_address import hub_endpoint
from app.hub.hub_api import HubApi
from app.hub.hub_connections import HubConnections
from app.hub.model_page import fetch_page
from app.hub.search import search

_ANSWER_SECONDS = 30.0

Events = Iterable[Event]


def answer_to(request: HubRequest, api: HubApi, host: Host) -> tuple[Events, bool]:
    """Return the answer to a request, and whether it is an older one, from the cache.

    Raises:
        AppError: what `search`, `fetch_page` and `find_first_models` raise.
    """
    match request.query:
        case HubSearch() as wanted:
            return search(wanted, api, host, request.number)
        case HubPage() as wanted:
            page, is_outdated = fetch_page(wanted, api, host, request.number)
            return (page,), is_outdated
        case FirstModels():
            return find_first_models(api, host, request.number)


@dataclass
class _Job:
    request: HubRequest
    timer: threading.Timer
    api: HubApi | None = None

    def abort(self) -> None:
        self.timer.cancel()
        if self.api is not None:
            self.api.abort()


class Browsing:
    """Answers with events; nothing that the Hub answers ends it.

    A request makes the older one of its channel obsolete: that one's connections are closed, and
    nothing of its answer is reported any more.
    """

    def __init__(
        self,
        report: Callable[[Event], None],
        connections: HubConnections,
        host: Host,
        answer_seconds: float = _ANSWER_SECONDS,
    ) -> None:
        self._report = report
        self._host = host
        self._answer_seconds = answer_seconds
        self._connections = connections
        self._lock = threading.Lock()
        self._current: dict[str, _Job] = {}

    def ask(self, request: HubRequest) -> None:
        """Begin to answer a request; return at once."""
        timer = threading.Timer(self._answer_seconds, lambda: self._expire(job))
        job = _Job(request, timer)
        with self._lock:
            older = self._current.get(request.channel)
            self._current[request.channel] = job
        if older is not None:
            older.abort()
        for thread in (timer, threading.Thread(target=self._work, args=(job,))):
            thread.daemon = True
            thread.start()

    def _work(self, job: _Job) -> None:
        number = job.request.number
        events: Events = ()
        try:
            events, is_outdated = self._answer_to(job)
            end = HubAnswered(number, cached=is_outdated)
        except Canceled:
            return
        except AppError as error:
            end = HubAnswered(number, error.code, error.details)
        except Exception as error:  # noqa: BLE001 - the next request may work
            traceback.print_exception(error, file=sys.stderr)
            detail = f"{type(error).__name__}: {error}"
            end = HubAnswered(number, ErrorCode.INTERNAL, {"detail": detail})
        self._finish(job, events, end)

    def _answer_to(self, job: _Job) -> tuple[Events, bool]:
        with self._connections.lent() as api:
            if not self._is_begun(job, api):
                raise Canceled
            return answer_to(job.request, api, self._host)

    def _is_begun(self, job: _Job, api: HubApi) -> bool:
        """Note what a job works with, unless it has become obsolete."""
        with self._lock:
            job.api = api
            return self._is_current(job)

    def _is_current(self, job: _Job) -> bool:
        return self._current.get(job.request.channel) is job

    def _expire(self, job: _Job) -> None:
        error = unreachable(hub_endpoint(), tr("no response in time"))
        self._finish(job, (), HubAnswered(job.request.number, error.code, error.details))
        job.abort()

    def _finish(self, job: _Job, events: Events, end: HubAnswered) -> None:
        with self._lock:
            if not self._is_current(job):
                return
            del self._current[job.request.channel]
            job.timer.cancel()
            for event in (*events, end):
                self._report(event)
