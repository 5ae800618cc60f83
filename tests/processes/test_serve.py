"""The verb `serve` as a child process: what it answers, whom it refuses, and how it ends."""

from __future__ import annotations

import http.client
import itertools
import json
import resource
import select
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from app.core.errors import ErrorCode, NoticeCode
from app.core.events import Alive, Failed, Loading, NoticeReported, Ready
from app.core.settings import Settings, save_settings
from app.jobs.outcome import EXIT_CANCELED, EXIT_FAILED
from tests.processes.serving import WAIT_SECONDS, Server, serving
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.gguf.gguf_files import bad_files, llama_file
from tests.support.machine.verbs import run_verb, started

CONTEXT = 16_384
TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
CHAT, COMPLETIONS, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"
# Reading this prompt, or writing this reply, takes far longer than a test may wait for its end.
LONG_PROMPT = {"prompt": "x" * (CONTEXT - 100), "max_tokens": 1}
LONG_REPLY = {"prompt": "The mill", "temperature": 0}
SOON_SECONDS = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("serve")
    model = write_tiny_model(folder / "tiny.gguf", context=CONTEXT, template=TEMPLATE)
    # With more threads it would wait for cores that others use.
    options = ("--context", str(CONTEXT), "--threads", "1", "--slots", "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_HOME", str(folder / "home"))
        with serving(model, *options) as server:
            yield server


