"""The verb `worker`, and `serve` with one: its devices, its absence, its end."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import httpx2
import psutil
import pytest

from app.core.errors import ErrorCode
from app.core.events import Failed, Ready
from tests.processes.serving import serving
from tests.processes.working import nobody, peer, working
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.machine.verbs import Child, run_verb, sentence_of, started

SOON_SECONDS = 5
WAIT_SECONDS = 60
SAME = {"temperature": 0, "max_tokens": 8}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "tiny.gguf", context=2048)


def test_a_worker_takes_layers_and_the_reply_stays_the_same(model: Path) -> None:
    with serving(model) as alone:
        expected = alone.complete("The mill", **SAME)["choices"][0]["text"]
    with working() as (_, address), serving(model, "--worker", address) as server:
        assert server.ready.gpu_layers > 0
        assert server.complete("The mill", **SAME)["choices"][0]["text"] == expected
        peers = {
            f"{connection.raddr.ip}:{connection.raddr.port}"
            for connection in psutil.Process(server.child.process.pid).net_connections("tcp")
            if connection.raddr
        }
        assert address in peers


def test_a_worker_that_dies_ends_the_engine_soon(model: Path) -> None:
    with (
        working() as (worker, address),
        started("serve", str(model), "--context", "2048", "--worker", address) as child,
    ):
        ready = child.read_until(lambda event: isinstance(event, Ready))
        assert isinstance(ready, Ready)
        with pytest.raises(httpx2.TransportError):
            read_until_killed(ready, worker)
        killed = time.monotonic()
        assert child.process.wait(SOON_SECONDS) != 0
        assert time.monotonic() - killed < SOON_SECONDS
        child.end()
        failed = [event for event in child.events if isinstance(event, Failed)]
        assert [event.code for event in failed] == [ErrorCode.WORKER_LOST]


def read_until_killed(ready: Ready, worker: Child) -> None:
    """Read an endless reply, and kill the worker at its first piece."""
    headers = {"Authorization": f"Bearer {ready.key}"}
    body = {"prompt": "The mill", "stream": True, "temperature": 5, "logit_bias": {"2": -100}}
    options = {"headers": headers, "timeout": WAIT_SECONDS, "trust_env": False}
    with (
        httpx2.Client(base_url=ready.url, **options) as client,
        client.stream("POST", "/v1/completions", json=body) as response,
    ):
        for _ in response.iter_lines():
            worker.process.kill()


def test_a_worker_can_be_reached_as_soon_as_it_says_so() -> None:
    with working() as (_, address):
        host, _, port = address.rpartition(":")
        socket.create_connection((host, int(port))).close()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 64, None])
def test_somebody_else_at_the_address_is_said(answer: bytes | None, model: Path) -> None:
    with peer(answer) as address:
        began = time.monotonic()
        with started("serve", str(model), "--worker", address) as child:
            child.end()
        failed = child.events[-1]
        assert isinstance(failed, Failed)
        assert failed.code is ErrorCode.WORKER_UNREACHABLE
        assert failed.details["address"] == address
        # Two starts of Python are in it, for the engine's test and for the engine.
        assert time.monotonic() - began < WAIT_SECONDS


def test_nobody_at_the_address_is_said(model: Path) -> None:
    address = nobody()
    ended = run_verb("serve", str(model), "--worker", address)
    assert ended.status == 1
    pattern = sentence_of(ErrorCode.WORKER_UNREACHABLE, address=address)
    assert pattern.fullmatch(ended.complaints[-1])


@pytest.mark.parametrize("address", ["here", "127.0.0.1", "127.0.0.1:x", ":1"])
def test_an_address_needs_host_and_port(address: str, model: Path) -> None:
    ended = run_verb("serve", str(model), "--worker", address)
    assert ended.status == 2


def test_the_network_must_be_confirmed() -> None:
    ended = run_verb("worker", "--host", "0.0.0.0")
    assert ended.status == 1
    pattern = sentence_of(ErrorCode.NETWORK_UNCONFIRMED, address="0.0.0.0")
    assert pattern.fullmatch(ended.complaints[-1])


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run_verb("worker", "--port", port)
    assert ended.status == 1
    assert sentence_of(ErrorCode.PORT_IN_USE, port=port).fullmatch(ended.complaints[-1])
