"""Events that a child process sends and commands that it receives, each as one JSON line.

The protocol is a closed union: a new event fails the type check of every exhaustive `match` until
handled.
"""

from __future__ import annotations

import json
from typing import Literal

import msgspec

from app.core.device_memory import DeviceMemory
from app.core.errors import ErrorCode, ErrorDetails, NoticeCode


class Progressed(msgspec.Struct, frozen=True, tag="progress"):
    """Progress of a step in bytes; a `total_bytes` of 0 means unknown."""

    step: Literal[
        "download",
        "outline",
        "checks",
        "plan",
        "convert",
        "setup",
        "calibrate",
        "speed",
        "measure",
        "probe",
    ]
    done_bytes: int
    total_bytes: int
    detail: str = ""


Subject = Literal[
    "files",
    "weights",
    "code",
    "base",
    "converter",
    "architecture",
    "tokenizer",
    "memory",
    "disk",
]


class Checked(msgspec.Struct, frozen=True, tag="checked"):
    """One check before a conversion: its subject, and the finding or error."""

    subject: Subject
    finding: str
    error: ErrorCode | None = None
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


class LevelsApproximated(msgspec.Struct, frozen=True, tag="about"):
    """Approximate size of each level by name, in bytes, before the exact sizes are known.

    `parameters` is the number of weights of the model.
    """

    parameters: int
    sizes: dict[str, int]


class LevelPlanned(msgspec.Struct, frozen=True, tag="level"):
    """Exact size of a source at one level."""

    level: str
    size_bytes: int
    bits_per_weight: float
    target: str


class TensorPlanned(msgspec.Struct, frozen=True, tag="tensor"):
    """Type of a tensor at one level; the slowest dimension of its shape comes first."""

    level: str
    name: str
    shape: tuple[int, ...]
    tensor_type: str
    size_bytes: int


class ModelListed(msgspec.Struct, frozen=True, tag="model"):
    """A GGUF file in the library; `problem` is the reason why it can't be loaded, if any."""

    path: str
    name: str
    level: str
    architecture: str
    size_bytes: int
    parameters: int
    context: int
    problem: ErrorCode | None = None
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


class EndpointListed(msgspec.Struct, frozen=True, tag="endpoint"):
    """An endpoint and the models that it offers; `problem` is the reason if there are none."""

    url: str
    name: str
    models: tuple[str, ...] = ()
    key: str = ""
    problem: ErrorCode | None = None
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


class Loading(msgspec.Struct, frozen=True, tag="loading"):
    """Progress of loading a model, 0 to 1."""

    fraction: float


class Alive(msgspec.Struct, frozen=True, tag="alive"):
    """Heartbeat of the engine, once a second; it stops when the engine hangs."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The server is ready at `url` for clients that present `key`.

    `network_url` is for other machines, empty if they have no access. `memory` is the model's
    memory on each device, `estimated` the prediction for this load, if there was one.
    """

    url: str
    key: str
    model: str
    level: str
    context: int
    gpu_layers: int
    threads: int
    network_url: str = ""
    experts_on_cpu: int = 0
    memory: dict[str, DeviceMemory] = {}
    estimated: dict[str, DeviceMemory] = {}


class Listening(msgspec.Struct, frozen=True, tag="listening"):
    """A worker listens at an address, `host:port`."""

    address: str


class Said(msgspec.Struct, frozen=True, tag="said"):
    """A piece of a reply."""

    text: str


class Noticed(msgspec.Struct, frozen=True, tag="notice"):
    """Something that users should know although the work continues."""

    code: NoticeCode
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The work is done; `paths` are the files it made or found, `details` its figures."""

    paths: tuple[str, ...] = ()
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The work ended with an expected error."""

    code: ErrorCode
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


Event = (
    Progressed
    | Checked
    | LevelsApproximated
    | LevelPlanned
    | TensorPlanned
    | ModelListed
    | EndpointListed
    | Loading
    | Alive
    | Ready
    | Listening
    | Said
    | Noticed
    | Finished
    | Failed
)


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Stop the work and leave nothing behind."""


class Secret(msgspec.Struct, frozen=True, tag="secret"):
    """A value that must not appear in arguments or the environment."""

    value: str


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """Subject of the work, for a child that was started before it was known."""

    value: str


Command = Cancel | Secret | Begin

_encoder = msgspec.json.Encoder()
_event_decoder = msgspec.json.Decoder(Event)
_command_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


def encode(message: Event | Command) -> bytes:
    """Encode a message as one line."""
    try:
        return _encoder.encode(message) + b"\n"
    except UnicodeEncodeError:
        # A file name that is not UTF-8 must not break the event: replace its invalid bytes by "?".
        text = json.dumps(msgspec.to_builtins(message), ensure_ascii=False)
        return text.encode("utf-8", "replace") + b"\n"


def decode_event(line: bytes) -> Event:
    """Decode a line as an event; raise `msgspec.DecodeError` if it is not one."""
    event: Event = _event_decoder.decode(_text_of(line))
    return event


def decode_command(line: bytes) -> Command:
    """Decode a line as a command; raise `msgspec.DecodeError` if it is not one."""
    return _command_decoder.decode(_text_of(line))


def _text_of(line: bytes) -> str:
    return line.decode("utf-8", "replace")
