"""Speed of `gristmill serve` compared with llama-bench and llama-server, on the same libraries.

Run: `python -m tests.benchmarks.serving [ROUNDS]` after `make setup`, on an idle machine; needs
CMake, a C++ compiler and 4 GB of disk space, and the first run takes several minutes to build. They
take turns with ours; a ratio is the median over the rounds, and `others` is the share of
CPU time used by other programs meanwhile. The models are the starter, whose tokens take so little
time that all overhead shows, and one of 1.2 billion random weights in Q4_K_M.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from app.core.events import Ready
from app.machine.cores import usable_threads
from tests.processes.serving import Server, serving
from tests.support.checkpoints.checkpoints import cache_folder, keep, smollm2_gguf
from tests.support.engine.llama_cpp_programs import llama_server, speeds_by_llama_bench
from tests.support.engine.stamped_tokens import stamps
from tests.support.engine.timed_streams import Address, TimedStream, timed_stream
from tests.support.machine.bystanders import Bystanders
from tests.support.machine.verbs import running

_COMPLETIONS, _CHAT = "/v1/completions", "/v1/chat/completions"
_THREADS = str(usable_threads())
_CLIENTS = 8
_CONTEXT = 8192
_WORDS = (
    "The miller opens the gate and the water turns the wheel; two round stones grind the wheat, "
    "the rye and the barley, and the neighbors come with a cart and an old horse. "
)
# No reply ends early, and each token has text: the sampled ones are letters in both models.
_SAMPLING = {"temperature": 0.8, "logit_bias": dict.fromkeys(map(str, range(300, 332)), 100)}
_MAKE = """
import sys, pathlib
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
make_tiny_checkpoint(pathlib.Path(sys.argv[1]), width=2048, layers=28, vocabulary=32_000)
"""
_WAIT_SECONDS = 120


def main() -> None:
    """Print the tables."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    small, large = smollm2_gguf(), _billion()
    print(
        f"{_THREADS} threads\n{'tokens/s':<44}{'llama.cpp':>10}{'ours':>9}{'ratio':>7}{'others':>8}"
    )
    _compare_with_bench("starter", small, (512, 128), rounds)
    _compare_with_bench("1.2 billion", large, (256, 32), max(1, rounds // 2))
    _compare_with_server("starter", small, 128, rounds)
    _compare_with_server("1.2 billion", large, 24, max(1, rounds // 2))
    print(f"\n{'milliseconds':<44}{'median':>10}{'99 %':>9}{'worst':>7}")
    _print_delays(small)
    _print_aborts(large)
    print()
    _print_turns(small)


def _billion() -> Path:
    file = cache_folder() / "random-1.2b.Q4_K_M.gguf"
    if not file.is_file():
        with tempfile.TemporaryDirectory(dir=cache_folder()) as name:
            source, made = f"{name}/model", Path(name) / "made.gguf"
            subprocess.run([sys.executable, "-c", _MAKE, source], check=True)
            options = ("--level", "Q4_K_M", "--to", str(made))
            command = [sys.executable, "-m", "app", "convert", source, *options]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            keep(made, file)
    return file


# --- Tokens per second


def _compare_with_bench(name: str, model: Path, sizes: tuple[int, int], rounds: int) -> None:
    prompts, replies = _Rows(f"{name}, prompt of {sizes[0]}"), _Rows(f"{name}, reply of {sizes[1]}")
    with serving(model, "--threads", _THREADS, "--context", "2048") as server:
        address = Address(server.port, server.ready.key)
        for number in range(rounds + 1):
            text = _text_of(server, sizes[0], number)
            # llama-bench also warms up before each of its tests.
            warm = _text_of(server, sizes[0], rounds + 1 + number)
            timed_stream(address, _COMPLETIONS, _asked(warm, 1))
            with Bystanders() as others:
                read = timed_stream(address, _COMPLETIONS, _asked(text, 1))
                written = timed_stream(address, _COMPLETIONS, _asked(f"{number}:", sizes[1]))
                tokens = str(read.last["usage"]["prompt_tokens"])
                options = ("-p", tokens, "-n", str(sizes[1]), "-t", _THREADS)
                bench = speeds_by_llama_bench(model, *options)
            if number:
                prompts.add(bench[0], _prompt_speed(read), others.share)
                replies.add(bench[1], _reply_speed(written), others.share)
    prompts.show()
    replies.show()


def _compare_with_server(name: str, model: Path, reply: int, rounds: int) -> None:
    rows = _Rows(f"{name}, {_CLIENTS} clients, {reply} each")
    slots = ("--slots", str(_CLIENTS), "--threads", _THREADS, "--context", str(_CONTEXT))
    their_slots = ("-np", str(_CLIENTS), "-t", _THREADS, "-c", str(_CONTEXT))
    with serving(model, *slots) as server, llama_server(model, *their_slots) as theirs:
        ours = Address(server.port, server.ready.key)
        for number in range(rounds + 1):
            with Bystanders() as others:
                speeds = [_speed_of_all(it, number, reply) for it in (theirs, ours)]
            if number:
                rows.add(speeds[0], speeds[1], others.share)
    rows.show()


class _Rows:
    """The rounds of one row of the table, in tokens per second."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._rounds: list[tuple[float, float, float, float]] = []

    def add(self, theirs: float, ours: float, others: float) -> None:
        self._rounds.append((theirs, ours, ours / theirs, others))

    def show(self) -> None:
        theirs, ours, ratio, others = map(statistics.median, zip(*self._rounds, strict=True))
        print(f"{self._label:<44}{theirs:>10.1f}{ours:>9.1f}{ratio:>7.3f}{others:>8.0%}")


def _prompt_speed(stream: TimedStream) -> float:
    tokens: int = stream.last["usage"]["prompt_tokens"]
    return tokens / (stream.events[0][0] - stream.began)


def _reply_speed(stream: TimedStream) -> float:
    """Return the speed after the first text, whose token came with the prompt's evaluation."""
    tokens: int = stream.last["usage"]["completion_tokens"]
    return (tokens - 1) / (stream.texts[-1][0] - stream.texts[0][0])


def _speed_of_all(address: Address, number: int, reply: int) -> float:
    bodies = [_asked(f"{number}, {client}: the mill", reply) for client in range(_CLIENTS)]
    streams = _together(address, bodies)
    tokens: int = sum(stream.last["usage"]["completion_tokens"] for stream in streams)
    ended = max(stream.events[-1][0] for stream in streams)
    return tokens / (ended - min(stream.began for stream in streams))


def _together(address: Address, bodies: Sequence[dict[str, Any]]) -> list[TimedStream]:
    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(lambda body: timed_stream(address, _COMPLETIONS, body), bodies))


def _asked(text: str, tokens: int, **options: Any) -> dict[str, Any]:
    return {"prompt": text, "max_tokens": tokens, **_SAMPLING, **options}


def _text_of(server: Server, tokens: int, number: int) -> str:
    """Return text of about this many tokens, which differs from the others from the start."""
    text = f"{number} " + _WORDS * (tokens // 30 + 1)
    found = server.post("/tokenize", {"content": text}).json()["tokens"][:tokens]
    made: str = server.post("/detokenize", {"tokens": found}).json()["content"]
    return made


# --- Milliseconds


def _print_delays(model: Path) -> None:
    """Print the times from sampling a token to its text at the client."""
    with tempfile.TemporaryDirectory() as name:
        notes = Path(name) / "notes"
        options = ("--slots", str(_CLIENTS), "--threads", _THREADS, "--context", str(_CONTEXT))
        verb = (
            "tests.support.engine.stamped_tokens",
            str(notes),
            "serve",
            "--events",
            *options,
            str(model),
        )
        with running([sys.executable, "-m", *verb]) as child:
            ready = child.read_until(lambda event: isinstance(event, Ready))
            assert isinstance(ready, Ready)
            address = Address(int(ready.url.rpartition(":")[2]), ready.key)
            for clients in (1, _CLIENTS):
                first, every = _delays(address, notes, clients)
                _print_times(f"first text after its token, {clients} at once", first)
                _print_times(f"text after its token, {clients} at once", every)


def _delays(address: Address, notes: Path, clients: int) -> tuple[list[float], list[float]]:
    first, every = [], []
    for number in range(24 // clients):
        seeds = [1000 * clients + 10 * number + client for client in range(clients)]
        bodies = [_asked(f"Story {seed}:", 64, seed=seed) for seed in seeds]
        streams = _together(address, bodies)
        chosen = stamps(notes)
        for seed, stream in zip(seeds, streams, strict=True):
            found = list(_delays_of(stream, chosen[seed]))
            first.append(found[0])
            every += found
    return first, every


def _delays_of(stream: TimedStream, chosen: list[tuple[float, int]]) -> Iterator[float]:
    arrivals, length = [], 0
    for at, text in stream.texts:
        length += len(text.encode())
        arrivals.append((at, length))
    length = 0
    for moment, bytes_of_token in chosen:
        length += bytes_of_token
        # Invalid UTF-8 has another length at the client; the rest of such a reply still counts.
        yield next((at for at, reached in arrivals if reached >= length), moment) - moment


def _print_aborts(model: Path) -> None:
    """Print the times from the end of a connection to an idle engine."""
    with serving(model, "--threads", _THREADS, "--context", "2048") as server:
        address = Address(server.port, server.ready.key)
        prompt = _asked(_text_of(server, 1900, 0), 1)
        reply = _asked("A story:", 1900)
        for name, body in (("prompt", prompt), ("reply", reply)):
            times = [_abort(server, address, body, number) for number in range(5)]
            _print_times(f"1.2 billion, idle after an abort in a {name}", times)


def _abort(server: Server, address: Address, body: dict[str, Any], number: int) -> float:
    body = body | {"prompt": f"{number} {body['prompt']}", "stream": True}
    with server.client() as client:

        def is_writing() -> bool:
            return "requests_processing 1" in client.get("/metrics").text

        with address.request(_COMPLETIONS, body):
            _until(is_writing)
            # During its work, not before the first batch.
            time.sleep(0.7)
            assert is_writing()
            began = time.monotonic()
        _until(lambda: not is_writing())
    return time.monotonic() - began


def _until(is_met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not is_met():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.005)


def _print_times(label: str, seconds: Sequence[float]) -> None:
    times = sorted(1000 * each for each in seconds)
    middle, late = statistics.median(times), times[int(0.99 * (len(times) - 1))]
    print(f"{label:<44}{middle:>10.1f}{late:>9.1f}{times[-1]:>7.1f}")


def _print_turns(model: Path) -> None:
    """Print the tokens that are evaluated again as a long chat continues."""
    with serving(model, "--threads", _THREADS, "--context", str(_CONTEXT)) as server:
        messages = [{"role": "user", "content": _text_of(server, 4000, 0) + "\nSay it shorter."}]
        address = Address(server.port, server.ready.key)
        for turn in ("first", "second"):
            body = {"messages": messages, "max_tokens": 48, "temperature": 0}
            stream = timed_stream(address, _CHAT, body)
            used, took = stream.last["usage"]["prompt_tokens"], stream.events[0][0] - stream.began
            read = stream.last["timings"]["prompt_n"]
            print(f"{turn} turn: {read} of {used} tokens evaluated, first text after {took:.2f} s")
            deltas = [
                event["choices"][0]["delta"] for _, event in stream.events if event["choices"]
            ]
            reply = "".join(delta.get("content", "") for delta in deltas)
            messages += [
                {"role": "assistant", "content": reply},
                {"role": "user", "content": "And now in one sentence."},
            ]


if __name__ == "__main__":
    main()
