"""Requests to the Hub's API: saved answers, rate limits, and a Hub that doesn't respond."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.errors import AppError, Canceled, ErrorCode
from app.hub.hub_api import Answer, ApiRequest, HubApi
from app.hub.model_record import ModelRecord, read_records
from app.hub.reference import RepositoryReference
from tests.support.hub.hub_models import add_model, chat_facts
from tests.support.hub.local_hub import LocalHub

OpenApi = Callable[..., HubApi]
SEARCH = ApiRequest("/api/models", read_records, [("search", "small model")])
ANEW = dataclasses.replace(SEARCH, fresh_seconds=0.0)


@pytest.fixture(autouse=True)
def served(hub: LocalHub, tmp_path: Path) -> None:
    add_model(hub, "owner/small-model", tmp_path)


def names_in(answer: Answer[list[ModelRecord]]) -> list[str]:
    return [record.id for record in answer.value]


def refused(api: HubApi, request: ApiRequest[list[ModelRecord]] = SEARCH) -> AppError:
    with pytest.raises(AppError) as caught:
        api.ask(request)
    return caught.value


def test_a_fresh_answer_is_not_asked_for_again(hub: LocalHub, open_api: OpenApi) -> None:
    for api in (open_api(), open_api()):
        answer = api.ask(SEARCH)
        assert names_in(answer) == ["owner/small-model"]
        assert not answer.is_outdated
    assert len(hub.requests) == 1
    assert hub.requests[0].path == "/api/models?search=small+model"


def test_an_answer_that_has_not_changed_is_not_sent_again(hub: LocalHub, api: HubApi) -> None:
    for _ in range(2):
        assert names_in(api.ask(ANEW)) == ["owner/small-model"]
    assert [request.status for request in hub.requests] == [200, 304]


def test_a_changed_answer_replaces_the_saved_one(
    hub: LocalHub, api: HubApi, tmp_path: Path
) -> None:
    api.ask(SEARCH)
    add_model(hub, "owner/small-model-2", tmp_path)
    assert len(api.ask(ANEW).value) == 2
    assert len(api.ask(SEARCH).value) == 2


def test_answers_are_of_one_user(hub: LocalHub, open_api: OpenApi) -> None:
    hub.accepted_tokens.add("hf_x")
    open_api().ask(SEARCH)
    open_api("hf_x").ask(SEARCH)
    assert [request.headers.get("authorization") for request in hub.requests] == [
        None,
        "Bearer hf_x",
    ]


@pytest.mark.parametrize("body", ["<html>", "null", '{"a": 1}', '[{"id": 5}, 7]', "[[" * 40_000])
def test_nonsense_is_an_error_and_not_saved(hub: LocalHub, api: HubApi, body: str) -> None:
    hub.faults.garbled_api = body
    assert refused(api).code is ErrorCode.HUB_ANSWER
    hub.faults.garbled_api = ""
    assert names_in(api.ask(SEARCH)) == ["owner/small-model"]


def test_the_older_answer_serves_while_the_hub_fails(hub: LocalHub, api: HubApi) -> None:
    api.ask(SEARCH)
    for fault, value in (("garbled_api", "<html>"), ("api_errors", 1)):
        setattr(hub.faults, fault, value)
        answer = api.ask(ANEW)
        assert names_in(answer) == ["owner/small-model"]
        assert answer.is_outdated
        setattr(hub.faults, fault, type(value)())


def test_the_older_answer_serves_without_a_hub(hub: LocalHub, open_api: OpenApi) -> None:
    open_api().ask(SEARCH)
    hub.faults.silent_api = True
    api = open_api(stall_seconds=0.2)
    assert api.ask(ANEW).is_outdated

    other = dataclasses.replace(SEARCH, query=())
    assert refused(api, other).code is ErrorCode.HUB_UNREACHABLE


def test_a_refusal_is_not_covered_up_by_an_older_answer(
    hub: LocalHub, api: HubApi, tmp_path: Path
) -> None:
    request = ApiRequest(
        "/api/models/owner/small-model",
        lambda content: content,
        about=RepositoryReference("owner/small-model"),
        fresh_seconds=0.0,
    )
    api.ask(request)
    del hub.repositories["owner/small-model"]
    with pytest.raises(AppError) as caught:
        api.ask(request)
    assert caught.value.code is ErrorCode.REPOSITORY_NOT_FOUND


def test_a_short_limit_is_waited_for(hub: LocalHub, api: HubApi) -> None:
    hub.faults.api_rate_limits = 1
    started = time.monotonic()
    assert names_in(api.ask(SEARCH)) == ["owner/small-model"]
    assert time.monotonic() - started >= 1
    assert [request.status for request in hub.requests] == [429, 200]


def test_a_long_limit_is_an_error_that_says_when(hub: LocalHub, api: HubApi) -> None:
    hub.faults.api_rate_limits, hub.faults.api_rate_limit_seconds = 1, 120
    for _ in range(2):
        error = refused(api)
        assert error.code is ErrorCode.HUB_BUSY
        assert error.details["duration"] == "2 min 00 s"
    assert len(hub.requests) == 1


def test_a_limit_that_is_announced_is_kept(hub: LocalHub, api: HubApi) -> None:
    hub.faults.rate_limit_seconds = 300
    api.ask(SEARCH)
    assert refused(api, dataclasses.replace(SEARCH, query=())).code is ErrorCode.HUB_BUSY
    assert api.ask(ANEW).is_outdated
    assert len(hub.requests) == 1


def test_a_long_answer_is_cut(hub: LocalHub, api: HubApi, tmp_path: Path) -> None:
    (tmp_path / "owner" / "small-model" / "README.md").write_text("x" * 5000)
    snapshot = hub.add_repository("owner/small-model", tmp_path / "owner" / "small-model")
    path = f"/owner/small-model/resolve/{snapshot.commit}/README.md"
    assert len(api.ask(ApiRequest(path, bytes, largest_bytes=3000)).value) == 3000


def test_an_abort_ends_requests_at_once(hub: LocalHub, open_api: OpenApi) -> None:
    hub.faults.silent_api = True
    api = open_api(stall_seconds=60.0)
    outcome: list[Exception] = []

    def ask() -> None:
        try:
            api.ask(SEARCH)
        except (AppError, Canceled) as error:
            outcome.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not hub.requests:
        thread.join(0.01)
    api.abort()
    thread.join(10)
    assert not thread.is_alive()
    assert isinstance(outcome[0], AppError)
    with pytest.raises(Canceled):
        api.ask(SEARCH)


def test_a_wrong_token(open_api: OpenApi) -> None:
    request = dataclasses.replace(
        SEARCH, path="/api/models/owner/small-model", about=RepositoryReference("owner/x")
    )
    assert refused(open_api("hf_wrong"), request).code is ErrorCode.TOKEN_INVALID


def test_facts_are_served(hub: LocalHub, api: HubApi) -> None:
    (record,) = api.ask(SEARCH).value
    assert record.parameters == chat_facts()["safetensors"]["total"]
