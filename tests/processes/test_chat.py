"""The verb `chat`: it prints the reply, names what is wrong, and leaves no engine behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from app.core.errors import ErrorCode
from app.core.events import Failed, Finished, Printed
from app.jobs.outcome import EXIT_CANCELED, EXIT_FAILED, EXIT_USAGE
from app.library.reply_defaults import STARTER_FILE_NAME, reply_defaults
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.machine.verbs import run_verb, sentence_of, started

CONTEXT = 16_384
TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
WITHOUT_SYSTEM = (
    "{% if messages[0].role == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}" + TEMPLATE
)
# A reply that is still being written when the test is through.
ENDLESS = ("Write a very long story about a miller and his cat.", "--temperature", "0")
WAIT_SECONDS = 60


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(write_tiny_model(tmp_path / "tiny.gguf", context=CONTEXT, template=TEMPLATE))


def test_the_reply_comes_on_standard_output_and_nothing_else(model: str) -> None:
    ended = run_verb("chat", model, "Hello", "--max-tokens", "20", "--temperature", "0")
    assert (ended.status, ended.complaints) == (0, [])
    assert "".join(ended.lines)


@pytest.mark.parametrize("content", ["{", '{"theme": "purple"}'])
def test_settings_that_are_not_understood_are_told_once(
    model: str, home: Path, content: str
) -> None:
    home.mkdir(exist_ok=True)
    (home / "settings.json").write_text(content)
    ended = run_verb("chat", model, "Hello", "--max-tokens", "3")
    assert ended.status == 0
    assert len([line for line in ended.complaints if "settings" in line]) == 1


def test_a_seed_gives_the_same_reply_twice(model: str) -> None:
    replies = [
        run_verb("chat", model, "Hello", "--max-tokens", "30", "--seed", seed).lines
        for seed in ("7", "8", "7")
    ]
    assert replies[0] == replies[2] != replies[1]


def test_the_starter_replies_as_in_the_window(tmp_path: Path) -> None:
    starter = str(write_tiny_model(tmp_path / STARTER_FILE_NAME, template=TEMPLATE))
    defaults = reply_defaults(starter)
    options = ("--max-tokens", "20", "--seed", "3")
    spelled_out = ("--system", defaults.system_prompt, "--temperature", str(defaults.temperature))
    ended = run_verb("chat", starter, "Hello", *options)
    assert ended.lines == run_verb("chat", starter, "Hello", *options, *spelled_out).lines
    plain = ("--system", "", "--temperature", "0.8")
    assert ended.lines != run_verb("chat", starter, "Hello", *options, *plain).lines


def test_what_a_thinking_model_thinks_is_printed_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "thinking.gguf"
    model = str(write_tiny_model(path, context=CONTEXT, template=TEMPLATE + "<think>"))
    options = ("--max-tokens", "20", "--temperature", "0")
    # It never closes what the template opened.
    assert run_verb("chat", model, "Hello", *options).lines == [""]
    shown = run_verb("chat", model, "Hello", "--reasoning", *options)
    assert shown.lines[0] == "<think>"
    assert "".join(shown.lines[1:])


def test_the_pieces_of_the_reply_are_events_and_the_last_has_its_figures(model: str) -> None:
    with started("chat", model, "Hello", "--max-tokens", "200", "--seed", "1") as child:
        assert child.end() == 0
    pieces = [event.text for event in child.events if isinstance(event, Printed)]
    # The first, what followed within some moments, and the line's end.
    assert len(pieces) > 2
    finished = child.events[-1]
    assert isinstance(finished, Finished)
    assert finished.details["tokens"] == 200
    assert float(finished.details["tokens_per_second"]) > 0


@pytest.mark.parametrize("prompt", [b"He\xffllo", b"a\x1b[31mb", "小麦粉 🌾\n".encode(), b""])
def test_any_bytes_are_a_prompt(model: str, prompt: bytes) -> None:
    options = ("--max-tokens", "3", "--threads", "1")
    for argument, piped in ((prompt, b""), (b"-", prompt)):
        command = [sys.executable, "-m", "app", "chat", model, argument, *options]
        ended = subprocess.run(command, input=piped, capture_output=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_system_message_comes_first_or_before_the_question(model: str, tmp_path: Path) -> None:
    options = ("--max-tokens", "1", "--events")
    with started("chat", model, "Hello", "--system", "Be brief.", *options) as child:
        assert child.end() == 0
    strict = write_tiny_model(tmp_path / "strict.gguf", context=CONTEXT, template=WITHOUT_SYSTEM)
    ended = run_verb("chat", str(strict), "Hello", "--system", "Be brief.")
    assert (ended.status, ended.complaints) == (0, [])


def test_a_prompt_beyond_the_context_is_said_with_its_size(model: str) -> None:
    ended = run_verb("chat", model, "x" * 1000, "--context", "512")
    assert (ended.status, ended.lines) == (EXIT_FAILED, [])
    (line,) = ended.complaints
    assert sentence_of(ErrorCode.CONTEXT_FULL, context="512").fullmatch(line)


def test_weights_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    broken = write_tiny_model(tmp_path / "broken.gguf", template=TEMPLATE, with_numbers=False)
    ended = run_verb("chat", str(broken), "Hello", "--context", "256")
    assert (ended.status, ended.lines) == (EXIT_FAILED, [])
    (line,) = ended.complaints
    assert sentence_of(ErrorCode.MODEL_REJECTED, model="broken.gguf").fullmatch(line)
    assert "values that are not numbers" in line


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    ended = run_verb("chat", str(tmp_path / "missing.gguf"), "Hello")
    assert ended.status == EXIT_FAILED
    (line,) = ended.complaints
    assert sentence_of(ErrorCode.MODEL_NOT_FOUND).fullmatch(line)


def test_the_engines_refusal_reaches_the_person(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF")
    with started("chat", str(tmp_path / "bad.gguf"), "Hello") as child:
        assert child.end() == EXIT_FAILED
    (failed,) = child.events
    assert isinstance(failed, Failed)
    assert failed.code is ErrorCode.GGUF_TRUNCATED


@pytest.mark.parametrize(
    "options",
    [
        ("--temperature", "nan"),
        ("--temperature", "-1"),
        ("--temperature", "inf"),
        ("--max-tokens", "0"),
        ("--max-tokens", "9" * 5000),
        ("--seed", "x"),
        ("--gpu-layers", "many"),
        ("--context", "-5"),
    ],
)
def test_a_wrong_value_is_wrong_usage(options: tuple[str, str]) -> None:
    ended = run_verb("chat", "model", "Hello", *options)
    assert ended.status == EXIT_USAGE
    assert ended.complaints[-1].startswith(f"gristmill chat: error: argument {options[0]}: ")


@contextmanager
def replying(model: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[psutil.Process]]]:
    """A chat in the middle of its reply, the engine that it has started, and the engine's child."""
    command = [sys.executable, "-m", "app", "chat", str(model), *ENDLESS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as chat:
        assert chat.stdout is not None
        assert chat.stdout.read(20)
        engine, renderer = psutil.Process(chat.pid).children(recursive=True)
        try:
            yield chat, [engine, renderer]
        finally:
            chat.kill()


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=WAIT_SECONDS)
    assert alive == []


