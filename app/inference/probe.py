"""Whether the engine works on this machine: tried in a child process, remembered per machine.

Some builds crash at the first token on some processors (gcc 12 with AMX, llama.cpp issue 20824).
The safe setting leaves out the extra buffer types, and with them the code that crashes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.core import leftovers, paths
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import Event, Failed, Noticed, decode_event
from app.core.files import replace, write_atomically
from app.core.sentences import describe_error
from app.inference.generation import Generation
from app.inference.loading import LoadWishes
from app.inference.sampling import Sampling
from app.inference.session import Session
from app.jobs.launch import child_environment, command_line
from app.jobs.outcome import ProcessOutcome
from app.native.library import engine_fingerprint

SAFE_FLAG = "--safe"
_TIMEOUT_SECONDS = 120
_PROBE_TOKENS = 16


class EngineSetting(msgspec.Struct, frozen=True):
    """What was found: whether the extra buffer types work here, and if not, why."""

    has_extra_buffers: bool = True
    reason: str = ""


def engine_setting(report: Callable[[Event], None]) -> EngineSetting:
    """The setting for this machine and engine build; the first time, the probe finds it.

    Raises:
        AppError: `engine_broken` when not even the safe setting works.
    """
    fingerprint = engine_fingerprint()
    known = _read_known()
    if fingerprint not in known:
        setting = probe_engine()
        if setting.reason:
            report(Noticed(NoticeCode.SAFE_SETTING, {"reason": setting.reason}))
        known[fingerprint] = setting
        _remember(known)
    return known[fingerprint]


def forget_setting() -> None:
    """Have the next start probe again."""
    paths.engine_file().unlink(missing_ok=True)


def probe_engine() -> EngineSetting:
    """Try the full setting in a child process, then the safe one.

    Raises:
        AppError: `engine_broken`, `engine_missing`.
    """
    reason = _failure_of()
    if not reason:
        return EngineSetting()
    safe_reason = _failure_of(SAFE_FLAG)
    if safe_reason:
        raise AppError(ErrorCode.ENGINE_BROKEN, reason=safe_reason)
    return EngineSetting(has_extra_buffers=False, reason=reason)


def run_probe(*, has_extra_buffers: bool) -> None:
    """Load the probe model and let it write some tokens, in this process."""
    wishes = LoadWishes(
        model=_probe_model(),
        layers=1,
        context=256,
        trained_context=256,
        has_extra_buffers=has_extra_buffers,
    )
    with Session(wishes, lambda _: None) as session:
        prompt = session.vocabulary.tokenize_prompt("The mill grinds what the field gives. " * 3)
        generation = Generation(lambda _: prompt, Sampling(seed=1), most_tokens=_PROBE_TOKENS)
        for _ in session.replies(generation):
            pass


def _failure_of(*flags: str) -> str:
    """Why the probe failed in a child, in words; empty when it did not."""
    # The child leaves when its standard input closes, so that is kept open until it ends.
    reader, writer = os.pipe()
    try:
        child = subprocess.run(
            command_line("probe", *flags),
            env=child_environment("probe"),
            stdin=reader,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it gave no answer for {_TIMEOUT_SECONDS} s"
    finally:
        os.close(reader)
        os.close(writer)
    sys.stderr.write(child.stderr.decode("utf-8", "replace"))
    outcome = ProcessOutcome.from_returncode(child.returncode)
    if outcome.was_successful:
        return ""
    for line in child.stdout.splitlines():
        match decode_event(line):
            case Failed(ErrorCode.ENGINE_MISSING, facts):
                raise AppError(ErrorCode.ENGINE_MISSING, **facts)
            case Failed(code, facts):
                return describe_error(code, facts)
    return outcome.in_words()


def _probe_model() -> Path:
    path = paths.home() / "probe.gguf"
    if not path.exists():
        # Imported late: in the converter's process gguf is the converter's own.
        from app.inference.probe_model import write_probe_model

        # A name of its own: two first starts may come at once.
        part = path.with_name(f"probe-{os.getpid()}.gguf.part")
        with leftovers.noted(part):
            write_probe_model(part)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            replace(part, path)
    return path


def _remember(known: dict[str, EngineSetting]) -> None:
    try:
        write_atomically(paths.engine_file(), msgspec.json.encode(known))
    except AppError as error:
        # Another first start found the same and is just writing it.
        if error.code is not ErrorCode.FILE_BUSY:
            raise


def _read_known() -> dict[str, EngineSetting]:
    try:
        return msgspec.json.decode(paths.engine_file().read_bytes(), type=dict[str, EngineSetting])
    except (OSError, msgspec.DecodeError):
        return {}
