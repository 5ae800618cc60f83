"""Messages between a child process and its parent: one JSON line each, events up, commands down.

`Event` is a closed union. `app.cli.terminal` matches it exhaustively, so mypy reports an event that
has no line there. All other readers match the events they need and ignore the rest. A line that is
no event, such as one with an unknown tag, makes `decode_event` raise; the window adds that line to
the child's log. Fields that a reader doesn't know are ignored.

Results that belong to packages above this one travel as `msgspec.Raw`: each has an event, and the
package that owns the type decodes it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from app.core.allocation_events import (
    FileCompared,
    MeasuringPlanned,
    RoundingCorrected,
    ScalesTuned,
    TypesChosen,
)
from app.core.device_memory import DeviceMemory
from app.core.errors import ErrorCode, ErrorDetails, NoticeCode
from app.core.hub_events import HubAnswered, HubModelFound, HubPageFound, HubRequest
from app.core.inspection_events import ModelInspected, TemplateTried
from app.core.model_facts import Marks, Measured, ModelFacts, Verification
from app.core.publish_events import PublishAdvanced, PublishPlanned


class Progressed(msgspec.Struct, frozen=True, tag="progress"):
    """Progress of a step, in bytes; `total_bytes` is 0 if the total is unknown."""

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
        "sensitivity",
        "comparison",
        "rounding",
        "tuning",
        "edit",
        "verify",
        "publish",
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
    """One of the checks before a conversion, with its finding or its error."""

    subject: Subject
    finding: str
    error: ErrorCode | None = None
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


class SourceLocated(msgspec.Struct, frozen=True, tag="source"):
    """The folder that stands for a repository: its outline, or its download."""

    path: str


class LevelsApproximated(msgspec.Struct, frozen=True, tag="about"):
    """The approximate size in bytes of each level, by name; the exact sizes follow."""

    parameters: int
    sizes: dict[str, int]


class LevelPlanned(msgspec.Struct, frozen=True, tag="level"):
    """The exact size of a source at a level, in bytes."""

    level: str
    size_bytes: int
    bits_per_weight: float
    target: str


class TensorPlanned(msgspec.Struct, frozen=True, tag="tensor"):
    """The type of one tensor at a level; its shape has the slowest dimension first."""

    level: str
    name: str
    shape: tuple[int, ...]
    tensor_type: str
    size_bytes: int


class ModelListed(msgspec.Struct, frozen=True, tag="model"):
    """A GGUF file in the library; `problem` is the reason it can't be loaded, if any.

    `place` tells it apart from another model of the same name and level; empty if there is none.
    `projector` is the path of the file that lets it see or hear, `program` the other program that
    the file belongs to; both may be empty.
    """

    path: str
    name: str
    level: str
    architecture: str
    size_bytes: int
    parameters: int
    context: int
    problem: ErrorCode | None = None
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")
    place: str = ""
    header: ModelFacts = ModelFacts()
    projector: str = ""
    program: str = ""
    marks: Marks = Marks()
    verification: Verification | None = None
    measured: Measured | None = None

    @property
    def title(self) -> str:
        """The user's label, or else the name."""
        return self.marks.label or self.name


class FolderListed(msgspec.Struct, frozen=True, tag="folder"):
    """A folder or file of the library, or the store of another program.

    `models` and `size_bytes` count its contents. If it can't be found now, `is_connected` is False,
    and they are those of the last scan that found it. `program` is the other program's name; its
    models are listed only if `is_shown`, and not searched otherwise.
    """

    path: str
    models: int
    size_bytes: int
    is_connected: bool = True
    program: str = ""
    is_shown: bool = True


class FoldersWatched(msgspec.Struct, frozen=True, tag="watched"):
    """The folders whose changes may change the list of models."""

    paths: tuple[str, ...]


class ModelVerified(msgspec.Struct, frozen=True, tag="verified"):
    """The result of hashing a model's files; `path` is the first one."""

    path: str
    verification: Verification


class CheckpointListed(msgspec.Struct, frozen=True, tag="checkpoint"):
    """A downloaded checkpoint or adapter: its folder, its name as `owner/name`, and its size."""

    path: str
    name: str
    size_bytes: int

    @property
    def title(self) -> str:
        """The name."""
        return self.name


class DownloadListed(msgspec.Struct, frozen=True, tag="unfinished"):
    """A download that has not finished, and the error that ended it, if any.

    `path` is the folder that it fills. `is_running` is true while some process does. `kind` is the
    verb, with the `levels` that `get` makes.
    """

    path: str
    repository: str
    revision: str | None
    pattern: str | None
    allows_pickle: bool
    done_bytes: int
    total_bytes: int
    is_running: bool
    problem: ErrorCode | None = None
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")
    kind: Literal["download", "get"] = "download"
    levels: tuple[str, ...] = ()