def user(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def refusal(server: Server, path: str, body: bytes) -> dict[str, Any]:
    with server.client() as client:
        response = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400, response.text
    error: dict[str, Any] = response.json()["error"]
    return error


# --- What it says and offers


def test_it_reports_loading_and_then_ready(server: Server) -> None:
    *loading, ready = server.child.events
    fractions = [event.fraction for event in loading if isinstance(event, Loading)]
    assert len(fractions) == len(loading)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert ready == server.ready
    assert (ready.model, ready.context, ready.gpu_layers) == ("tiny", CONTEXT, 0)
    assert ready.url.startswith("http://127.0.0.1:")
    assert len(ready.key) == 64


def test_health_needs_no_key_and_the_model_list_does(server: Server) -> None:
    with server.client(key="wrong") as client:
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get("/v1/models").status_code == 401
    with server.client() as client:
        (model,) = client.get("/v1/models").json()["data"]
    assert (model["id"], model["context_length"]) == ("tiny", CONTEXT)


def test_it_listens_on_loopback_alone(server: Server) -> None:
    import psutil

    (connection,) = [
        c
        for c in psutil.Process(server.child.process.pid).net_connections()
        if c.status == "LISTEN"
    ]
    assert connection.laddr.ip == "127.0.0.1"


# --- Answers


def test_a_chat_answer_and_its_figures(server: Server) -> None:
    answer = server.chat("Hello", max_tokens=5, temperature=0)
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "tiny"
    (choice,) = answer["choices"]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    usage, timings = answer["usage"], answer["timings"]
    assert usage["completion_tokens"] == timings["predicted_n"] == 5
    assert usage["total_tokens"] == usage["prompt_tokens"] + 5
    assert timings["predicted_per_second"] > 0


def test_a_template_becomes_the_prompt(server: Server) -> None:
    chat = server.chat("Hello", max_tokens=9, temperature=0)
    plain = server.complete("<user>Hello<assistant>", max_tokens=9, temperature=0)
    assert chat["choices"][0]["message"]["content"] == plain["choices"][0]["text"]


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
def test_a_stream_says_the_same_as_a_whole_answer(server: Server, path: str) -> None:
    body = {**user("Hello"), "prompt": "Hello", "max_tokens": 40, "temperature": 0}
    whole = server.post(path, body).json()
    *chunks, last = server.stream(path, body)
    text = "".join(chunk["choices"][0].get("delta", {}).get("content", "") for chunk in chunks)
    text += "".join(chunk["choices"][0].get("text", "") for chunk in chunks)
    assert text == whole["choices"][0].get(
        "text", whole["choices"][0].get("message", {}).get("content")
    )
    assert {chunk["choices"][0]["finish_reason"] for chunk in chunks} == {None}
    assert last["choices"][0]["finish_reason"] == "length"
    assert last["timings"]["predicted_n"] == 40
    assert len({chunk["id"] for chunk in [*chunks, last]}) == 1


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
def test_the_parts_of_a_stream_are_timed_if_asked_for(server: Server, path: str) -> None:
    # At random, the reply may end at once.
    body = {**user("Hello"), "prompt": "Hello", "max_tokens": 40, "temperature": 0}
    body |= {"timings_per_token": True}
    _, *chunks, _ = server.stream(path, body)
    counts = [chunk["timings"]["predicted_n"] for chunk in chunks]
    assert counts == sorted(counts)
    assert chunks[-1]["timings"]["predicted_per_second"] > 0


def test_usage_comes_last_when_asked_for(server: Server) -> None:
    body = user("Hello") | {"max_tokens": 3, "stream_options": {"include_usage": True}}
    *_, finish, usage = server.stream(CHAT, body)
    assert finish["choices"][0]["finish_reason"]
    assert usage["choices"] == []
    assert (
        usage["usage"]["total_tokens"]
        == usage["usage"]["prompt_tokens"] + usage["usage"]["completion_tokens"]
    )
    assert not any(
        "usage" in event for event in server.stream(CHAT, user("Hello") | {"max_tokens": 3})
    )


def test_a_stop_string_ends_the_answer_before_it(server: Server) -> None:
    text = server.complete("Hello", max_tokens=60, temperature=0)["choices"][0]["text"]
    stop = text[20:24]
    for stops in (stop, ["never to be met", stop]):
        answer = server.complete("Hello", max_tokens=60, temperature=0, stop=stops)
        (choice,) = answer["choices"]
        assert choice["text"] == text[: text.index(stop)]
        assert choice["finish_reason"] == "stop"


def test_a_seed_gives_the_same_text_twice(server: Server) -> None:
    texts = [
        server.complete("Hello", max_tokens=30, seed=seed, temperature=2)["choices"][0]["text"]
        for seed in (5, 6, 5)
    ]
    assert texts[0] == texts[2] != texts[1]


def test_what_two_requests_share_is_read_once(server: Server) -> None:
    server.complete("something else", max_tokens=1)
    first = server.complete("The mill grinds the corn.", max_tokens=1)["usage"]
    second = server.complete("The mill grinds the corn. And then?", max_tokens=1)
    assert first["prompt_tokens_details"]["cached_tokens"] < 10
    assert second["usage"]["prompt_tokens_details"]["cached_tokens"] >= first["prompt_tokens"]
    assert second["timings"]["prompt_n"] < first["prompt_tokens"]


def test_of_a_long_chat_only_what_is_new_is_read(server: Server) -> None:
    def said(messages: list[dict[str, Any]]) -> dict[str, Any]:
        # Letters, so that the reply's tokens are the same when they come back as text.
        options = {"max_tokens": 16, "grammar": "root ::= [a-z]{20}"}
        answer: dict[str, Any] = server.post(CHAT, {"messages": messages} | options).json()
        return answer

    messages = [{"role": "user", "content": "The miller opens the gate. " * 160}]
    first = said(messages)
    new = {"role": "user", "content": "And then?"}
    second = said([*messages, first["choices"][0]["message"], new])
    # The last token of a reply is chosen, but not read: nothing comes after it.
    read = first["usage"]["total_tokens"] - 1
    assert first["usage"]["prompt_tokens"] > 4000
    assert second["usage"]["prompt_tokens_details"]["cached_tokens"] == read
    assert second["timings"]["prompt_n"] == second["usage"]["prompt_tokens"] - read < 40


def test_a_nul_in_the_prompt_is_a_character(server: Server) -> None:
    without = server.complete("ab", max_tokens=1)["usage"]["prompt_tokens"]
    assert server.complete("a\0b", max_tokens=1)["usage"]["prompt_tokens"] == without + 1


# --- Refusals


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"prompt": "\\ud800", "input": "\\ud800", '
        b'"messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"prompt": 5, "messages": 5, "input": 5}',
        b'{"unknown": ' + b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("path", [CHAT, COMPLETIONS, RESPONSES])
def test_what_is_no_request_gets_a_sentence(server: Server, path: str, body: bytes) -> None:
    error = refusal(server, path, body)
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "request_invalid"
    assert error["message"].startswith("The request can't be processed: ")


def test_an_image_is_refused_in_words(server: Server) -> None:
    parts = [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]
    error = refusal(
        server, CHAT, json.dumps({"messages": [{"role": "user", "content": parts}]}).encode()
    )
    assert "only text can be read, not “image_url”" in error["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_full_context_is_said_before_the_answer_begins(server: Server, stream: bool) -> None:
    body = json.dumps({"prompt": "x" * 20_000, "stream": stream}).encode()
    error = refusal(server, COMPLETIONS, body)
    assert error["code"] == "context_full"
    tokens = error["facts"]["tokens"]
    assert error["message"].startswith(
        f"The conversation needs at least {tokens:,} tokens, but the context holds {CONTEXT:,}."
    )


def test_a_body_over_32_mb_is_refused_whether_announced_or_not(server: Server) -> None:
    part = b" " * 2**20

    def parts() -> Iterator[bytes]:
        yield from itertools.repeat(part, 33)

    with server.client() as client:
        headers = {"Content-Type": "application/json"}
        for content in (part * 33, parts()):
            try:
                response = client.post(COMPLETIONS, content=content, headers=headers)
            except httpx2.WriteError:
                # It answers and closes before it has read all.
                continue
            assert response.status_code == 413
    assert server.complete("still there", max_tokens=1)


def test_only_the_listed_cells_of_the_matrix_are_answered(server: Server) -> None:
    port = server.port
    hosts = {
        f"127.0.0.1:{port}": True,
        f"localhost:{port}": True,
        f"LOCALHOST:{port}": True,
        "127.0.0.1": False,
        f"127.0.0.1:{port + 1}": False,
        f"[::1]:{port}": False,
        f"evil.example:{port}": False,
        "": False,
    }
    origins = {
        None: True,
        "": False,
        "null": False,
        "file://": False,
        f"http://127.0.0.1:{port}": False,
        f"http://localhost:{port}": False,
        "https://evil.example": False,
        "chrome-extension://abc": False,
    }
    kinds = {
        "application/json": True,
        "Application/JSON; charset=utf-8": True,
        "text/plain": False,
        "application/x-www-form-urlencoded": False,
        None: False,
    }
    keys = {f"Bearer {server.ready.key}": True, "Bearer wrong": False, None: False}
    routes = {
        ("GET", "/health"): 200,
        ("GET", "/v1/models"): 200,
        ("POST", CHAT): 400,
        ("POST", COMPLETIONS): 400,
        ("POST", RESPONSES): 400,
        ("GET", CHAT): 405,
        ("GET", RESPONSES): 405,
        ("DELETE", "/v1/models"): 405,
        ("GET", "/"): 404,
        ("POST", "/v1/nothing"): 404,
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
    wrong = []
    for host, origin, kind, key, route in itertools.product(hosts, origins, kinds, keys, routes):
        method, path = route
        if not hosts[host] or not origins[origin]:
            expected = 403
        elif path != "/health" and not keys[key]:
            expected = 401
        elif method == "POST" and not kinds[kind]:
            expected = 415
        else:
            expected = routes[route]
        headers = {"Origin": origin, "Content-Type": kind, "Authorization": key}
        status, allowed = _ask(connection, method, path, host, headers)
        if status != expected or allowed:
            wrong.append((host, origin, kind, key, route, status, expected, allowed))
    connection.close()
    assert not wrong, wrong[:5]


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    host: str,
    headers: dict[str, str | None],
) -> tuple[int, str | None]:
    body = b"{}" if method == "POST" else b""
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host)
    connection.putheader("Content-Length", str(len(body)))
    for name, value in headers.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    response.read()
    return response.status, response.headers.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize(
    "header", ["Sec-Fetch-Site: cross-site", "Host: evil.example", "Content-Length: -1"]
)
def test_a_doubtful_header_more_is_refused(server: Server, header: str) -> None:
    lines = (
        f"POST {COMPLETIONS} HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        f"Authorization: Bearer {server.ready.key}",
        "Content-Type: application/json",
        "Content-Length: 2",
        "Connection: close",
        header,
    )
    with socket.create_connection(("127.0.0.1", server.port), WAIT_SECONDS) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n{}")
        status = int(connection.makefile("rb").readline().split()[1])
    assert status == (403 if header.startswith("Sec") else 400) or (
        status == 403 and header.startswith("Host")
    )


# --- A short queue, and clients that go away


def send(server: Server, body: dict[str, Any]) -> socket.socket:
    """Send a request without reading the response."""
    content = json.dumps(body).encode()
    head = (
        f"POST {COMPLETIONS} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Authorization: Bearer {server.ready.key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", server.port), WAIT_SECONDS)
    connection.sendall(head.encode() + content)
    return connection


