"""Models that the user can chat with, from the library and from other engines' servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.core.events import EndpointListed, ModelListed
from app.core.language import tr
from app.gui.services.endpoint_list import EndpointList
from app.gui.services.engine import Engine, remote_path
from app.gui.services.model_list import ModelList
from app.library.reply_defaults import STARTER_NAME, is_starter


@dataclass(frozen=True)
class ModelEntry:
    """One model; `endpoint` is its server, None for a file on this machine.

    `path` identifies it, as in `app.gui.services.engine`; `place` tells it apart from another one
    of the same name and level.
    """

    path: str
    name: str
    level: str = ""
    size_bytes: int = 0
    place: str = ""
    endpoint: EndpointListed | None = None

    @property
    def title(self) -> str:
        """The name, with the place if there is another one of that name."""
        return f"{self.name}  ·  {self.place}" if self.place else self.name


def model_entries(models: ModelList, endpoints: EndpointList) -> Iterator[ModelEntry]:
    """Yield the usable models: those on this machine first, then server by server."""
    yield from (_entry(model) for model in models.models if model.problem is None)
    for endpoint in endpoints.endpoints:
        for name in endpoint.models:
            yield ModelEntry(remote_path(endpoint.url, name), name, endpoint=endpoint)


def entry_to_continue_with(
    entries: Sequence[ModelEntry], last_path: str, name: str = ""
) -> ModelEntry | None:
    """Return the model of this name, or else the last one in use, or else the only one."""
    named = [entry for entry in entries if entry.name == name]
    last = next((entry for entry in named or entries if entry.path == last_path), None)
    if last is not None or named:
        return last or named[0]
    return entries[0] if len(entries) == 1 else None


def description(entry: ModelEntry) -> str:
    """Return a sentence about the place to which messages for a model are sent."""
    if entry.endpoint is not None:
        return tr("What you write is sent to {host}.", host=entry.endpoint.name)
    if is_starter(entry.path):
        return tr("{name} is a tiny model for trying things out.", name=STARTER_NAME)
    return tr("What you write stays on this machine.")


def use(engine: Engine, entry: ModelEntry) -> None:
    """Load the model, or connect to its server."""
    if entry.endpoint is None:
        engine.load(entry.path, entry.name)
    else:
        engine.connect_to(entry.endpoint, entry.name)


def _entry(model: ModelListed) -> ModelEntry:
    return ModelEntry(model.path, model.title, model.level, model.size_bytes, model.place)