class RemoteModelListed(msgspec.Struct, frozen=True, tag="remote"):
    """A GGUF model in a repository; `path` is its file or first shard, `files` their number.

    `needed_bytes` is the approximate memory to run it, and `fit` where it would be placed.
    `is_recommended` is true for the one that suits this machine best. Projectors belong to a model,
    and have no `fit`.
    """

    path: str
    level: str
    size_bytes: int
    files: int = 1
    needed_bytes: int = 0
    fit: Literal["", "on_devices", "shared", "on_processor", "too_large"] = ""
    is_recommended: bool = msgspec.field(default=False, name="is_advised")
    is_projector: bool = False


class EndpointListed(msgspec.Struct, frozen=True, tag="endpoint"):
    """Another engine's server and its models; `problem` says why there are none."""

    url: str
    name: str
    models: tuple[str, ...] = ()
    key: str = ""
    problem: ErrorCode | None = None
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


class Loading(msgspec.Struct, frozen=True, tag="loading"):
    """The fraction of a model that is loaded, 0 to 1."""

    fraction: float


class Alive(msgspec.Struct, frozen=True, tag="alive"):
    """The engine's heartbeat, once a second; it stops when the engine hangs."""


class SamplingDefault(msgspec.Struct, frozen=True):
    """The value of a sampling parameter unless a request says otherwise.

    `is_recommended`: the model's file recommends it; otherwise it is llama.cpp's default.
    """

    value: float
    is_recommended: bool


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The server is ready at `url` for clients that send `key`.

    `network_url` is the address for other machines, empty if the server listens on loopback only.
    `memory` is used by the model on each device; `estimated` is the prediction for this load, if
    there was one. `sampling` are the server's defaults by the names of `ChatSettings`.
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
    sampling: dict[str, SamplingDefault] = {}


class Listening(msgspec.Struct, frozen=True, tag="listening"):
    """A worker is listening on `address`, as `host:port`."""

    address: str


class Printed(msgspec.Struct, frozen=True, tag="said"):
    """Text for standard output: a piece of a reply, a line of a table, a JSON document."""

    text: str


class ProfileFound(msgspec.Struct, frozen=True, tag="profile"):
    """The profile of a source on this machine; a better one may follow.

    `profile` is the JSON of an `app.estimation.model_profile.ModelProfile`.
    """

    profile: msgspec.Raw


class LoadLogged(msgspec.Struct, frozen=True, tag="load"):
    """The parsed log of one dry load.

    `log` is the JSON of an `app.native.load_log.LoadLog`.
    """

    log: msgspec.Raw


class RatesMeasured(msgspec.Struct, frozen=True, tag="rates"):
    """Rates of this machine, sent as they are measured; each event adds to the ones before.

    `rates` is the JSON of an `app.estimation.rates.MachineRates`.
    """

    rates: msgspec.Raw


class NoticeReported(msgspec.Struct, frozen=True, tag="notice"):
    """Something the user should know that doesn't stop the work."""

    code: NoticeCode
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The work is done; `paths` are the files made or found, `details` the figures."""

    paths: tuple[str, ...] = ()
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The work failed with an expected error."""

    code: ErrorCode
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


Event = (
    Progressed
    | Checked
    | SourceLocated
    | LevelsApproximated
    | LevelPlanned
    | TensorPlanned
    | ModelListed
    | FolderListed
    | FoldersWatched
    | ModelVerified
    | CheckpointListed
    | DownloadListed
    | RemoteModelListed
    | EndpointListed
    | Loading
    | Alive
    | Ready
    | Listening
    | Printed
    | ProfileFound
    | ModelInspected
    | TemplateTried
    | LoadLogged
    | RatesMeasured
    | HubModelFound
    | HubPageFound
    | HubAnswered
    | MeasuringPlanned
    | TypesChosen
    | RoundingCorrected
    | ScalesTuned
    | FileCompared
    | PublishPlanned
    | PublishAdvanced
    | NoticeReported
    | Finished
    | Failed
)


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Stop the work and clean up."""


class Secret(msgspec.Struct, frozen=True, tag="secret"):
    """A value that must not appear in arguments or the environment."""

    value: str


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """The input of a child that was started before its input was known."""

    value: str


Command = Cancel | Secret | Begin | HubRequest
