"""What a server offers, whatever it answers."""

from __future__ import annotations

import socket

import pytest

from app.core.errors import AppError, ErrorCode
from app.endpoints.endpoint import parse_address
from app.endpoints.model_listing import offered_models
from tests.support.engine.endpoint_server import BAD_LISTS, MODEL, EndpointServer


def refusal_of(server: EndpointServer, key: str = "") -> ErrorCode:
    with pytest.raises(AppError) as refused:
        offered_models(parse_address(server.url), key)
    return refused.value.code


def test_the_models_are_those_of_the_server() -> None:
    with EndpointServer(models=[MODEL, "another", MODEL]) as server:
        assert offered_models(parse_address(server.url), "") == (MODEL, "another")


def test_its_key_is_presented() -> None:
    with EndpointServer(key="secret") as server:
        assert offered_models(parse_address(server.url), "secret") == (MODEL,)
        assert refusal_of(server, "wrong") is ErrorCode.ENDPOINT_REFUSES
        assert refusal_of(server) is ErrorCode.ENDPOINT_REFUSES


def test_names_that_can_not_be_shown_are_left_out() -> None:
    odd = ["good", "line\nbreak", "\x1b[31m", "x" * 300]
    with EndpointServer(models=odd) as server:
        assert offered_models(parse_address(server.url), "") == ("good",)


def test_a_huge_list_is_cut() -> None:
    with EndpointServer(models=[f"model-{number}" for number in range(5000)]) as server:
        assert len(offered_models(parse_address(server.url), "")) == 1000


@pytest.mark.parametrize("fault", BAD_LISTS)
def test_a_list_that_can_not_be_read_is_refused(fault: str) -> None:
    with EndpointServer(models=BAD_LISTS[fault]) as server:
        assert refusal_of(server) is ErrorCode.ENDPOINT_ANSWER


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500, 503])
def test_another_status_is_refused_and_no_redirect_is_followed(status: int) -> None:
    with EndpointServer() as elsewhere:
        headers = {"Location": f"{elsewhere.url}/v1/models"}
        with EndpointServer(status=status, headers=headers) as server:
            assert refusal_of(server, "secret") is ErrorCode.ENDPOINT_ANSWER
        assert elsewhere.asked == []


def test_nobody_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(AppError) as refused:
        offered_models(parse_address(f"127.0.0.1:{port}"), "")
    assert refused.value.code is ErrorCode.ENDPOINT_UNREACHABLE
    assert refused.value.details["reason"] == "nothing is listening there"