def test_a_killed_engine_is_said_in_words(starter: Path) -> None:
    with replying(starter) as (chat, (engine, _)):
        engine.kill()
        _, complaints = chat.communicate(timeout=WAIT_SECONDS)
    assert chat.returncode == EXIT_FAILED
    (line,) = complaints.decode().splitlines()
    assert line.startswith("gristmill: The engine stopped unexpectedly: it was killed")
    if sys.platform != "win32":
        assert "(SIGKILL)" in line


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_however_it_ends_no_engine_is_left(starter: Path, name: str) -> None:
    with replying(starter) as (chat, processes):
        chat.send_signal(signal.Signals[name])
        _, complaints = chat.communicate(timeout=WAIT_SECONDS)
        assert_gone(processes)
    assert chat.returncode == (-signal.SIGKILL if name == "SIGKILL" else EXIT_CANCELED)
    assert complaints.decode().splitlines() == (["Stopped."] if name == "SIGINT" else [])


def test_a_reader_that_leaves_takes_the_engine_along(starter: Path) -> None:
    with replying(starter) as (chat, processes):
        assert chat.stdout is not None
        chat.stdout.close()
        assert_gone(processes)
        assert chat.wait(timeout=WAIT_SECONDS) != 0
        assert chat.stderr is not None
        assert b"Traceback" not in chat.stderr.read()


@pytest.mark.slow
def test_the_real_starter_knows_the_capital_of_france(starter: Path) -> None:
    asked = ("Tell me the capital of France.", "--max-tokens", "40")
    replies = []
    for seed in range(8):
        ended = run_verb("chat", "starter", *asked, "--seed", str(seed))
        assert (ended.status, ended.complaints) == (0, [])
        replies.append(" ".join(ended.lines))
        if "Paris" in replies[-1]:
            break
    assert "Paris" in replies[-1], replies
