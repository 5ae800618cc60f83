"""Families of models: the files of the library that are levels of the same model."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.events import ModelListed
from app.gguf_file.shards import stem_of

_TYPE = r"(?:I?Q\d(?:_[A-Z0-9]+)*|TQ[12]_0|MXFP4(?:_MOE)?|NVFP4|BF16|FP?16|FP?32|COPY)"
_AUTHORS = r"(?:(?:UD|i1|imat|imatrix)[-_.])?"
_BITS = r"(?:(\d{1,2}\.\d\dbpw)-)?"
"""The average bits, which tell files of a chosen size apart better than a level does."""
# What may follow a level: a number, or a word such as "imat".
_ENDING = re.compile(
    rf"[-_. ]({_BITS}{_AUTHORS}{_TYPE}((?:[-_. ][A-Za-z0-9]{{1,16}}){{0,2}}))$", re.IGNORECASE
)
_AUTHOR_ALONE = re.compile(r"[-_. ](UD|i1|imat|imatrix)$", re.IGNORECASE)
_SEPARATORS = re.compile(r"[-_. ]+")


@dataclass(frozen=True)
class ModelFamily:
    """A model with its levels; the smallest comes first.

    `name` is the name without a level. `labels` tell the levels apart, by their paths.
    """

    name: str
    models: tuple[ModelListed, ...]
    labels: Mapping[str, str]

    @property
    def key(self) -> str:
        """What stays the same when levels come or go."""
        return _key_of(self.models[0])


def model_families(models: Iterable[ModelListed]) -> tuple[ModelFamily, ...]:
    """Return the families by name; files that can't be loaded belong to none.

    Levels of the same model have the same name without the level, the same architecture and the
    same number of weights.
    """
    by_key: defaultdict[str, list[ModelListed]] = defaultdict(list)
    for model in models:
        if model.problem is None:
            by_key[_key_of(model)].append(model)
    families = map(_family, by_key.values())
    return tuple(sorted(families, key=lambda family: (family.name.casefold(), family.key)))


def family_with(path: str, families: Sequence[ModelFamily]) -> ModelFamily | None:
    """Return the family that a file belongs to."""
    for family in families:
        if any(Path(model.path) == Path(path) for model in family.models):
            return family
    return None


def _family(models: Sequence[ModelListed]) -> ModelFamily:
    ordered = tuple(sorted(models, key=lambda model: (model.size_bytes, model.path)))
    # The spelling that most files have.
    name = Counter(_parts(model)[0] for model in ordered).most_common(1)[0][0]
    return ModelFamily(name, ordered, _labels(ordered))


def _key_of(model: ModelListed) -> str:
    name = _SEPARATORS.sub("-", _parts(model)[0]).casefold()
    return f"{name} {model.architecture} {model.parameters}"


def _parts(model: ModelListed) -> tuple[str, str]:
    """Return the name without a level, and the level as the file's name spells it."""
    stem = stem_of(Path(model.path))
    # Other programs name files by their checksums.
    text = stem if stem.startswith(model.name) else model.name
    if found := _ENDING.search(text):
        level, bits, suffix = found.groups()
        if bits:
            return text[: found.start()], bits + suffix
        label = level.upper() if level.upper() == model.level else level
        return text[: found.start()], label
    author = _AUTHOR_ALONE.search(model.name)
    name = model.name[: author.start()] if author else model.name
    return name, model.level or text


def _labels(models: Sequence[ModelListed]) -> dict[str, str]:
    labels = {model.path: _parts(model)[1] for model in models}
    for tell_apart in (_folder_of, _stem_of, str):
        counts = Counter(labels.values())
        labels = {
            path: label if counts[label] == 1 else f"{label} ({tell_apart(path)})"
            for path, label in labels.items()
        }
    return labels


def _folder_of(path: str) -> str:
    return Path(path).parent.name


def _stem_of(path: str) -> str:
    return stem_of(Path(path))
