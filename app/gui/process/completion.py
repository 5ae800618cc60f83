"""One reply on its way: a streamed request to an OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtNetwork import (
    QNetworkAccessManager,
    QNetworkProxy,
    QNetworkReply,
    QNetworkRequest,
)

_LONGEST_LINE = 2**20
_OK = 200


class WireMessage(msgspec.Struct, frozen=True):
    """A message as it is sent."""

    role: str
    content: str


class Timings(msgspec.Struct, frozen=True):
    """What the server measured; milliseconds and tokens per second."""

    prompt_n: int = 0
    prompt_ms: float = 0.0
    predicted_n: int = 0
    predicted_ms: float = 0.0
    predicted_per_second: float = 0.0


class _Body(msgspec.Struct, frozen=True):
    messages: Sequence[WireMessage]
    stream: bool = True


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None
    reasoning_content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Error(msgspec.Struct, frozen=True):
    message: str = ""


class _Chunk(msgspec.Struct, frozen=True):
    choices: list[_Choice] = []
    timings: Timings | None = None
    error: _Error | None = None


class Completion(QObject):
    """Asks for a reply and passes it on as it comes: `thought` and `received` carry new text.

    Ends with exactly one of `finished` (the `Timings`, and why the reply ended), `refused` (the
    server's own words) and `broken` (the connection went away); after `stop` with none.
    """

    thought = Signal(str)
    received = Signal(str)
    finished = Signal(object, str)
    refused = Signal(str)
    broken = Signal()

    def __init__(
        self,
        url: str,
        key: str,
        messages: Sequence[WireMessage],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._network = QNetworkAccessManager(self)
        self._network.setProxy(QNetworkProxy(QNetworkProxy.ProxyType.NoProxy))
        self._unread = b""
        self._timings = Timings()
        self._finish_reason = ""
        self._refusal = ""
        request = QNetworkRequest(QUrl(f"{url}/v1/chat/completions"))
        request.setHeader(QNetworkRequest.KnownHeaders.ContentTypeHeader, "application/json")
        request.setRawHeader(b"Authorization", b"Bearer " + key.encode())
        self._reply = self._network.post(request, msgspec.json.encode(_Body(messages)))
        self._reply.readyRead.connect(self._read)
        self._reply.finished.connect(self._end)

    def stop(self) -> None:
        """Give up the reply; the server notices and stops."""
        self._reply.readyRead.disconnect(self._read)
        self._reply.finished.disconnect(self._end)
        self._reply.abort()

    def _read(self) -> None:
        if self._status() != _OK:
            return
        *lines, self._unread = (self._unread + bytes(self._reply.readAll().data())).split(b"\n")
        if len(self._unread) > _LONGEST_LINE:
            self._refusal = self.tr("The server's answer can't be read.")
            self._reply.abort()
        for line in lines:
            if line.startswith(b"data: {"):
                self._take(line.removeprefix(b"data: "))

    def _take(self, content: bytes) -> None:
        try:
            chunk = msgspec.json.decode(content, type=_Chunk)
        except msgspec.DecodeError:
            return
        if chunk.error is not None:
            self._refusal = chunk.error.message
        if chunk.timings is not None:
            self._timings = chunk.timings
        for choice in chunk.choices:
            self._finish_reason = choice.finish_reason or self._finish_reason
            if choice.delta.reasoning_content:
                self.thought.emit(choice.delta.reasoning_content)
            if choice.delta.content:
                self.received.emit(choice.delta.content)

    def _end(self) -> None:
        self._read()
        if self._status() not in (0, _OK):
            self._refusal = self._refusal_in(bytes(self._reply.readAll().data()))
        if self._refusal:
            self.refused.emit(self._refusal)
        elif self._reply.error() is QNetworkReply.NetworkError.NoError and self._finish_reason:
            self.finished.emit(self._timings, self._finish_reason)
        else:
            self.broken.emit()

    def _refusal_in(self, body: bytes) -> str:
        try:
            error = msgspec.json.decode(body, type=_Chunk).error
        except msgspec.DecodeError:
            error = None
        return error.message if error else self.tr("The server refused the request.")

    def _status(self) -> int:
        attribute = QNetworkRequest.Attribute.HttpStatusCodeAttribute
        return self._reply.attribute(attribute) or 0