def await_answer(server: Server) -> None:
    """Check that the engine is free again and replies at once."""
    with server.client() as client:
        body = {"prompt": "still there?", "max_tokens": 1}
        assert client.post(COMPLETIONS, json=body, timeout=SOON_SECONDS).status_code == 200


def test_a_client_that_goes_away_mid_stream_frees_the_engine(server: Server) -> None:
    with send(server, LONG_REPLY | {"stream": True}) as connection:
        assert b"200 OK" in connection.recv(4096)
    await_answer(server)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_during_a_long_prompt_frees_the_engine(
    server: Server, stream: bool
) -> None:
    before = server.complete("x", max_tokens=1)
    assert before
    with send(server, LONG_PROMPT | {"stream": stream}) as connection:
        # The health check is answered while the engine reads.
        with server.client() as client:
            assert client.get("/health").status_code == 200
        assert not select.select([connection], [], [], 0.5)[0]
    # Reading to the end would take far longer.
    await_answer(server)


def test_a_client_that_goes_away_from_a_whole_reply_frees_the_engine(server: Server) -> None:
    with send(server, LONG_REPLY) as connection:
        assert not select.select([connection], [], [], 0.5)[0]
    await_answer(server)


def test_a_full_queue_is_said_and_empties_again(server: Server) -> None:
    with ExitStack() as connections:
        running = connections.enter_context(send(server, LONG_REPLY | {"stream": True}))
        assert b"200 OK" in running.recv(4096)
        waiting = [connections.enter_context(send(server, LONG_REPLY)) for _ in range(9)]
        (refused,), _, _ = select.select(waiting, [], [], WAIT_SECONDS)
        assert b" 429 " in refused.recv(4096)
    await_answer(server)


