"""What a child process tells its parent, and the one thing the parent tells it: one JSON line each.

The protocol is a closed union: a new event fails the type check of every `match` until handled.
"""

from __future__ import annotations

import json
from typing import Literal

import msgspec

from app.core.device_memory import DeviceMemory
from app.core.errors import ErrorCode, ErrorDetails, NoticeCode


class Progressed(msgspec.Struct, frozen=True, tag="progress"):
    """How far a step is, in bytes; `total_bytes` 0 means that the total is not known."""

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
    """One line of the checks before a conversion: what was looked at and what was seen."""

    subject: Subject
    finding: str
    error: ErrorCode | None = None
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


class LevelsApproximated(msgspec.Struct, frozen=True, tag="about"):
    """About how large each level of a model of so many weights will be, in bytes, by its name.

    A first answer before the exact ones.
    """

    parameters: int
    sizes: dict[str, int]


class LevelPlanned(msgspec.Struct, frozen=True, tag="level"):
    """The exact size that a level gives for one source, in bytes."""

    level: str
    size_bytes: int
    bits_per_weight: float
    target: str


class TensorPlanned(msgspec.Struct, frozen=True, tag="tensor"):
    """The type that a level gives one tensor; the shape with the slowest dimension first."""

    level: str
    name: str
    shape: tuple[int, ...]
    tensor_type: str
    size_bytes: int


class ModelListed(msgspec.Struct, frozen=True, tag="model"):
    """A GGUF file in the library; `problem` says why it can't be loaded, empty when it can."""

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
    """Another engine's server and the models that it offers; `problem` says why there are none."""

    url: str
    name: str
    models: tuple[str, ...] = ()
    key: str = ""
    problem: ErrorCode | None = None
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


class Loading(msgspec.Struct, frozen=True, tag="loading"):
    """How much of a model is loaded, 0 to 1."""

    fraction: float


class Alive(msgspec.Struct, frozen=True, tag="alive"):
    """The engine's sign of life, once a second; it stays out when the engine hangs."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The server answers at `url`, to whoever presents `key`.

    `network_url` is for other machines, and empty where none may come. `memory` is what the model
    takes on each device, `estimated` what was foretold for this very load, if anything was.
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
    """A worker waits for others at an address, `host:port`."""

    address: str


class Said(msgspec.Struct, frozen=True, tag="said"):
    """A piece of a reply."""

    text: str


class Noticed(msgspec.Struct, frozen=True, tag="notice"):
    """Something a person should know although the work goes on."""

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
    """A value that must appear neither in arguments nor in the environment."""

    value: str


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """What the work is about, for a child that was started before that was known."""

    value: str


Command = Cancel | Secret | Begin

_encoder = msgspec.json.Encoder()
_event_decoder = msgspec.json.Decoder(Event)
_command_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


def encode(message: Event | Command) -> bytes:
    """One message as one line."""
    try:
        return _encoder.encode(message) + b"\n"
    except UnicodeEncodeError:
        # A file name that is not UTF-8 must not silence the child: its odd bytes become "?".
        text = json.dumps(msgspec.to_builtins(message), ensure_ascii=False)
        return text.encode("utf-8", "replace") + b"\n"


def decode_event(line: bytes) -> Event:
    """One line as an event; raises `msgspec.DecodeError` when it is none."""
    event: Event = _event_decoder.decode(_text_of(line))
    return event


def decode_command(line: bytes) -> Command:
    """One line as a command; raises `msgspec.DecodeError` when it is none."""
    return _command_decoder.decode(_text_of(line))


def _text_of(line: bytes) -> str:
    return line.decode("utf-8", "replace")
