"""Ollama's models: manifests name the blobs, whose file names are their checksums."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

_MANIFESTS, _BLOBS = "manifests", "blobs"
OLLAMA_FOLDERS = frozenset({_MANIFESTS, _BLOBS})
"""The entries of a folder with Ollama's models."""
_MODEL = "application/vnd.ollama.image.model"
_PROJECTOR = "application/vnd.ollama.image.projector"
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
_BLOB = re.compile(r"^sha256-([0-9a-f]{64})$")
_USUAL_HOST, _USUAL_OWNER = "registry.ollama.ai", "library"
_MOST_MANIFESTS = 5000
_LONGEST_MANIFEST = 2**20
_PARTS = 4


class _Layer(msgspec.Struct):
    mediaType: str  # noqa: N815 - the field's name in the file
    digest: str


class _Manifest(msgspec.Struct):
    layers: list[_Layer]


@dataclass(frozen=True)
class OllamaModel:
    """A model under the name that Ollama knows it by, such as `llama3.2:1b`."""

    name: str
    manifest: Path
    file: Path
    projector: Path | None


def ollama_models(folder: Path) -> Iterator[OllamaModel]:
    """Yield the models of Ollama's folder by name; manifests that can't be read are left out."""
    manifests = folder / _MANIFESTS
    for number, file in enumerate(sorted(manifests.glob("/".join("*" * _PARTS)))):
        if number == _MOST_MANIFESTS:
            return
        model = _model_of(file, manifests, folder / _BLOBS)
        if model is not None:
            yield model


def digest_of(blob: Path) -> str:
    """Return the SHA-256 that the name of a blob promises; empty if the file is no blob."""
    match = _BLOB.match(blob.name)
    return match[1] if match else ""


def manifests_of(blob: Path) -> tuple[Path, ...]:
    """Return the manifests of all models whose weights are this blob."""
    if not digest_of(blob):
        return ()
    models = ollama_models(blob.parent.parent)
    return tuple(model.manifest for model in models if model.file == blob)


def _model_of(file: Path, manifests: Path, blobs: Path) -> OllamaModel | None:
    try:
        if not file.is_file() or file.stat().st_size > _LONGEST_MANIFEST:
            return None
        layers = msgspec.json.decode(file.read_bytes(), type=_Manifest).layers
    except (OSError, ValueError, RecursionError):
        return None
    weights = _blob(layers, _MODEL, blobs)
    if weights is None:
        return None
    name = _name_of(file.relative_to(manifests).parts)
    return OllamaModel(name, file, weights, _blob(layers, _PROJECTOR, blobs))


def _blob(layers: list[_Layer], kind: str, blobs: Path) -> Path | None:
    # A digest becomes a file name.
    digests = (one.digest for one in layers if one.mediaType == kind and _DIGEST.match(one.digest))
    return next((blobs / digest.replace(":", "-") for digest in digests), None)


def _name_of(parts: tuple[str, ...]) -> str:
    host, owner, model, tag = parts
    name = f"{model}:{tag}"
    if (host, owner) == (_USUAL_HOST, _USUAL_OWNER):
        return name
    return f"{owner}/{name}" if host == _USUAL_HOST else f"{host}/{owner}/{name}"