def test_requests_at_the_same_time_are_all_answered(server: Server) -> None:
    expected = [server.complete(f"{n}", max_tokens=5, temperature=0)["choices"] for n in range(6)]
    answers: dict[int, Any] = {}

    def ask(number: int) -> None:
        answer = server.complete(f"{number}", max_tokens=5, temperature=0)
        answers[number] = answer["choices"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answers[number] for number in range(6)] == expected


# --- Starting: settings, notices, and what stands in the way


def test_the_settings_hold_where_nothing_is_given(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    save_settings(Settings(context=512, threads=1))
    model = write_tiny_model(tmp_path / "tiny.gguf", context=2048, template=TEMPLATE)
    with serving(model) as server:
        assert (server.ready.context, server.ready.threads) == (512, 1)
    with serving(model, "--context", "1024", "--threads", "2") as server:
        assert (server.ready.context, server.ready.threads) == (1024, 2)


def test_what_is_done_otherwise_than_wished_is_said(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (home / "settings.json").write_text("{")
    model = write_tiny_model(tmp_path / "tiny.gguf")
    with serving(model, "--context", "4096") as server:
        notices = {
            event.code: event.details
            for event in server.child.events
            if isinstance(event, NoticeReported)
        }
        assert server.ready.context == 256
        answer = server.chat("Hello", max_tokens=3)
    assert answer["choices"][0]["finish_reason"] in ("length", "stop")
    assert set(notices) == {
        NoticeCode.SETTINGS_RESET,
        NoticeCode.CONTEXT_REDUCED,
        NoticeCode.TEMPLATE_FALLBACK,
    }
    assert notices[NoticeCode.CONTEXT_REDUCED] == {"context": 256}
    assert notices[NoticeCode.TEMPLATE_FALLBACK] == {"reason": "the file has none"}


def test_a_suspicious_template_is_told(tmp_path: Path) -> None:
    template = TEMPLATE + "{% if 'bank' in messages[-1].content %}Acme{% endif %}"
    model = write_tiny_model(tmp_path / "tiny.gguf", template=template)
    with serving(model) as server:
        notices = {
            event.code: event.details
            for event in server.child.events
            if isinstance(event, NoticeReported)
        }
    suspicion = notices[NoticeCode.TEMPLATE_SUSPICIOUS]
    assert suspicion == {"reasons": "it searches messages for certain words"}


def test_a_name_that_is_not_utf8_is_served_too(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("other systems have no such names")
    model = write_tiny_model(tmp_path / "m\udcffl.gguf", context=2048, template=TEMPLATE)
    with serving(model) as server:
        assert server.chat("Hello", max_tokens=2)["model"] == "m?l"
        error = refusal(server, COMPLETIONS, json.dumps({"prompt": "x" * 3000}).encode())
        assert error["code"] == "context_full"


def test_weights_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "broken.gguf", with_numbers=False)
    with serving(model) as server:
        for body in (user("Hello"), user("Hello") | {"stream": True}):
            response = server.post(CHAT, body)
            assert response.status_code == 500
            error = response.json()["error"]
            assert (error["type"], error["code"]) == ("server_error", "model_rejected")
            assert "values that are not numbers" in error["message"]


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_verb("serve", str(model), "--port", str(port))
    assert ended.status == EXIT_FAILED
    (line,) = ended.complaints
    assert line.startswith(f"gristmill: Port {port} on this machine is used")


@pytest.mark.parametrize("kind", ["empty", "text", "data_one_byte_short", "duplicate_key"])
def test_a_file_that_is_no_model_is_said_in_one_line(tmp_path: Path, kind: str) -> None:
    content, code = bad_files()[kind]
    (tmp_path / "bad.gguf").write_bytes(content)
    ended = run_verb("serve", str(tmp_path / "bad.gguf"))
    assert ended.status == EXIT_FAILED
    (line,) = ended.complaints
    assert line.startswith("gristmill: bad.gguf is ")
    with started("serve", str(tmp_path / "bad.gguf")) as child:
        assert child.end() == EXIT_FAILED
    (failed,) = child.events
    assert isinstance(failed, Failed)
    assert failed.code is code


@pytest.mark.parametrize(
    "changes",
    [
        {"llama__block_count": 0},
        {"llama__block_count": 2**32 - 1},
        {"llama__expert_count": 2**31},
        {"tokenizer__ggml__tokens": ["a", "b", "a"]},
        {"tokenizer__ggml__bos_token_id": 999_999},
    ],
)
def test_what_the_engine_would_abort_on_is_named_before(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    path = llama_file(**changes).write(tmp_path / "insane.gguf")
    ended = run_verb("serve", str(path))
    assert ended.status == EXIT_FAILED
    (line,) = ended.complaints
    assert line.startswith("gristmill: insane.gguf is damaged: ")


def test_a_model_that_the_engine_refuses_is_named_with_its_reason(tmp_path: Path) -> None:
    path = llama_file().write(tmp_path / "hollow.gguf")
    ended = run_verb("serve", str(path))
    assert ended.status == EXIT_FAILED
    (line,) = ended.complaints
    assert line.startswith("gristmill: The engine can't load hollow.gguf: ")
    assert "it gave no reason" not in line


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    for missing in (str(tmp_path / "missing.gguf"), str(tmp_path), "starter"):
        ended = run_verb("serve", missing)
        assert ended.status == EXIT_FAILED
        (line,) = ended.complaints
        assert line.startswith(f"gristmill: There is no model {missing}.")


# --- The end


WAYS = ("end of input", "cancel")
SIGNALS = () if sys.platform == "win32" else ("SIGTERM", "SIGINT")


@pytest.mark.parametrize(
    ("when", "how"),
    [
        *itertools.product(("starting",), WAYS),
        *itertools.product(("idle", "writing"), (*WAYS, *SIGNALS)),
    ],
)
def test_it_ends_at_once(tmp_path: Path, how: str, when: str) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=CONTEXT, template=TEMPLATE)
    with started("serve", str(model), "--context", str(CONTEXT)) as child, ExitStack() as stack:
        if when != "starting":
            ready = child.read_until(lambda event: isinstance(event, Ready))
        if when == "writing":
            assert isinstance(ready, Ready)
            reply = send(Server(child, ready), LONG_REPLY | {"stream": True})
            assert b"200 OK" in stack.enter_context(reply).recv(4096)
        match how:
            case "cancel":
                child.cancel()
            case "end of input":
                child.stdin.close()
            case _:
                child.process.send_signal(signal.Signals[how])
        assert child.process.wait(timeout=SOON_SECONDS) == EXIT_CANCELED
        assert "Traceback" not in child.log()


# --- A real model


@pytest.mark.slow
def test_a_real_model_answers_and_a_megabyte_is_refused(starter: Path) -> None:
    with serving("starter", "--context", "1024") as server:
        assert (server.ready.model, server.ready.level) == ("SmolLM2-135M-Instruct", "Q4_1")
        body = "The capital of France is"
        text = server.complete(body, max_tokens=8, temperature=0)["choices"][0]["text"]
        assert "Paris" in text
        for filling in ("ab ", "a", "小", "\n"):
            prompt = filling * (2**20 // len(filling.encode()))
            error = refusal(server, COMPLETIONS, json.dumps({"prompt": prompt}).encode())
            assert error["code"] == ErrorCode.CONTEXT_FULL
        assert server.chat("Hello", max_tokens=4)["usage"]["completion_tokens"] > 0


@pytest.mark.skipif(sys.platform != "linux", reason="the limit can be read on Linux alone")
def test_a_crash_writes_no_image_of_the_memory() -> None:
    allowed = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (allowed[1], allowed[1]))
    try:
        with started("serve", "nothing-there") as child:
            child.read_until(lambda event: isinstance(event, Alive))
            assert psutil.Process(child.process.pid).rlimit(psutil.RLIMIT_CORE)[0] == 0
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, allowed)
