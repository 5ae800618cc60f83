"""Another engine's server: well behaved, or with one of many faults."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

MODEL = "far-model"
_POLL_SECONDS = 0.02
Lines = Iterator[bytes]
_MEGABYTE = b"x" * 2**20


def event(content: Any) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    return event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})


def reply(text: str, thoughts: str = "", name: str = "reasoning_content") -> list[bytes]:
    """Return a reply word by word, as streamed by vLLM: without timings, with usage at the end."""
    thought = [chunk({name: word + " "}) for word in thoughts.split()]
    said = [chunk({"content": word}) for word in text.split(" ")]
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": len(said)}}
    return [*thought, *said, chunk({}, "stop"), event(usage), b"data: [DONE]\n\n"]


class EndpointServer:
    """Serve `/v1/models` and `/v1/chat/completions` on loopback, and record the requests.

    Args:
        models: the body of the list of models, or the names of its entries.
        lines: the lines of a streamed reply.
        status, headers: of all responses.
        key: if set, requests without it are refused.
    """

    def __init__(
        self,
        *,
        models: bytes | Sequence[str] = (MODEL,),
        lines: Callable[[], Sequence[bytes] | Lines] = lambda: reply("Paris"),
        status: int = 200,
        headers: dict[str, str] | None = None,
        key: str = "",
    ) -> None:
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.is_ending = threading.Event()
        body = models if isinstance(models, bytes) else _list_of(models)
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self) -> None:
                server.asked.append((self.path, dict(self.headers), None))
                self.answer("application/json", [body])

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                server.asked.append((self.path, dict(self.headers), json.loads(content)))
                self.answer("text/event-stream", lines())

            def answer(self, kind: str, pieces: Sequence[bytes] | Lines) -> None:
                is_known = not key or self.headers.get("Authorization") == f"Bearer {key}"
                self.send_response(status if is_known else 401)
                for name, value in ({"Content-Type": kind} | (headers or {})).items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    for piece in pieces if is_known else [b'{"error": {"message": "No."}}']:
                        self.wfile.write(piece)
                        self.wfile.flush()
                except OSError:
                    return

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _list_of(models: Sequence[str]) -> bytes:
    return json.dumps({"object": "list", "data": [{"id": name} for name in models]}).encode()


def endless(piece: bytes = _MEGABYTE) -> Lines:
    while True:
        yield piece


BAD_LISTS: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"<html>Welcome to nginx</html>",
    "a list": b"[]",
    "no list": b'{"data": {}}',
    "null": b'{"data": null}',
    "entries without a name": b'{"data": [{}]}',
    "a name that is a number": b'{"data": [{"id": 7}]}',
    "an empty name": b'{"data": [{"id": ""}]}',
    "deep": b'{"data": ' + b"[" * 100_000,
    "invalid UTF-8": b'{"data": [{"id": "\xff\xfe"}]}',
    "lone surrogate": b'{"data": [{"id": "\\ud800"}]}',
    "too large": b" " * (5 * 2**20),
    "compressed": gzip.compress(b" " * 2**24),
}
"""Lists of models that can't be read."""

BAD_STREAMS: dict[str, Callable[[], Sequence[bytes] | Lines]] = {
    "nothing": list,
    "no events": lambda: [b"<html>Welcome to nginx</html>"],
    "an endless line": endless,
    "endless events": lambda: endless(chunk({"content": "y" * 65_536})),
    "endless comments": lambda: endless(b": ping\n\n" * 4096),
    "broken off": lambda: [chunk({"content": "Par"})],
    "not UTF-8": lambda: [b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n'],
    "no JSON": lambda: [b"data: {x\n\n"],
    "deep": lambda: [b'data: {"choices": ' + b"[" * 100_000 + b"\n\n"],
    "text instead of choices": lambda: [event({"choices": "none"})],
    "a number as content": lambda: [chunk({"content": 7}, "stop")],
    "choices that are null": lambda: [event({"choices": None})],
    "an error as text": lambda: [event({"error": "out of memory"})],
    "an error as object": lambda: [event({"error": {"message": "out of memory"}})],
    "an error of another kind": lambda: [event({"error": 7})],
    "an error without words": lambda: [event({"error": {}})],
    "other events": lambda: [b"event: execute\ndata: {}\n\n", b"event: end\ndata: [1]\n\n"],
    "script": lambda: [b'event: execute\ndata: {"type": "execute", "data": "alert(1)"}\n\n'],
    "compressed": lambda: [gzip.compress(b"data: [DONE]\n\n")],
    "zeros": lambda: [bytes(4096)],
}
"""Streams without a complete reply."""
