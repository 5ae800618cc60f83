"""Workers that are not there, are none, or go away under a reply: the window stays and says so."""

from __future__ import annotations

import psutil
import pytest

from app.gui.services.engine import EngineFailed, EngineReady
from tests.processes.working import nobody, peer, working
from tests.support.engine.engine_faults import Client


def test_a_worker_that_is_killed_under_a_reply(client: Client) -> None:
    with working() as (worker, address):
        client.use_workers(address)
        assert client.bring_to("prompt")
        assert isinstance(client.engine.state, EngineReady)
        assert client.engine.state.server.gpu_layers > 0
        worker.process.kill()
        message = client.reply()
    assert message.state == "failed"
    assert "The connection to a worker that held part of the model was lost" in message.reason
    client.use_workers()
    client.be_ready()
    client.ask()
    client.wait_until(lambda: bool(client.text))


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", None])
def test_somebody_else_at_the_address(client: Client, answer: bytes | None) -> None:
    with peer(answer) as address:
        client.use_workers(address)
        assert f"There is no worker at {address}" in sentence_at_load(client)


def test_nobody_at_the_address(client: Client) -> None:
    address = nobody()
    client.use_workers(address)
    assert f"There is no worker at {address}" in sentence_at_load(client)


def test_no_address_at_all(client: Client) -> None:
    client.use_workers("127.0.0.1:99999")
    assert "There is no worker at 127.0.0.1:99999" in sentence_at_load(client)


def test_by_default_nothing_listens_but_the_engine_on_loopback(client: Client) -> None:
    client.be_ready()
    own = {psutil.Process(), *psutil.Process().children(recursive=True)}
    listening = [
        connection.laddr.ip
        for process in own
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def sentence_at_load(client: Client) -> str:
    client.load()
    client.wait_until(lambda: isinstance(client.engine.state, EngineFailed))
    assert isinstance(client.engine.state, EngineFailed)
    return client.engine.state.sentence
