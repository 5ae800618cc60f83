"""SHA-256 whose state can be saved, so that a file need not be kept to go on with its checksum.

hashlib doesn't expose its state. The functions below are those that hashlib itself is linked
with (OpenSSL's `SHA256_Update`, crypto/sha/sha256.c); their state is a plain structure.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import sys
from ctypes import c_char, c_int, c_size_t, c_void_p
from typing import Any

_STATE_BYTES = 112
"""Size of SHA256_CTX (include/openssl/sha.h): 28 numbers of 32 bits."""
_DIGEST_BYTES = 32
_WINDOWS_LIBRARIES = ("libcrypto-3.dll", "libcrypto-3-x64.dll", "libcrypto-3-arm64.dll")


class ResumableSha256:
    """A running SHA-256; where OpenSSL can't be called, it works but has no state to save."""

    def __init__(self, state: bytes = b"") -> None:
        """Begin anew, or go on from `state`, which `state()` returned earlier."""
        self._library = _openssl()
        self._context = (c_char * _STATE_BYTES)()
        self._fallback = hashlib.sha256()
        if self._library is not None:
            self._library.SHA256_Init(self._context)
            if state:
                self._context.raw = state

    def update(self, chunk: bytes | memoryview) -> None:
        """Add the next bytes; other threads can run meanwhile."""
        if self._library is None:
            self._fallback.update(chunk)
        else:
            self._library.SHA256_Update(self._context, bytes(chunk), len(chunk))

    def state(self) -> bytes:
        """Return the state so far, empty if it can't be saved."""
        return self._context.raw if self._library is not None else b""

    def hexdigest(self) -> str:
        """Return the checksum of the bytes so far."""
        if self._library is None:
            return self._fallback.hexdigest()
        # The last step changes the state.
        context = (c_char * _STATE_BYTES).from_buffer_copy(self._context)
        digest = (c_char * _DIGEST_BYTES)()
        self._library.SHA256_Final(digest, context)
        return digest.raw.hex()


@functools.cache
def _openssl() -> Any:
    for library in _libraries():
        try:
            initialize, update, final = (
                getattr(library, f"SHA256_{step}") for step in ("Init", "Update", "Final")
            )
        except AttributeError:
            continue
        initialize.argtypes = [c_void_p]
        update.argtypes = [c_void_p, c_void_p, c_size_t]
        final.argtypes = [c_void_p, c_void_p]
        for function in (initialize, update, final):
            function.restype = c_int
        if _works(library):
            return library
    return None


def _libraries() -> list[ctypes.CDLL]:
    try:
        import _hashlib
    except ImportError:
        return []
    # Symbols of the libraries that a module is linked with are found through it, but on Windows.
    names = _WINDOWS_LIBRARIES if sys.platform == "win32" else (_hashlib.__file__,)
    libraries = []
    for name in names:
        try:
            libraries.append(ctypes.CDLL(name))
        except (OSError, TypeError):
            continue
    return libraries


def _works(library: Any) -> bool:
    """Return whether a state saved in the middle leads to hashlib's checksum."""
    first, second = (c_char * _STATE_BYTES)(), (c_char * _STATE_BYTES)()
    digest = (c_char * _DIGEST_BYTES)()
    sample = bytes(range(100))
    library.SHA256_Init(first)
    library.SHA256_Update(first, sample, len(sample))
    second.raw = first.raw
    library.SHA256_Update(second, sample, len(sample))
    library.SHA256_Final(digest, second)
    return digest.raw == hashlib.sha256(sample + sample).digest()
