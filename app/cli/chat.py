"""`gristmill chat`: stream the reply to one prompt; the engine runs in a child process."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.cli.load_arguments import add_load_arguments, given_options
from app.cli.values import positive, temperature
from app.core.errors import AppError, ErrorCode
from app.core.event_lines import decode_event
from app.core.events import Failed, Finished, Printed, Ready
from app.core.language import tr
from app.core.load_options import arguments_of
from app.core.settings import load_settings
from app.jobs.child_process import ChildProcess
from app.jobs.launch import child_environment, command_line
from app.jobs.outcome import ProcessOutcome
from app.jobs.reporter import Reporter
from app.library.reply_defaults import reply_defaults

NAME = "chat"
HELP = tr("Send a prompt to a model and print its reply as it streams in.")
_DEATH_SECONDS = 5


class _EngineGoneError(Exception):
    """The engine's process has exited or is about to."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", help=tr("a .gguf file, or a name from “gristmill models”"))
    parser.add_argument("prompt", help=tr("the prompt; “-” reads it from standard input"))
    parser.add_argument("--system", help=tr("the system prompt"))
    parser.add_argument(
        "--max-tokens", type=positive, metavar="N", help=tr("the maximum length of the reply")
    )
    parser.add_argument("--seed", type=int, help=tr("a number that makes replies repeatable"))
    parser.add_argument(
        "--temperature",
        type=temperature,
        metavar="T",
        help=tr("0 to 5; 0 always takes the most likely token"),
    )
    parser.add_argument(
        "--reasoning", action="store_true", help=tr("also print the model's reasoning")
    )
    add_load_arguments(parser)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Start the engine, send the prompt, print the reply."""
    with _engine(arguments, reporter) as ready:
        tokens, speed = _converse(ready, _body(arguments), reporter)
    reporter.report(Finished((), {"tokens": tokens, "tokens_per_second": speed}))


def _body(arguments: argparse.Namespace) -> dict[str, object]:
    from app.library.index import find_model
    from app.library.model_places import library_places

    # The engine has reported settings that can't be read.
    settings, _ = load_settings()
    defaults = reply_defaults(str(find_model(arguments.model, library_places(settings))))
    is_open = arguments.system is None
    system = defaults.system_prompt if is_open else _as_text(arguments.system)
    messages = [{"role": "user", "content": _prompt(arguments.prompt)}]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    body: dict[str, object] = {"messages": messages, "stream": True}
    if arguments.reasoning:
        body["reasoning_format"] = "none"
    chosen = {name: getattr(arguments, name) for name in ("max_tokens", "seed", "temperature")}
    if chosen["temperature"] is None:
        chosen["temperature"] = defaults.temperature
    return body | {name: value for name, value in chosen.items() if value is not None}


def _prompt(argument: str) -> str:
    if argument == "-":
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    return _as_text(argument)


def _as_text(argument: str) -> str:
    # Bytes of an argument that are not UTF-8 arrive as lone surrogates.
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@contextmanager
def _engine(arguments: argparse.Namespace, reporter: Reporter) -> Iterator[Ready]:
    options = arguments_of(given_options(arguments))
    child = ChildProcess(
        command_line("serve", *options, "--", arguments.model), child_environment("serve")
    )
    later: threading.Thread | None = None
    try:
        ready = _await_ready(child, reporter)
        later = threading.Thread(target=_pass_on, args=(child, reporter), daemon=True)
        later.start()
        yield ready
    except _EngineGoneError as error:
        raise AppError(ErrorCode.ENGINE_STOPPED, reason=_exit_reason(child)) from error
    finally:
        child.end()
        if later is not None:
            later.join()


def _pass_on(child: ChildProcess, reporter: Reporter) -> None:
    """Report events of the engine that follow `Ready`, such as notices during the first prompt."""
    for line in child.remaining_lines():
        reporter.report(decode_event(line))


def _await_ready(child: ChildProcess, reporter: Reporter) -> Ready:
    for line in child.remaining_lines():
        match decode_event(line):
            case Ready() as ready:
                return ready
            case Failed(code, details):
                raise AppError(code, **details)
            case event:
                reporter.report(event)
    raise _EngineGoneError


def _converse(ready: Ready, body: dict[str, object], reporter: Reporter) -> tuple[int, float]:
    import httpx2

    timings: dict[str, float] = {}
    headers = {"Authorization": f"Bearer {ready.key}"}
    # The engine is on loopback without TLS, so the system's certificates need not be loaded.
    try:
        with (
            httpx2.Client(
                base_url=ready.url, headers=headers, timeout=None, trust_env=False, verify=False
            ) as client,
            client.stream("POST", "/v1/chat/completions", json=body) as response,
        ):
            if response.is_error:
                raise _refusal(response.read())
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    timings = _handle(json.loads(line.removeprefix("data: ")), reporter) or timings
    except httpx2.TransportError as error:
        raise _EngineGoneError from error
    reporter.report(Printed("\n"))
    return int(timings.get("predicted_n", 0)), float(timings.get("predicted_per_second", 0))


def _handle(event: dict[str, object], reporter: Reporter) -> dict[str, float] | None:
    match event:
        case {"error": _}:
            raise _refusal(json.dumps(event).encode())
        case {"choices": [{"delta": {"content": str(text)}}]} if text:
            reporter.report(Printed(text))
        case {"timings": dict(timings)}:
            return timings
    return None


def _refusal(body: bytes) -> AppError:
    match json.loads(body):
        case {"error": {"code": str(code), "facts": dict(details)}}:
            return AppError(ErrorCode(code), **details)
        case {"error": {"message": str(message)}}:
            return AppError(ErrorCode.REQUEST_INVALID, reason=message)
    return AppError(ErrorCode.REQUEST_INVALID, reason=tr("the engine gave no reason"))


def _exit_reason(child: ChildProcess) -> str:
    """Return why the engine exited, and pass its log on."""
    returncode = child.wait(_DEATH_SECONDS)
    child.end()
    log = child.log()
    sys.stderr.write(log)
    if returncode is None:
        return tr("it stopped in the middle of the reply")
    return ProcessOutcome.from_returncode(returncode).describe(log.splitlines())
