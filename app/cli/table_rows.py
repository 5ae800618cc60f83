"""Rows of the tables that verbs print: planned levels and tensors, models, downloads, servers."""

from __future__ import annotations

from collections.abc import Iterator

from app.cli.measured_rows import Measured, exact_bytes, measured_rows
from app.core import events
from app.core.allocation_events import (
    FileCompared,
    MeasuringPlanned,
    RoundingCorrected,
    ScalesTuned,
    TypesChosen,
)
from app.core.hub_events import FitVerdict, HubModelFound, RepositoryKind
from app.core.language import tr, tr_count
from app.core.publish_events import CARD_NAME, PublishPlanned
from app.core.sentences import describe_error, describe_verification
from app.core.sizes import format_bytes, format_weights

_Planned = events.LevelPlanned | events.TensorPlanned | Measured
_OnDisk = (
    events.ModelListed
    | events.ModelVerified
    | events.CheckpointListed
    | events.DownloadListed
    | events.FolderListed
)
_OnHub = events.RemoteModelListed | HubModelFound | PublishPlanned
TableRow = _Planned | _OnDisk | _OnHub | events.EndpointListed

_FITS: dict[FitVerdict, str] = {
    "": "",
    "on_devices": tr("fits on the GPU"),
    "shared": tr("fits on the GPU and in RAM"),
    "on_processor": tr("fits in RAM"),
    "too_large": tr("too large"),
}
_KINDS: dict[RepositoryKind, str] = {
    "embedding": tr("for embeddings"),
    "encoder": tr("an encoder"),
    "vision": tr("for vision"),
    "speech": tr("for speech"),
    "image": tr("generates images"),
    "other": tr("not for text"),
}
"""Descriptions of models that you can't chat with."""


def table_row(event: TableRow) -> str:
    """Return an event as a line with columns."""
    match event:
        case (
            events.LevelPlanned()
            | events.TensorPlanned()
            | MeasuringPlanned()
            | TypesChosen()
            | RoundingCorrected()
            | ScalesTuned()
            | FileCompared()
        ):
            return _planned_row(event)
        case (
            events.ModelListed()
            | events.ModelVerified()
            | events.CheckpointListed()
            | events.DownloadListed()
            | events.FolderListed()
        ):
            return _row_on_disk(event)
        case events.RemoteModelListed():
            return _remote_row(event)
        case HubModelFound():
            return _found_row(event)
        case PublishPlanned():
            return "\n".join(_publication_rows(event))
        case events.EndpointListed(url, name, models, problem=problem, details=details):
            fault = describe_error(problem, details, in_terminal=True) if problem else ""
            return f"{name:<24} {url:<32} {fault or ', '.join(models)}"


def _planned_row(event: _Planned) -> str:
    match event:
        case events.LevelPlanned(level, size_bytes, bits_per_weight):
            bits = tr("{bits} bits per weight", bits=f"{bits_per_weight:5.2f}")
            return f"{level:<8}{exact_bytes(size_bytes)}  {format_bytes(size_bytes):>9}  {bits}"
        case events.TensorPlanned(level, name, lengths, tensor_type, size_bytes):
            shape = " x ".join(str(length) for length in lengths)
            return f"{level:<8}{name:<40} {shape:>20}  {tensor_type:<8}{exact_bytes(size_bytes)}"
        case _:
            return measured_rows(event)


def _row_on_disk(event: _OnDisk) -> str:
    match event:
        case events.ModelListed(path, problem=problem, details=details):
            note = describe_error(problem, details, in_terminal=True) if problem else path
            return f"{event.title:<44} {event.level:<8} {format_bytes(event.size_bytes):>9}  {note}"
        case events.ModelVerified(path, verification):
            return f"{path}: {describe_verification(verification)}"
        case events.CheckpointListed(path, name, size_bytes):
            return f"{name:<44} {'':<8} {format_bytes(size_bytes):>9}  {path}"
        case events.DownloadListed(_, repository, done_bytes=done_bytes):
            return f"{repository:<44} {'':<8} {format_bytes(done_bytes):>9}  {_state_of(event)}"
        case events.FolderListed():
            return _folder_row(event)


def _folder_row(folder: events.FolderListed) -> str:
    """Return a line about a folder that can't be found; empty for others."""
    if folder.is_connected:
        return ""
    size = format_bytes(folder.size_bytes)
    count = tr_count("1 model when last seen", "{count} models when last seen", folder.models)
    return f"{folder.path:<44} {'':<8} {size:>9}  {tr('not connected')}, {count}"


def _state_of(download: events.DownloadListed) -> str:
    if download.is_running:
        return tr("is being downloaded")
    command = f"gristmill {download.kind} {download.repository}"
    if download.pattern:
        command += f" --include {download.pattern}"
    command += "".join(f" --level {level}" for level in download.levels)
    total = format_bytes(download.total_bytes)
    return tr("of {total} downloaded; to resume: {command}", total=total, command=command)


def _remote_row(model: events.RemoteModelListed) -> str:
    needed = tr("needs {size}", size=format_bytes(model.needed_bytes)) if model.needed_bytes else ""
    fit = tr("a projector") if model.is_projector else _FITS[model.fit]
    words = ", ".join(
        word for word in (needed, fit, tr("recommended") if model.is_recommended else "") if word
    )
    return f"{model.path:<52} {model.level:<8} {format_bytes(model.size_bytes):>9}  {words}"


def _found_row(model: HubModelFound) -> str:
    parameters = format_weights(model.parameters) if model.parameters else ""
    size = tr("about {size}", size=format_bytes(model.size_bytes)) if model.size_bytes else ""
    notes = (
        _FITS[model.fit],
        _KINDS.get(model.kind, ""),
        "/".join(model.formats),
        model.license,
        tr("gated") if model.gated else "",
    )
    words = ", ".join(filter(None, notes))
    return f"{model.repository:<52} {parameters:>8}  {model.best_level:<7} {size:>14}  {words}"


def _publication_rows(planned: PublishPlanned) -> Iterator[str]:
    """Return the repository, and the files in the order in which they are sent."""
    visibility = tr("private") if planned.is_private else tr("public")
    state = tr("exists") if planned.exists else tr("will be created")
    yield f"{planned.address}  {visibility}, {state}"
    for file in planned.files:
        note = tr("is there already") if file.is_there else ""
        yield f"{file.name:<52} {'':<8} {format_bytes(file.size_bytes):>9}  {note}".rstrip()
    if planned.card:
        size = format_bytes(len(planned.card.encode()))
        yield f"{CARD_NAME:<52} {'':<8} {size:>9}  {tr('the model card')}"
