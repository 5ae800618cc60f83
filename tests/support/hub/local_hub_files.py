"""The repositories of the Hub on loopback, with the names that git and LFS give to contents."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SMALLEST_HOLLOW_BYTES = 2**26
_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"


@dataclass
class Request:
    """A request and its outcome."""

    server: str
    method: str
    path: str
    headers: dict[str, str]
    port: int
    """The client's; the same for requests on one connection."""
    status: int = 0
    sent_bytes: int = 0


@dataclass(frozen=True)
class StoredFile:
    """A file of a repository with the names that git and LFS have for it."""

    path: str
    local: Path
    size_bytes: int
    blob_id: str
    sha256: str | None

    def as_sibling(self, claimed_size_bytes: int = 0) -> dict[str, Any]:
        size_bytes = claimed_size_bytes or self.size_bytes
        sibling: dict[str, Any] = {
            "rfilename": self.path,
            "blobId": self.blob_id,
            "size": size_bytes,
        }
        if self.sha256:
            pointer = _POINTER.format(sha256=self.sha256, size=self.size_bytes)
            sibling["lfs"] = {
                "sha256": self.sha256,
                "size": size_bytes,
                "pointerSize": len(pointer),
            }
        return sibling


@dataclass(frozen=True)
class Snapshot:
    """A repository at one commit."""

    name: str
    commit: str
    files: dict[str, StoredFile]

    def as_answer(
        self, repository: Repository, claimed_size_bytes: int, *, wants_blobs: bool
    ) -> dict[str, Any]:
        """Return the API's description; the largest file may claim another size."""
        files = list(self.files.values())
        largest = max(files, key=lambda file: file.size_bytes, default=None)
        siblings = [
            file.as_sibling(claimed_size_bytes if file is largest else 0)
            if wants_blobs
            else {"rfilename": file.path}
            for file in files
        ]
        return {
            "_id": self.commit[:24],
            "id": self.name,
            "modelId": self.name,
            "author": self.name.partition("/")[0],
            "sha": self.commit,
            "private": repository.private,
            "gated": "manual" if repository.gated else False,
            "disabled": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "createdAt": "2026-01-01T00:00:00.000Z",
            "lastModified": "2026-01-01T00:00:00.000Z",
            "siblings": siblings,
            **repository.facts,
        }


@dataclass
class Repository:
    """A repository with its commits and access rules."""

    gated: bool
    private: bool
    newest: Snapshot
    commits: dict[str, Snapshot] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    """Fields of the API's description, such as `tags`, `pipeline_tag` and `safetensors`."""
    refs: dict[str, str] = field(default_factory=dict)
    """Commits of branches and tags besides main; names of tags begin with v."""

    def at(self, revision: str) -> Snapshot | None:
        if revision == "main":
            return self.newest
        return self.commits.get(self.refs.get(revision, revision))

    def as_refs(self) -> dict[str, Any]:
        """Return the API's list of branches and tags."""
        branches = {"main": self.newest.commit}
        branches |= {name: at for name, at in self.refs.items() if not name.startswith("v")}
        tags = {name: at for name, at in self.refs.items() if name.startswith("v")}
        return {
            "branches": [_ref(f"refs/heads/{name}", at) for name, at in branches.items()],
            "converts": [],
            "tags": [_ref(f"refs/tags/{name}", at) for name, at in tags.items()],
        }


def _ref(ref: str, commit: str) -> dict[str, str]:
    return {"name": ref.split("/", 2)[2], "ref": ref, "targetCommit": commit}


def stored_file(path: str, local: Path, lfs_above_bytes: int) -> StoredFile:
    size_bytes = local.stat().st_size
    if size_bytes <= lfs_above_bytes:
        return StoredFile(path, local, size_bytes, _blob_id(local.read_bytes()), None)
    if _is_hollow(local):
        # Holes are never read, and hashing them takes minutes.
        sha256 = hashlib.sha256(local.name.encode()).hexdigest()
    else:
        with local.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    pointer = _POINTER.format(sha256=sha256, size=size_bytes).encode()
    return StoredFile(path, local, size_bytes, _blob_id(pointer), sha256)


def _is_hollow(local: Path) -> bool:
    status = local.stat()
    # Windows doesn't report blocks.
    blocks = getattr(status, "st_blocks", status.st_size)
    return status.st_size > _SMALLEST_HOLLOW_BYTES and 512 * blocks < status.st_size // 2


def _blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
