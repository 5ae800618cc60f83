"""Places of models: what tells apart models that share their name and level."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from app.core.events import ModelListed
from app.gguf_file.shards import stem_of

_MAX_FOLDERS = 3


def with_places(models: Sequence[ModelListed]) -> list[ModelListed]:
    """Return the models in the same order; those with the title and level of another have a place.

    The place is the end of the path that differs: a folder, `owner/name`, or the name of the file.
    """
    alike: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for model in models:
        alike[_appearance(model)].append(model.path)
    places = dict(chain.from_iterable(_places(paths) for paths in alike.values() if len(paths) > 1))
    return [msgspec.structs.replace(model, place=places.get(model.path, "")) for model in models]


def _appearance(model: ModelListed) -> tuple[str, str]:
    return model.title.casefold(), model.level


def _places(paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    for folders in (*range(1, _MAX_FOLDERS + 1), 0):
        places = [_end(Path(path), folders) for path in paths]
        if len(set(places)) == len(paths):
            return zip(paths, places, strict=True)
    return zip(paths, paths, strict=True)


def _end(path: Path, folders: int) -> str:
    """Return the last folders of a path, or without any the name of its file."""
    return "/".join(path.parent.parts[-folders:]) if folders else stem_of(path)
