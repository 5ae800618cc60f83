"""Use ggml's RPC: add workers in other processes or on other machines, or be one."""

from __future__ import annotations

import ctypes
import functools
import socket
import struct
import time
from collections.abc import Iterator, Sequence

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.native.devices import Pointers, gpu_pointers, pointers_to, pointers_with_room
from app.native.library import load_ggml, load_ggml_base, load_library, load_llama

# The handshake of ggml-rpc.cpp: command 14, the size of what follows, the abilities of a
# connection; the answer has the protocol's version before its abilities.
_HELLO, _PROTOCOL, _ABILITIES_BYTES = 14, 7, 24
_VERSION_BYTES = 4
_SIZE = struct.Struct("<Q")
_PATIENCE_SECONDS = 2.0
_CPU_TYPE = 0


def add_workers(addresses: Sequence[str]) -> Pointers:
    """Add workers as devices of this process; return all devices except the CPU.

    Args:
        addresses: Each as `host:port`.

    Raises:
        AppError: `worker_unreachable`; a worker that is lost later ends this process.
    """
    load_llama()
    for address in addresses:
        _require_worker(address)
    for address in addresses:
        registry = _rpc().ggml_backend_rpc_add_server(address.encode())
        if not registry:
            raise AppError(
                ErrorCode.WORKER_UNREACHABLE, address=address, reason=tr("it has no device")
            )
        load_ggml().ggml_backend_register(ctypes.c_void_p(registry))
    return pointers_with_room() or pointers_to(gpu_pointers())


def serve_devices(host: str, port: int, threads: int) -> None:
    """Serve this machine's devices on an address; returns only on failure."""
    load_llama()
    ggml = load_ggml()
    ggml.ggml_backend_dev_by_type.restype = ctypes.c_void_p
    pointers = gpu_pointers() or [ggml.ggml_backend_dev_by_type(_CPU_TYPE)]
    devices = (ctypes.c_void_p * len(pointers))(*pointers)
    _rpc().ggml_backend_rpc_start_server(
        f"{host}:{port}".encode(), None, threads, len(pointers), devices
    )


def _require_worker(address: str) -> None:
    """Shake hands as ggml will: it ends the process unless a ggml worker answers."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        reason = tr("that is not of the form host:port")
        raise AppError(ErrorCode.WORKER_UNREACHABLE, address=address, reason=reason)
    # For all of it: who sends a byte now and then would else hold up the load.
    ends = time.monotonic() + _PATIENCE_SECONDS
    try:
        with socket.create_connection((host, int(port)), _PATIENCE_SECONDS) as connection:
            reason = _greet(connection, ends)
    except (OSError, ValueError, OverflowError) as error:
        words = getattr(error, "strerror", None) or str(error) or tr("no answer in time")
        raise AppError(ErrorCode.WORKER_UNREACHABLE, address=address, reason=words) from error
    if reason:
        raise AppError(ErrorCode.WORKER_UNREACHABLE, address=address, reason=reason)


def _greet(connection: socket.socket, ends: float) -> str:
    request = bytes([_HELLO]) + _SIZE.pack(_ABILITIES_BYTES) + bytes(_ABILITIES_BYTES)
    connection.sendall(request)
    wanted = _SIZE.size + _VERSION_BYTES + _ABILITIES_BYTES
    answer = b"".join(_received(connection, ends, wanted))
    if answer[: _SIZE.size] != _SIZE.pack(_VERSION_BYTES + _ABILITIES_BYTES):
        return tr("it is no ggml worker")
    version = answer[_SIZE.size : _SIZE.size + 1]
    return "" if version == bytes([_PROTOCOL]) else tr("it speaks another version of the protocol")


def _received(connection: socket.socket, ends: float, wanted: int) -> Iterator[bytes]:
    while wanted > 0 and (left := ends - time.monotonic()) > 0:
        connection.settimeout(left)
        piece = connection.recv(wanted)
        if not piece:
            return
        wanted -= len(piece)
        yield piece


@functools.cache
def _rpc() -> ctypes.CDLL:
    load_ggml_base()
    library = load_library("ggml-rpc")
    library.ggml_backend_rpc_add_server.restype = ctypes.c_void_p
    library.ggml_backend_rpc_add_server.argtypes = [ctypes.c_char_p]
    library.ggml_backend_rpc_start_server.restype = None
    library.ggml_backend_rpc_start_server.argtypes = [
        *(ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t),
        ctypes.c_void_p,
    ]
    return library
