"""Find the files of models that are split: `NAME-00001-of-00003.gguf` and its siblings."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

_SHARD = re.compile(r"(?i)^(?P<name>.+)-(?P<number>\d{5})-of-(?P<total>\d{5})(?P<suffix>\.gguf)$")
_MAX_SHARDS = 1000


def shards_of(path: Path) -> tuple[Path, ...]:
    """Return all files of the model that `path` belongs to, in order, whether or not they exist.

    A file that is not a shard stands for itself.
    """
    match = _SHARD.match(path.name)
    if match is None:
        return (path,)
    name, count, suffix = match["name"], int(match["total"]), match["suffix"]
    if not 1 <= int(match["number"]) <= count <= _MAX_SHARDS:
        return (path,)
    return _numbered(path, name, count, suffix)


def shards_named(path: Path, count: int) -> tuple[Path, ...]:
    """Return the paths of a model that is split into `count` files, named like `path`."""
    return (path,) if count == 1 else _numbered(path, stem_of(path), count, path.suffix)


def _numbered(path: Path, name: str, count: int, suffix: str) -> tuple[Path, ...]:
    return tuple(
        path.with_name(f"{name}-{number:05}-of-{count:05}{suffix}")
        for number in range(1, count + 1)
    )


def stem_of(path: PurePath) -> str:
    """Return the file name of a model without `.gguf` and without the number of its shard."""
    match = _SHARD.match(path.name)
    return match["name"] if match else path.stem
