"""A `serve` child for the tests: started with a model, asked over HTTP, ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from app.core.events import Ready
from tests.support.machine.verbs import Child, started

WAIT_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running `serve`: the child, its address and its key."""

    child: Child
    ready: Ready

    @property
    def port(self) -> int:
        """Address that the server listens on."""
        return int(self.ready.url.rpartition(":")[2])

    def client(self, key: str | None = None) -> httpx2.Client:
        """Return a client with the key, or with another one."""
        headers = {"Authorization": f"Bearer {self.ready.key if key is None else key}"}
        return httpx2.Client(
            base_url=self.ready.url, headers=headers, timeout=WAIT_SECONDS, trust_env=False
        )

    def post(self, path: str, body: dict[str, Any]) -> httpx2.Response:
        """Send a request, and return the complete response."""
        with self.client() as client:
            return client.post(path, json=body)

    def chat(self, text: str, **options: Any) -> dict[str, Any]:
        """Return the complete chat completion of one message."""
        body = {"messages": [{"role": "user", "content": text}]} | options
        response = self.post("/v1/chat/completions", body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def complete(self, prompt: str, **options: Any) -> dict[str, Any]:
        """Return a complete plain completion."""
        response = self.post("/v1/completions", {"prompt": prompt} | options)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def stream(self, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Return all events of a streamed response, without the required end marker."""
        response = self.post(path, body | {"stream": True})
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("text/event-stream")
        *events, last, empty = response.content.split(b"\n\n")
        assert (last, empty) == (b"data: [DONE]", b"")
        return [json.loads(event.removeprefix(b"data: ")) for event in events]


@contextmanager
def serving(model: Path | str, *options: str) -> Iterator[Server]:
    """Start `serve` and wait until it is ready; its log must contain no traceback."""
    with started("serve", *options, str(model)) as child:
        ready = child.read_until(lambda event: isinstance(event, Ready))
        assert isinstance(ready, Ready)
        yield Server(child, ready)
        assert "Traceback" not in child.log()
