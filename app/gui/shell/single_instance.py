"""Keep to one window per data folder: a later start lets the first window open its arguments."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress

import msgspec
from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from app.core import paths

_PATIENCE_MILLISECONDS = 1000


def claim(opened: Sequence[str], parent: QObject) -> LaterInstances | None:
    """Return the listener of the only window, or None if another window was given the rest.

    Of two starts at the same moment, one gets the listener.
    """
    with suppress(OSError):
        paths.home().mkdir(parents=True, exist_ok=True)
    lock = QLockFile(str(paths.home() / "window.lock"))
    lock.tryLock(_PATIENCE_MILLISECONDS)
    try:
        return None if hand_over(opened) else LaterInstances(parent)
    finally:
        lock.unlock()


def hand_over(opened: Sequence[str]) -> bool:
    """Hand paths and links to the window on this data folder; return False if there is none."""
    socket = QLocalSocket()
    socket.connectToServer(_server_name())
    if not socket.waitForConnected(_PATIENCE_MILLISECONDS):
        return False
    socket.write(msgspec.json.encode(list(opened)))
    socket.waitForBytesWritten(_PATIENCE_MILLISECONDS)
    socket.disconnectFromServer()
    return True


class LaterInstances(QObject):
    """Listens for later starts; `received` carries the paths and links passed to one."""

    received = Signal(list)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._accept)
        # Nothing answered there, so a socket with this name was left by a crash.
        QLocalServer.removeServer(_server_name())
        self._server.listen(_server_name())

    def _accept(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            if socket.state() is QLocalSocket.LocalSocketState.UnconnectedState:
                self._read(socket)
            else:
                socket.disconnected.connect(lambda socket=socket: self._read(socket))

    def _read(self, socket: QLocalSocket) -> None:
        message = bytes(socket.readAll().data())
        socket.deleteLater()
        try:
            names = msgspec.json.decode(message, type=list[str])
        except msgspec.DecodeError:
            return
        self.received.emit(names)


def _server_name() -> str:
    folder = str(paths.home().resolve())
    return f"gristmill-{hashlib.sha256(folder.encode()).hexdigest()[:16]}"
