"""Sizes of checkpoints from their folders and from the Hub, by one child: the imports take long."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from app.core.events import Event
from app.core.settings import Settings
from app.estimation.remote import outline_of
from app.estimation.sizing import size_source

ROOT = Path(__file__).parent.parent

Sizes = dict[str, int | None]


def sizes_of(sources: Sequence[Path | str]) -> list[Sizes]:
    """The size of each level of each source: a folder, or a repository's name."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.outlines", *map(str, sources)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    sizes: list[Sizes] = json.loads(child.stdout)
    return sizes


def _ignore(_: Event) -> None:
    pass


def main() -> None:
    """Print the sizes of the sources that were named."""
    places = [
        place if (place := Path(source)).exists() else outline_of(source, Settings(), _ignore)
        for source in sys.argv[1:]
    ]
    sized = [size_source(place, Settings(), allows_pickle=False) for place in places]
    sizes = [{level.level: level.size_bytes for level in source.levels} for source in sized]
    print(json.dumps(sizes))


if __name__ == "__main__":
    main()
