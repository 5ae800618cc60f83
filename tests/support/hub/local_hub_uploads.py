"""Uploads to the Hub on loopback: the requests that huggingface_hub sends to publish files."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from tests.support.hub.local_hub_files import Repository, Snapshot, StoredFile, stored_file

if TYPE_CHECKING:
    from tests.support.hub.local_hub import LocalHub
    from tests.support.hub.local_hub_servers import HubHandler, StorageHandler

_CHUNK_BYTES = 64 * 1024
_LICENSES = ("apache-2.0", "mit", "other", "llama3.2")
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.S)


@dataclass(frozen=True)
class HubUser:
    """The owner of a token; `role` is that of the token: read, write or fineGrained."""

    name: str
    organizations: tuple[str, ...] = ()
    role: str = "write"
    may_write_to: tuple[str, ...] | None = None
    """The owners that the token may write to; None for all of the user's."""

    def may_write(self, owner: str) -> bool:
        own = (self.name, *self.organizations)
        allowed = own if self.may_write_to is None else self.may_write_to
        return self.role != "read" and owner in allowed

    def as_answer(self) -> dict[str, Any]:
        return {
            "type": "user",
            "name": self.name,
            "orgs": [{"type": "org", "name": name} for name in self.organizations],
            "auth": {"type": "access_token", "accessToken": {"role": self.role}},
        }


