"""Sizes of checkpoints from their folders and from the Hub, in one child, as imports are slow."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from app.conversion.converter.installation import converter_folder
from app.conversion.converter.transformers_choice import transformers_for
from app.conversion.converter.vocabulary_prefetch import VocabularyPrefetch
from app.core.events import Event
from app.core.settings import Settings
from app.hub.reference import repository_named
from app.profiling.remote_source import outline_of
from app.profiling.sizing import SizedSource, size_source

ROOT = Path(__file__).parents[3]

Sizes = dict[str, int | None]


def sizes_of(sources: Sequence[Path | str]) -> list[Sizes]:
    """Return the size of each level of each source, a folder or the name of a repository."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.support.checkpoints.outlines", *map(str, sources)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    sizes: list[Sizes] = json.loads(child.stdout)
    return sizes


def _ignore(_: Event) -> None:
    pass


def main() -> None:
    """Print the sizes of the given sources."""
    sources = [Path(source) for source in sys.argv[1:]]
    # Repositories first: later the converter keeps this process off the network.
    places = [source if source.exists() else _outline(str(source)) for source in sources]
    sized = [
        _sized(place, is_remote=place != source)
        for place, source in zip(places, sources, strict=True)
    ]
    sizes = [{level.level: level.size_bytes for level in source.levels} for source in sized]
    print(json.dumps(sizes))


def _outline(name: str) -> Path:
    # No vocabulary is built ahead unless it is started.
    with VocabularyPrefetch() as vocabulary:
        return outline_of(repository_named(name), Settings(), _ignore, vocabulary)


def _sized(place: Path, *, is_remote: bool) -> SizedSource:
    with VocabularyPrefetch() as vocabulary:
        if is_remote:
            vocabulary.start(converter_folder(Settings()))
            vocabulary.read_with(transformers_for(place))
            vocabulary.begin(place)
        return size_source(place, Settings(), allows_pickle=False, vocabulary=vocabulary)


if __name__ == "__main__":
    main()
