"""Stream one reply from an OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from PySide6.QtCore import QObject, QTimer, QUrl, Signal
from PySide6.QtNetwork import (
    QNetworkAccessManager,
    QNetworkProxy,
    QNetworkReply,
    QNetworkRequest,
)

from app.core.chat_settings import ChatSettings
from app.core.errors import NoticeCode
from app.core.language import tr
from app.gui.client.think_tags import ThinkTags
from app.gui.client.wire import (
    ChatServer,
    Chunk,
    Delta,
    ReplyClock,
    WireError,
    WireMessage,
    request_body,
)

REPETITION = "repetition"
"""Why a reply ended that our own server stopped because the model kept repeating itself."""

_LONGEST_LINE = 2**20
_LONGEST_REPLY = 16 * 2**20
_LONGEST_WORDS = 1000
_OK = 200
_END = b"[DONE]"
# Other engines may need minutes for a long prompt; after the first token, silence means failure.
_PATIENCE_MILLISECONDS, _SILENCE_MILLISECONDS = 600_000, 60_000


@dataclass(frozen=True)
class RequestRefusal:
    """The server's message.

    Our own server adds the `ErrorCode` and, for a conversation that doesn't fit, the number of
    tokens that it needs; otherwise these are empty and 0.
    """

    words: str
    code: str = ""
    tokens: int = 0


class Completion(QObject):
    """Requests a reply and passes it on as it arrives: `thought` and `received` carry new text.

    `timed` carries the `Timings` so far, from servers that report them, and `noticed` a sentence
    about what our own server did differently from the request.

    Ends with exactly one of `finished` (the `Timings`, and why the reply ended), `refused` (a
    `RequestRefusal`) and `failed` (why the connection was lost); after `stop` with none.
    """

    thought = Signal(str)
    received = Signal(str)
    timed = Signal(object)
    noticed = Signal(str)
    finished = Signal(object, str)
    refused = Signal(object)
    failed = Signal(str)

    def __init__(
        self,
        server: ChatServer,
        messages: Sequence[WireMessage],
        settings: ChatSettings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._server = server
        self._network = QNetworkAccessManager(self)
        if server.is_ours:
            self._network.setProxy(QNetworkProxy(QNetworkProxy.ProxyType.NoProxy))
        self._unread = b""
        self._length = 0
        self._clock = ReplyClock()
        self._tags = ThinkTags()
        self._finish_reason = ""
        self._is_repetition = False
        self._refusal: RequestRefusal | None = None
        self._patience = QTimer(self, singleShot=True)
        self._patience.timeout.connect(self._give_up)
        if not server.is_ours:
            self._patience.start(_PATIENCE_MILLISECONDS)
        self._reply = self._network.post(_request(server), request_body(server, messages, settings))
        self._reply.readyRead.connect(self._read)
        self._reply.finished.connect(self._end)

    def stop(self) -> None:
        """Abandon the reply; the server notices and stops."""
        self._patience.stop()
        self._reply.readyRead.disconnect(self._read)
        self._reply.finished.disconnect(self._end)
        self._reply.abort()

    def _read(self) -> None:
        if self._status() != _OK:
            return
        if not self._server.is_ours:
            self._patience.start(_SILENCE_MILLISECONDS)
        new = bytes(self._reply.readAll().data())
        self._length += len(new)
        *lines, self._unread = (self._unread + new).split(b"\n")
        if len(self._unread) > _LONGEST_LINE or self._length > _LONGEST_REPLY:
            self._refuse(tr("The server's response can't be read."))
            return
        for line in lines:
            self._take(line.removeprefix(b"data:").strip())

    def _take(self, content: bytes) -> None:
        if content == _END:
            # Some servers don't report why a reply ended.
            self._finish_reason = self._finish_reason or "stop"
        if not content.startswith(b"{"):
            return
        try:
            chunk = msgspec.json.decode(content, type=Chunk)
        except (ValueError, RecursionError):
            return
        if chunk.error is not None:
            self._refusal = self._refusal_of(chunk.error)
        if self._server.is_ours and isinstance(chunk.notice, dict):
            self.noticed.emit(str(chunk.notice.get("message", "")))
            self._is_repetition |= chunk.notice.get("code") == NoticeCode.REPLY_REPEATS
        self._clock.note(chunk.timings, chunk.usage)
        if chunk.timings is not None:
            self.timed.emit(chunk.timings)
        for choice in chunk.choices:
            self._finish_reason = choice.finish_reason or self._finish_reason
            self._pass_on(choice.delta or Delta())

    def _pass_on(self, delta: Delta) -> None:
        thoughts = delta.reasoning_content or delta.reasoning
        if thoughts or delta.content:
            self._clock.begin()
        if thoughts:
            self.thought.emit(thoughts)
        if delta.content:
            self._pass_text(delta.content)

    def _pass_text(self, text: str) -> None:
        if not self._server.is_ours:
            thoughts, text = self._tags.split(text)
            if thoughts:
                self.thought.emit(thoughts)
        if text:
            self.received.emit(text)

    def _give_up(self) -> None:
        self._refuse(tr("The server has stopped responding."))

    def _refuse(self, words: str) -> None:
        self._refusal = RequestRefusal(words)
        self._reply.abort()

    def _end(self) -> None:
        self._patience.stop()
        if self._refusal is None:
            self._read()
        if rest := self._tags.rest():
            self.received.emit(rest)
        if self._status() not in (0, _OK):
            self._refusal = self._refusal_in(bytes(self._reply.read(_LONGEST_LINE).data()))
        if self._refusal is not None:
            self.refused.emit(self._refusal)
        elif self._reply.error() is QNetworkReply.NetworkError.NoError and self._finish_reason:
            reason = REPETITION if self._is_repetition else self._finish_reason
            self.finished.emit(self._clock.timings(), reason)
        else:
            self.failed.emit(self._reply.errorString())

    def _refusal_in(self, body: bytes) -> RequestRefusal:
        try:
            error = msgspec.json.decode(body, type=Chunk).error
        except (ValueError, RecursionError):
            error = None
        if error is not None:
            return self._refusal_of(error)
        return RequestRefusal(
            tr("The server refused the request (status {status}).", status=self._status())
        )

    def _refusal_of(self, error: WireError | str) -> RequestRefusal:
        words = error if isinstance(error, str) else error.message
        words = words[:_LONGEST_WORDS] or tr("The server reported an error.")
        if not self._server.is_ours or isinstance(error, str):
            return RequestRefusal(words)
        code = error.code if isinstance(error.code, str) else ""
        tokens = error.facts.get("tokens", 0) if isinstance(error.facts, dict) else 0
        return RequestRefusal(words, code, tokens if isinstance(tokens, int) else 0)

    def _status(self) -> int:
        attribute = QNetworkRequest.Attribute.HttpStatusCodeAttribute
        return self._reply.attribute(attribute) or 0


def _request(server: ChatServer) -> QNetworkRequest:
    request = QNetworkRequest(QUrl(f"{server.url}/v1/chat/completions"))
    request.setHeader(QNetworkRequest.KnownHeaders.ContentTypeHeader, "application/json")
    # A small compressed response could expand to fill the memory.
    request.setRawHeader(b"Accept-Encoding", b"identity")
    # The conversation and the key are only for this origin.
    request.setAttribute(
        QNetworkRequest.Attribute.RedirectPolicyAttribute,
        QNetworkRequest.RedirectPolicy.ManualRedirectPolicy,
    )
    if server.key:
        request.setRawHeader(b"Authorization", b"Bearer " + server.key.encode())
    return request
