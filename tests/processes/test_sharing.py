"""`serve` beyond loopback: only when the address is typed twice, and with the same guard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from app.core.errors import ErrorCode, NoticeCode
from app.core.events import NoticeReported
from tests.processes.serving import Server, serving
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.machine.verbs import run_verb, sentence_of

EVERYWHERE = ("--host", "0.0.0.0", "--confirm-network", "0.0.0.0")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("share") / "tiny.gguf")


@pytest.fixture(scope="module")
def shared(model: Path) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_HOME", str(model.parent / "home"))
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        with serving(model, *EVERYWHERE, "--keep-key", "--threads", "1") as server:
            yield server


@pytest.mark.parametrize("confirmed", [(), ("--confirm-network", "127.0.0.1")])
def test_an_address_beyond_loopback_must_be_typed_twice(
    model: Path, confirmed: tuple[str, ...]
) -> None:
    ended = run_verb("serve", str(model), "--host", "0.0.0.0", *confirmed)
    assert ended.status == 1
    (line,) = ended.complaints
    assert sentence_of(ErrorCode.NETWORK_UNCONFIRMED, address="0.0.0.0").fullmatch(line)


def test_an_address_of_somebody_else_is_named(model: Path) -> None:
    ended = run_verb("serve", str(model), "--host", "mill", "--confirm-network", "mill")
    (line,) = ended.complaints
    assert sentence_of(ErrorCode.ADDRESS_UNUSABLE, address="mill").fullmatch(line)


def test_the_window_still_asks_on_loopback_and_others_have_an_address(shared: Server) -> None:
    assert shared.ready.url == f"http://127.0.0.1:{shared.port}"
    assert shared.chat("Hello", max_tokens=1)["choices"]
    assert shared.ready.network_url not in ("", shared.ready.url)
    headers = {"Authorization": f"Bearer {shared.ready.key}"}
    answer = httpx2.get(
        f"{shared.ready.network_url}/v1/models", headers=headers, timeout=20, trust_env=False
    )
    assert answer.status_code == 200


def test_names_that_are_not_this_machine_s_are_refused_there_too(shared: Server) -> None:
    with shared.client() as client:
        for host in ("evil.example", f"evil.example:{shared.port}", "0.0.0.0", ""):
            assert client.get("/v1/models", headers={"Host": host}).status_code == 403
    with shared.client(key="wrong") as client:
        assert client.get("/v1/models").status_code == 401


def test_without_a_keyring_the_key_is_new_and_that_is_said(shared: Server) -> None:
    notices = [event.code for event in shared.child.events if isinstance(event, NoticeReported)]
    assert NoticeCode.SERVER_KEY_NOT_KEPT in notices
    assert len(shared.ready.key) == 64
