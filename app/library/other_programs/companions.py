"""Files by which another program knows a model, and which go when the model is deleted."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

from app.library.other_programs.ollama import manifests_of

_HUB_FOLDER = "models--*"


def companions_of(file: Path) -> Iterator[Path]:
    """Yield the files that go with a file of a model; none for the user's own.

    Ollama's manifests would name a blob that is gone. In the cache of the Hugging Face Hub, a model
    is a blob with one link to it for each revision.
    """
    yield from manifests_of(file)
    if not file.is_symlink():
        return
    blob = file.resolve()
    repository = blob.parent.parent
    if blob.parent.name != "blobs" or not repository.match(_HUB_FOLDER):
        return
    links = repository.glob(f"snapshots/*/**/{glob.escape(file.name)}")
    yield from (link for link in links if link != file and link.resolve() == blob)
    yield blob
