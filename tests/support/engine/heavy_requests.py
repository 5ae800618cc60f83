"""Expensive requests: ten each of huge prompts, schemas and grammars."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from tests.processes.serving import Server

HUGE_BYTES = 30_000_000
PROPERTIES = 5_000
REPETITIONS = 100_000
TIMES = 10
CHAT = "/v1/chat/completions"
_QUESTION = {"messages": [{"role": "user", "content": "Make one."}], "max_tokens": 200}


def huge_prompt() -> dict[str, Any]:
    """Return a message that fits into no context."""
    return {"messages": [{"role": "user", "content": "a" * HUGE_BYTES}], "max_tokens": 1}


def huge_schema() -> dict[str, Any]:
    """Return a schema with a huge number of properties."""
    properties = {f"property_{n}": {"type": "string"} for n in range(PROPERTIES)}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    form = {"type": "json_schema", "json_schema": {"name": "huge", "schema": schema}}
    return _QUESTION | {"response_format": form}


def huge_grammar() -> dict[str, Any]:
    """Return a short grammar that expands to a long one."""
    return _QUESTION | {"grammar": f"root ::= ([a-z] [a-z]?){{{REPETITIONS}}}"}


def wide_grammar() -> dict[str, Any]:
    """Return a valid grammar that explores thousands of paths per token."""
    words = " | ".join(f'"word{n} "' for n in range(3000))
    return _QUESTION | {"grammar": f"root ::= ({words}){{1,90}}"}


_MAKERS = (huge_prompt, huge_schema, huge_grammar, wide_grammar)


@contextmanager
def heavy_load(server: Server, times: int = TIMES) -> Iterator[list[int]]:
    """Send this many of each at once, repeatedly until the block ends, and count each status."""
    ended = threading.Event()
    answered: list[int] = []

    def send(body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        with server.client() as client:
            while not ended.is_set():
                try:
                    answered.append(client.post(CHAT, content=body, headers=headers).status_code)
                except httpx2.HTTPError:
                    return

    bodies = [json.dumps(make()).encode() for make in _MAKERS for _ in range(times)]
    threads = [threading.Thread(target=send, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    try:
        yield answered
    finally:
        ended.set()
        for thread in threads:
            thread.join()
