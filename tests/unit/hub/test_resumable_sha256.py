from __future__ import annotations

import hashlib
import random

import pytest

from app.hub import resumable_sha256
from app.hub.resumable_sha256 import ResumableSha256

CONTENT = random.Random(1).randbytes(5000)


@pytest.mark.parametrize("first_bytes", [0, 1, 55, 56, 63, 64, 65, 119, 128, 4999, 5000])
def test_another_one_goes_on_from_a_saved_state(first_bytes: int) -> None:
    first = ResumableSha256()
    first.update(CONTENT[:first_bytes])
    second = ResumableSha256(first.state())
    second.update(memoryview(CONTENT)[first_bytes:])
    assert second.hexdigest() == hashlib.sha256(CONTENT).hexdigest()
    assert first.hexdigest() == hashlib.sha256(CONTENT[:first_bytes]).hexdigest()


def test_the_checksum_can_be_asked_for_twice() -> None:
    running = ResumableSha256()
    running.update(b"first")
    assert running.hexdigest() == running.hexdigest() == hashlib.sha256(b"first").hexdigest()
    running.update(b" second")
    assert running.hexdigest() == hashlib.sha256(b"first second").hexdigest()


def test_without_openssl_it_works_but_has_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable_sha256, "_libraries", list)
    resumable_sha256._openssl.cache_clear()
    try:
        running = ResumableSha256()
        running.update(memoryview(CONTENT))
        assert running.state() == b""
        assert running.hexdigest() == hashlib.sha256(CONTENT).hexdigest()
    finally:
        resumable_sha256._openssl.cache_clear()
