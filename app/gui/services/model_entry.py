"""Models that the user can chat with, from the library and from other engines' servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.core.events import EndpointListed, ModelListed
from app.gui.services.endpoint_list import EndpointList
from app.gui.services.engine import Engine, remote_path
from app.gui.services.model_list import ModelList


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


def use(engine: Engine, entry: ModelEntry) -> None:
    """Load the model, or connect to its server."""
    if entry.endpoint is None:
        engine.load(entry.path, entry.name)
    else:
        engine.connect_to(entry.endpoint, entry.name)


def _entry(model: ModelListed) -> ModelEntry:
    return ModelEntry(model.path, model.title, model.level, model.size_bytes, model.place)
