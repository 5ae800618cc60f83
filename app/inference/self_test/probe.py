"""Probe the engine in a child process, and remember the setting that works on this machine.

Some builds crash at the first token on some processors; `safe_settings` lists what to try then.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.core import leftovers, paths
from app.core.errors import AppError, ErrorCode, ErrorDetails, NoticeCode
from app.core.event_lines import decode_event
from app.core.events import Event, Failed, NoticeReported
from app.core.files import replace
from app.core.json_store import JsonStore
from app.core.language import tr
from app.core.load_options import LoadOptions
from app.core.sentences import describe_error
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest
from app.inference.sampling.parameters import SamplingParameters
from app.inference.self_test.safe_settings import (
    NO_ANSWER,
    WITHOUT_FLAG,
    Countermeasure,
    EngineSetting,
    settings_to_try,
)
from app.inference.session.generation import Generation
from app.inference.session.session import Session
from app.jobs.child_process import run_verb
from app.jobs.outcome import ProcessOutcome
from app.native.devices import devices
from app.native.library import engine_fingerprint

_TIMEOUT_SECONDS = 120
_NO_MEMORY = "out of memory"
_PROBE_CONTEXT = 256
_PROBE_TOKENS = 16


@dataclass(frozen=True)
class _Failure:
    """The failure of a probe: its key in the table, and its description."""

    kind: str
    description: str


def engine_setting(report: Callable[[Event], None]) -> EngineSetting:
    """Return the setting for this machine and engine build, found by probing the first time.

    Raises:
        AppError: `engine_broken` if not even the safest setting works.
    """
    known = known_setting()
    if known is not None:
        return known
    setting = probe_engine()
    if setting.disabled_features:
        details: ErrorDetails = {"reason": setting.reason, "without": setting.described()}
        report(NoticeReported(NoticeCode.SAFE_SETTING, details))
    if not _lacked_memory(setting):
        _remember(setting)
    return setting


def _lacked_memory(setting: EngineSetting) -> bool:
    """Return whether a device lacked memory, which says nothing about the next time."""
    return _NO_MEMORY in setting.reason or any(device.is_full for device in devices())


def known_setting() -> EngineSetting | None:
    """Return the setting for this machine and engine build, if the probe has run before."""
    return _read_known().get(engine_fingerprint())


def working_options(options: LoadOptions, report: Callable[[Event], None]) -> LoadOptions:
    """Return load options that work on this machine, reporting choices that are overruled.

    Raises:
        AppError: what `engine_setting` raises.
    """
    setting = engine_setting(report)
    if setting.overrules(options):
        details: ErrorDetails = {"reason": setting.reason, "without": setting.described()}
        report(NoticeReported(NoticeCode.SAFE_SETTING_HOLDS, details))
    return setting.applied_to(options)


def forget_setting() -> None:
    """Make the next start probe the engine again."""
    paths.engine_file().unlink(missing_ok=True)


def choose_full_setting() -> None:
    """Use the full setting from now on, whatever the probe found."""
    _remember(EngineSetting(is_chosen=True))


def probe_engine() -> EngineSetting:
    """Try the full setting in a child process, then those that the table lists for its failure.

    Raises:
        AppError: `engine_broken`, `engine_missing`.
    """
    failure = _probe_failure(())
    if failure is None:
        return EngineSetting()
    last = failure
    for disabled_features in settings_to_try(failure.kind):
        again = _probe_failure(disabled_features)
        if again is None:
            return EngineSetting(disabled_features, failure.description)
        last = again
    raise AppError(ErrorCode.ENGINE_BROKEN, reason=last.description)


def run_probe(disabled_features: tuple[Countermeasure, ...]) -> None:
    """Load the probe model and generate some tokens, in this process."""
    options = EngineSetting(disabled_features).applied_to(LoadOptions(context=_PROBE_CONTEXT))
    load_request = LoadRequest(read_model(_probe_model()), options)
    with Session(load_request, lambda _: None) as session:
        prompt = session.vocabulary.tokenize_prompt("The mill grinds what the field gives. " * 3)
        generation = Generation(prompt, SamplingParameters(seed=1), max_tokens=_PROBE_TOKENS)
        for _ in session.stream_reply(generation):
            pass


def _probe_failure(disabled_features: tuple[Countermeasure, ...]) -> _Failure | None:
    """Run the probe in a child; return its failure, or None."""
    flags = [part for measure in disabled_features for part in (WITHOUT_FLAG, measure)]
    child = run_verb("probe", *flags, timeout_seconds=_TIMEOUT_SECONDS)
    if child.returncode is None:
        return _Failure(NO_ANSWER, tr("it did not respond for {time} s", time=_TIMEOUT_SECONDS))
    sys.stderr.write(child.log)
    outcome = ProcessOutcome.from_returncode(child.returncode)
    if outcome.was_successful:
        return None
    for line in child.output.splitlines():
        match decode_event(line):
            case Failed(ErrorCode.ENGINE_MISSING, details):
                raise AppError(ErrorCode.ENGINE_MISSING, **details)
            case Failed(code, details):
                return _Failure(code, describe_error(code, details))
    return _Failure(outcome.signal_name, outcome.describe(child.log.splitlines()))


def _probe_model() -> Path:
    path = paths.home() / "probe.gguf"
    if not path.exists():
        # Imported late: the converter's process has its own version of gguf.
        from app.inference.self_test.probe_model import write_probe_model

        # A unique name: two first starts may run at once.
        part = path.with_name(f"probe-{os.getpid()}.gguf.part")
        with leftovers.noted(part):
            write_probe_model(part)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            replace(part, path)
    return path


def _store() -> JsonStore[dict[str, EngineSetting]]:
    return JsonStore(paths.engine_file(), dict[str, EngineSetting])


def _remember(setting: EngineSetting) -> None:
    _store().write_unless_busy(_read_known() | {engine_fingerprint(): setting})


def _read_known() -> dict[str, EngineSetting]:
    # An invalid setting must not discard those of other builds.
    return _store().salvage() or {}