class Uploads:
    """What was uploaded, in LFS by its SHA-256, and who may upload."""

    def __init__(self) -> None:
        self.users: dict[str, HubUser] = {}
        self.commits: list[str] = []
        """The names of the files of each commit."""
        self.part_bytes = 0
        """Larger files are sent in parts of this size; 0 for none."""
        self.largest_bytes = 0
        """Larger files are refused; 0 for none."""
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._lock = threading.Lock()

    def close(self) -> None:
        self._folder.cleanup()

    def place(self, name: str) -> Path:
        return Path(self._folder.name, name)

    def answer(self, handler: HubHandler) -> bool:
        """Answer a request if it belongs to an upload."""
        path = urlsplit(handler.path).path
        routes = (
            (r"/api/whoami-v2", self._whoami),
            (r"/api/repos/create", self._create),
            (r"/api/validate-yaml", self._validate),
            (r"/api/models/([^/]+/[^/]+)/preupload/main", self._preupload),
            (r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", self._batch),
            (r"/complete/([0-9a-f]{64})", self._complete),
            (r"/verify", self._verify),
            (r"/api/models/([^/]+/[^/]+)/commit/main", self._commit),
        )
        for pattern, act in routes:
            if match := re.fullmatch(pattern, path):
                act(handler, *map(unquote, match.groups()))
                return True
        return False

    def receive(self, handler: StorageHandler) -> None:
        """Store the body of a PUT, a file or a part of one."""
        name = urlsplit(handler.path).path.strip("/").replace("/", ".")
        left, digest = int(handler.headers["Content-Length"]), hashlib.sha256()
        partial = self.place(f"{name}.{id(handler)}.partial")
        with partial.open("wb") as file:
            while left and (chunk := handler.rfile.read(min(left, _CHUNK_BYTES))):
                file.write(chunk)
                digest.update(chunk)
                left -= len(chunk)
                handler.hub.note_sent(handler.record, len(chunk))
                handler.hub.hold_upload_if_wanted()
        if left:
            handler.close_connection = True
            return
        partial.replace(self.place(name))
        handler.respond(200, {"ETag": f'"{digest.hexdigest()[:32]}"'})

    def _whoami(self, handler: HubHandler) -> None:
        if user := self._user(handler):
            _respond(handler, user.as_answer())

    def _create(self, handler: HubHandler) -> None:
        wanted = json.loads(handler.body)
        user = self._user(handler)
        if user is None:
            return
        owner = wanted["organization"] or user.name
        if not user.may_write(owner):
            words = f'You don\'t have the rights to create a model under the namespace "{owner}"'
            handler.refuse(403, "", words)
            return
        name = f"{owner}/{wanted['name']}"
        if name in handler.hub.repositories:
            there = {"error": "You already created this model repo", "url": name}
            _respond(handler, there, 409)
            return
        is_private = wanted.get("visibility") == "private"
        snapshot = Snapshot(name, hashlib.sha1(name.encode()).hexdigest(), {})
        repository = Repository(False, is_private, snapshot, {snapshot.commit: snapshot})
        handler.hub.repositories[name] = repository
        _respond(handler, {"url": f"{handler.hub.endpoint}/{name}", "id": name})

    def _validate(self, handler: HubHandler) -> None:
        found = _FRONT_MATTER.match(json.loads(handler.body)["content"])
        text = found[1] if found else ""
        license_id = re.search(r'^license: "?([^"\n]*)"?$', text, re.M)
        if license_id is None or license_id[1] in _LICENSES:
            _respond(handler, {"errors": [], "warnings": []})
            return
        fault = {"message": f'"license" must be one of {", ".join(_LICENSES)}'}
        _respond(handler, {"errors": [fault], "warnings": []}, 400)

    def _preupload(self, handler: HubHandler, name: str) -> None:
        repository = self._writable(handler, name)
        if repository is None:
            return
        wanted = json.loads(handler.body)["files"]
        _respond(handler, {"files": [_mode_of(file, repository.newest) for file in wanted]})

    def _batch(self, handler: HubHandler, name: str) -> None:
        if self._writable(handler, name) is None:
            return
        objects = json.loads(handler.body)["objects"]
        described = [self._described(handler.hub, one["oid"], one["size"]) for one in objects]
        _respond(handler, {"transfer": "basic", "objects": described})

    def _described(self, hub: LocalHub, oid: str, size: int) -> dict[str, Any]:
        described: dict[str, Any] = {"oid": oid, "size": size}
        if self.place(oid).exists():
            return described
        if 0 < self.largest_bytes < size:
            return described | {"error": {"code": 413, "message": "File too large"}}
        upload: dict[str, Any] = {"href": f"{hub.storage_endpoint}/{oid}?signed=upload"}
        if self.part_bytes and size > self.part_bytes:
            count = math.ceil(size / self.part_bytes)
            parts = {
                str(number): f"{hub.storage_endpoint}/{oid}/{number}?signed=upload"
                for number in range(1, count + 1)
            }
            upload = {
                "href": f"{hub.endpoint}/complete/{oid}",
                "header": {"chunk_size": str(self.part_bytes), **parts},
            }
        verify = {"href": f"{hub.endpoint}/verify"}
        return described | {"actions": {"upload": upload, "verify": verify}}

    def _complete(self, handler: HubHandler, oid: str) -> None:
        numbers = [part["partNumber"] for part in json.loads(handler.body)["parts"]]
        content = b"".join(self.place(f"{oid}.{number}").read_bytes() for number in numbers)
        self.place(oid).write_bytes(content)
        _respond(handler, {})

    def _verify(self, handler: HubHandler) -> None:
        wanted = json.loads(handler.body)
        if self._is_whole(wanted["oid"], wanted["size"]):
            _respond(handler, {})
        else:
            handler.refuse(422, "", "The uploaded object differs")

    def _commit(self, handler: HubHandler, name: str) -> None:
        repository = self._writable(handler, name)
        if repository is None:
            return
        lines = [json.loads(line) for line in handler.body.splitlines()]
        with self._lock:
            files = dict(repository.newest.files)
            for line in lines:
                if line["key"] != "header":
                    stored = self._stored(line["key"], line["value"])
                    files[stored.path] = stored
                    self.commits.append(stored.path)
            listing = "".join(f"{file.path}{file.blob_id}" for file in files.values())
            commit = hashlib.sha1(f"{name}{listing}".encode()).hexdigest()
            repository.newest = Snapshot(name, commit, files)
            repository.commits[commit] = repository.newest
        address = f"{handler.hub.endpoint}/{name}/commit/{commit}"
        _respond(handler, {"success": True, "commitOid": commit, "commitUrl": address})

    def _stored(self, key: str, value: dict[str, Any]) -> StoredFile:
        path = value["path"]
        if key == "lfsFile":
            assert self._is_whole(value["oid"], value["size"]), "it was never uploaded"
            return stored_file(path, self.place(value["oid"]), 0)
        assert key == "file", key
        content = base64.b64decode(value["content"])
        local = self.place(hashlib.sha256(content).hexdigest() + ".text")
        local.write_bytes(content)
        return stored_file(path, local, len(content))

    def _is_whole(self, oid: str, size: int) -> bool:
        content = self.place(oid).read_bytes()
        return len(content) == size and hashlib.sha256(content).hexdigest() == oid

    def _user(self, handler: HubHandler) -> HubUser | None:
        user = self.users.get(handler.token())
        if user is None:
            handler.refuse(401, "", "Invalid credentials in Authorization header")
        return user

    def _writable(self, handler: HubHandler, name: str) -> Repository | None:
        """Return a repository that the client may write to, or None after refusing."""
        user = self._user(handler)
        if user is None:
            return None
        if name not in handler.hub.repositories:
            handler.refuse(404, "RepoNotFound", "Repository not found")
            return None
        if not user.may_write(name.partition("/")[0]):
            words = "Your token does not have the right to write to this repository"
            handler.refuse(403, "", words)
            return None
        return handler.hub.repositories[name]


def _mode_of(file: dict[str, Any], newest: Snapshot) -> dict[str, Any]:
    """Return how a file is sent: GGUF files to LFS, as the Hub's .gitattributes says."""
    is_large = file["path"].endswith(".gguf")
    there = newest.files.get(file["path"])
    oid = None if there is None else there.sha256 or there.blob_id
    mode = "lfs" if is_large else "regular"
    return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}


def _respond(handler: HubHandler, answer: dict[str, Any], status: int = 200) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    handler.respond(status, headers, json.dumps(answer).encode())
