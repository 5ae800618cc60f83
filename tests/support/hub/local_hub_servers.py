"""The two servers of the Hub on loopback: the API with the resolve addresses, and the storage."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.support.hub.local_hub_files import Request, Snapshot, StoredFile
from tests.support.hub.local_hub_search import Query, expanded, matching

if TYPE_CHECKING:
    from tests.support.hub.local_hub import LocalHub

_CHUNK_BYTES = 64 * 1024


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, hub: LocalHub, handler: type[_Handler], certificate: Path | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.hub = hub
        scheme = "https" if certificate else "http"
        self.address = f"{scheme}://127.0.0.1:{self.server_address[1]}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        for connection in list(self._connections):
            # Wake handlers that wait for the next request of a persistent connection.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of clients that were killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    name = ""
    body = ""

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        self._serve()

    @property
    def hub(self) -> LocalHub:
        return self.server.hub

    def answer(self) -> None:
        raise NotImplementedError

    def _serve(self) -> None:
        self._note_request()
        self.answer()

    def _note_request(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        port = self.client_address[1]
        self.record = Request(self.name, self.command, self.path, headers, port)
        self.hub.requests.append(self.record)

    def respond(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self._begin(status, {"Content-Length": str(len(body)), **headers})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.record.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def is_refused_for_now(self) -> bool:
        if self.hub.strike("server_errors"):
            self.respond(503, {})
            return True
        if self.hub.strike("rate_limits"):
            self.respond(429, {"Retry-After": "1"})
            return True
        return False

    def send_content(self, file: StoredFile, etag: str, extra: dict[str, str]) -> None:
        """Send a file, or the part that a Range requests, with the faults that are set."""
        faults = self.hub.faults
        part = self._range_of(file, etag)
        is_part = part is not None
        start, end = part or (0, file.size_bytes)
        if self.headers.get("Range") and (faults.status_416 or self._refuses_range()):
            self.respond(416, {"Content-Range": f"bytes */{file.size_bytes}", **extra})
            return
        headers = {"ETag": etag, "Accept-Ranges": "bytes", **extra}
        if is_part:
            shown = start - 1 if faults.wrong_content_range else start
            headers["Content-Range"] = f"bytes {shown}-{end - 1}/{file.size_bytes}"
        if faults.gzip:
            body = gzip.compress(file.local.read_bytes()[start:end])
            self.respond(206 if is_part else 200, {"Content-Encoding": "gzip", **headers}, body)
            return
        if self.command == "GET" and self.hub.strike("short_body"):
            end -= 1
        more = self.command == "GET" and self.hub.strike("announces_too_much")
        length = str(end - start + more)
        self._begin(206 if is_part else 200, {"Content-Length": length, **headers})
        self.close_connection = self.close_connection or more
        if self.command == "GET":
            self._send_body(file, start, end)

    def _refuses_range(self) -> bool:
        return self.command == "GET" and self.hub.strike("refuses_ranges")

    def _range_of(self, file: StoredFile, etag: str) -> tuple[int, int] | None:
        """Return the part that a Range requests, or None for the whole file."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        faults = self.hub.faults
        is_stale = self.headers.get("If-Range", etag) != etag and not faults.ignore_if_range
        if asked is None or is_stale or faults.ignore_range:
            return None
        end = min(int(asked[2]) + 1, file.size_bytes) if asked[2] else file.size_bytes
        return min(int(asked[1]), end), end

    def _send_body(self, file: StoredFile, start: int, end: int) -> None:
        faults = self.hub.faults
        size_bytes = end - start
        stalls_at = size_bytes // 2 if size_bytes > 1 and self.hub.strike("stalls") else None
        flips_at = size_bytes // 2 if size_bytes > 1 and self.hub.strike("flipped_bits") else None
        drops_at = faults.drop_every_bytes or None
        sent = 0
        for chunk in self._chunks(file.local, start, end):
            piece = self.hub.damaged(file.path, start + sent, _flipped(chunk, sent, flips_at))
            for limit in (stalls_at, drops_at):
                if limit is not None and sent + len(piece) > limit:
                    piece = piece[: limit - sent]
            self.hub.hold_if_wanted()
            self.wfile.write(piece)
            self.hub.note_sent(self.record, len(piece))
            sent += len(piece)
            if sent == stalls_at:
                self.hub.closing.wait()
            if sent in (stalls_at, drops_at) and sent < size_bytes:
                self.close_connection = True
                return
            if faults.bytes_per_second:
                self.hub.closing.wait(len(piece) / faults.bytes_per_second)
            if self.hub.closing.is_set():
                self.close_connection = True
                return

    @staticmethod
    def _chunks(local: Path, start: int, end: int) -> Iterator[bytes]:
        with local.open("rb") as content:
            content.seek(start)
            left = end - start
            while left > 0 and (chunk := content.read(min(_CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk


class HubHandler(_Handler):
    """Serve the API and the resolve addresses."""

    name = "hub"

    def answer(self) -> None:
        address = urlsplit(self.path)
        if self._is_api_disturbed(address.path):
            return
        if address.path == "/api/models":
            self._search(parse_qs(address.query))
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/refs", address.path):
            self._list_refs(unquote(match[1]))
        elif match := re.fullmatch(
            r"/api/models/([^/]+/[^/]+)/(?:tree|paths-info)/([^/]+)/?", address.path
        ):
            self._list(unquote(match[1]), unquote(match[2]), self._asked_paths())
        elif match := re.fullmatch(
            r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", address.path
        ):
            name, revision = unquote(match[1]), unquote(match[2] or "main")
            self._describe(name, revision, parse_qs(address.query))
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", address.path):
            self._resolve(unquote(match[1]), unquote(match[2]), unquote(match[3]))
        elif not self.hub.uploads.answer(self):
            self.refuse(404, "", "Not found")

    def refuse(self, status: int, code: str, message: str) -> None:
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Error-Message": message}
        if code:
            headers["X-Error-Code"] = code
        self.respond(status, headers, json.dumps({"error": message}).encode())

    def token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _find(self, name: str, revision: str) -> Snapshot | None:
        """Return the snapshot, or None after refusing this client."""
        token = self.token()
        if token and token not in self.hub.accepted_tokens | self.hub.known_tokens:
            self.refuse(401, "", "Invalid credentials in Authorization header")
            return None
        repository = self.hub.repositories.get(name)
        is_hidden = repository is not None and repository.private
        if repository is None or (is_hidden and token not in self.hub.accepted_tokens):
            # Without a token, the Hub reports missing and private repositories alike.
            self.refuse(404 if token else 401, "RepoNotFound", "Repository not found")
            return None
        snapshot = repository.at(revision)
        if snapshot is None:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return snapshot

    def _is_api_disturbed(self, path: str) -> bool:
        """Hold or refuse a request to the API, as the faults say."""
        faults = self.hub.faults
        if not path.startswith("/api/"):
            return False
        if faults.silent_api:
            self.hub.closing.wait()
            self.close_connection = True
            return True
        self.hub.closing.wait(faults.api_seconds)
        if self.hub.strike("api_errors"):
            self.respond(503, {})
            return True
        if self.hub.strike("api_rate_limits"):
            self.respond(429, _limit_reached(faults.api_rate_limit_seconds))
            return True
        return False

    def _send_json(self, answer: Any) -> None:
        faults = self.hub.faults
        body = (faults.garbled_api or json.dumps(answer)).encode()
        etag = f'W/"{hashlib.sha1(body).hexdigest()}"'
        headers = {"Content-Type": "application/json; charset=utf-8", "ETag": etag}
        if faults.rate_limit_seconds:
            headers |= _limit_reached(faults.rate_limit_seconds)
        if self.headers.get("If-None-Match") == etag:
            self.respond(304, headers)
        else:
            self.respond(200, headers, body)

    def _search(self, query: Query) -> None:
        accepted = self.token() in self.hub.accepted_tokens
        descriptions = [
            repository.newest.as_answer(repository, 0, wants_blobs=False)
            for repository in self.hub.repositories.values()
            if accepted or not repository.private
        ]
        try:
            self._send_json(matching(descriptions, query))
        except ValueError as error:
            self.refuse(400, "", f"Invalid value: {error}")

    def _list_refs(self, name: str) -> None:
        if self._find(name, "main") is not None:
            self._send_json(self.hub.repositories[name].as_refs())

    def _describe(self, name: str, revision: str, query: Query) -> None:
        snapshot = self._find(name, revision)
        if snapshot is None:
            return
        wants_blobs = query.get("blobs", ["false"])[0].lower() == "true"
        answer = snapshot.as_answer(
            self.hub.repositories[name],
            self.hub.faults.claimed_size_bytes,
            wants_blobs=wants_blobs and not self.hub.faults.omits_blobs,
        )
        self._send_json(expanded(answer, query))

    def _asked_paths(self) -> list[str] | None:
        if self.command == "GET":
            return None
        if self.body.startswith("{"):
            paths = json.loads(self.body)["paths"]
            return [paths] if isinstance(paths, str) else paths
        return parse_qs(self.body).get("paths", [])

    def _list(self, name: str, revision: str, paths: list[str] | None) -> None:
        if snapshot := self._find(name, revision):
            files = snapshot.files.values()
            entries = [one.as_tree_entry() for one in files if paths is None or one.path in paths]
            headers = {"Content-Type": "application/json; charset=utf-8"}
            self.respond(200, headers, json.dumps(entries).encode())

    def _resolve(self, name: str, revision: str, path: str) -> None:
        if self.hub.faults.redirect_loop:
            self.respond(307, {"Location": self.path})
            return
        if self.is_refused_for_now():
            return
        snapshot = self._find(name, revision)
        if snapshot is None or self._is_gate_closed(name):
            return
        file = snapshot.files.get(path)
        if file is None:
            self.refuse(404, "EntryNotFound", "Entry not found")
            return
        commit = "f" * 40 if self.hub.faults.other_commit else snapshot.commit
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if file.sha256 is None:
            self.send_content(file, f'"{file.blob_id}"', headers)
            return
        linked = {"X-Linked-Size": str(file.size_bytes), "X-Linked-ETag": f'"{file.sha256}"'}
        location = self.hub.signed_address(f"{name}/{snapshot.commit}/{quote(path)}")
        self.respond(302, {"Location": location, **headers, **linked})

    def _is_gate_closed(self, name: str) -> bool:
        if not self.hub.repositories[name].gated or self.token() in self.hub.accepted_tokens:
            return False
        if self.token():
            who = "and you are not in the authorized list"
        else:
            who = "You must have access to it and be authenticated to access it"
        self.refuse(
            403 if self.token() else 401,
            "GatedRepo",
            f"Access to model {name} is restricted. {who}.",
        )
        return True


class StorageHandler(_Handler):
    """Serve and take LFS files at another origin, which must never receive a token."""

    name = "storage"

    def do_PUT(self) -> None:
        self._note_request()
        if not self.is_refused_for_now():
            self.hub.uploads.receive(self)

    def answer(self) -> None:
        owner, name, commit, path = unquote(urlsplit(self.path).path).lstrip("/").split("/", 3)
        if self.is_refused_for_now():
            return
        if self.hub.is_expired(self.path):
            self.respond(403, {})
            return
        file = self.hub.repositories[f"{owner}/{name}"].commits[commit].files[path]
        etag = f'"{(file.sha256 or "")[:32]}"'
        if self.hub.faults.changing_etag:
            etag = self.hub.next_etag()
        self.send_content(file, etag, {"Content-Type": "application/octet-stream"})


def _limit_reached(seconds: int) -> dict[str, str]:
    return {
        "RateLimit": f'"api";r=0;t={seconds}',
        "RateLimit-Policy": '"fixed window";"api";q=500;w=300',
    }


def _flipped(chunk: bytes, offset: int, position: int | None) -> bytes:
    if position is None or not offset <= position < offset + len(chunk):
        return chunk
    changed = bytearray(chunk)
    changed[position - offset] ^= 0x10
    return bytes(changed)
