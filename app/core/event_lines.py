"""Events and commands as lines of JSON, as they go through the pipes between processes."""

from __future__ import annotations

import json

import msgspec

from app.core.events import Command, Event

_encoder = msgspec.json.Encoder()
_event_decoder = msgspec.json.Decoder(Event)
_command_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


def encode(message: Event | Command) -> bytes:
    """Return a message as one line."""
    try:
        return _encoder.encode(message) + b"\n"
    except UnicodeEncodeError:
        # A file name that isn't UTF-8 must not block the message: its odd bytes become "?".
        text = json.dumps(msgspec.to_builtins(message), ensure_ascii=False)
        return text.encode("utf-8", "replace") + b"\n"


def decode_event(line: bytes) -> Event:
    """Parse a line as an event.

    Raises:
        msgspec.DecodeError: the line is not an event.
    """
    event: Event = _event_decoder.decode(_text_of(line))
    return event


def decode_command(line: bytes) -> Command:
    """Parse a line as a command.

    Raises:
        msgspec.DecodeError: the line is not a command.
    """
    return _command_decoder.decode(_text_of(line))


def _text_of(line: bytes) -> str:
    return line.decode("utf-8", "replace")
