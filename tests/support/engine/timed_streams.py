"""A lightweight client of streams that records the arrival of each event."""

from __future__ import annotations

import json
import re
import socket
import time
from dataclasses import dataclass
from typing import Any

_EVENT = re.compile(rb"data: (\{.*?\})\n\n")
_END = b"data: [DONE]"


@dataclass(frozen=True)
class Address:
    """The address of a server on loopback, and its key."""

    port: int
    key: str = ""

    def request(self, path: str, body: dict[str, Any]) -> socket.socket:
        """Return a connection on which the request has been sent."""
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.sendall(head.encode() + content)
        return connection


@dataclass(frozen=True)
class TimedStream:
    """A streamed response: the time of the request, and each event with its arrival (monotonic)."""

    began: float
    events: list[tuple[float, dict[str, Any]]]

    @property
    def last(self) -> dict[str, Any]:
        """Last event, which has the usage."""
        return self.events[-1][1]

    @property
    def texts(self) -> list[tuple[float, str]]:
        """Events of a plain completion that contain text."""
        choices = [(at, event["choices"]) for at, event in self.events]
        return [(at, of[0]["text"]) for at, of in choices if of and of[0]["text"]]


def timed_stream(address: Address, path: str, body: dict[str, Any]) -> TimedStream:
    """Send the request and read the response to its end before parsing anything."""
    asked = body | {"stream": True, "stream_options": {"include_usage": True}}
    arrivals: list[tuple[int, float]] = []
    content = b""
    began = time.monotonic()
    with address.request(path, asked) as connection:
        while _END not in content[-64:]:
            received = connection.recv(2**16)
            assert received, content
            content += received
            arrivals.append((len(content), time.monotonic()))
    events = []
    for found in _EVENT.finditer(content):
        at = next(moment for length, moment in arrivals if length >= found.end())
        events.append((at, json.loads(found.group(1))))
    return TimedStream(began, events)
