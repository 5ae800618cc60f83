"""Expensive requests of one client don't hold up another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from app.core.errors import ErrorCode
from tests.processes.serving import Server, serving
from tests.processes.test_serve import TEMPLATE
from tests.support.engine.heavy_requests import CHAT, heavy_load, huge_prompt
from tests.support.engine.tiny_model import write_tiny_model

CONTEXT = 2048
SHORT_REQUESTS = 5
# A client's own grammar, and a reply that does not come to an end.
ENDLESS = {
    "prompt": "The mill",
    "grammar": "root ::= [a-z ] root",
    "temperature": 5,
    "top_k": 0,
    "top_p": 1,
    "min_p": 0,
    "context_overflow": "shift",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("fairness")
    model = write_tiny_model(folder / "tiny.gguf", context=CONTEXT, template=TEMPLATE)
    options = ("--context", str(CONTEXT), "--threads", "1", "--slots", "2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_HOME", str(folder / "home"))
        with serving(model, *options) as server:
            yield server


def test_a_prompt_that_can_not_fit_is_refused_by_its_size(server: Server) -> None:
    response = server.post(CHAT, huge_prompt())
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == ErrorCode.CONTEXT_FULL
    assert error["facts"]["tokens"] > CONTEXT
    # Nothing was rendered or tokenized: the real count is not known.
    assert error["facts"]["tokens"] < len(huge_prompt()["messages"][0]["content"])


def test_short_requests_are_answered_while_others_send_huge_ones(server: Server) -> None:
    with heavy_load(server, times=2) as answered:
        for _ in range(SHORT_REQUESTS):
            assert server.chat("Hello", max_tokens=3)["usage"]["completion_tokens"] > 0
    assert set(answered) <= {200, 400, 429}


def test_heavy_replies_leave_a_slot_to_others(server: Server) -> None:
    writing = threading.Event()
    ended = threading.Event()

    def write(body: dict[str, Any]) -> None:
        with (
            server.client() as client,
            client.stream("POST", "/v1/completions", json=body | {"stream": True}) as response,
        ):
            for _ in response.iter_lines():
                writing.set()
                if ended.is_set():
                    return

    threads = [threading.Thread(target=write, args=(ENDLESS,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        assert writing.wait(60)
        for _ in range(SHORT_REQUESTS):
            assert server.chat("Hello", max_tokens=3)["usage"]["completion_tokens"] > 0
        assert any(thread.is_alive() for thread in threads)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
