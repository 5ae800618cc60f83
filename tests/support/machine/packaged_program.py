"""A test of the packaged program as users run it.

Run: `python -m tests.support.machine.packaged_program PROGRAM`.

PROGRAM is its folder or its Debian package. It runs outside of the checkout, without the virtual
environment, in a separate home; this Python only serves it a Hub on loopback.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from app.core.event_lines import decode_event
from app.core.events import Ready
from app.core.levels import LEVELS
from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.hub.local_hub import LocalHub

REPOSITORY = "millers/tiny"
MOST_SECONDS = 300
# The PATH of a user without developer tools.
SYSTEM_PATH = "/usr/bin:/bin"


@dataclass(frozen=True)
class Program:
    """The packaged program in `folder`, run in `home`."""

    folder: Path
    home: Path
    endpoint: str

    def command(self, *arguments: str, name: str = "gristmill") -> list[str]:
        suffix = ".exe" if sys.platform == "win32" else ""
        return [str(self.folder / f"{name}{suffix}"), *arguments]

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TMPDIR") if name in os.environ}
        return kept | {
            "PATH": SYSTEM_PATH,
            "HOME": str(self.home),
            "USERPROFILE": str(self.home),
            "GRISTMILL_HOME": str(self.home / "gristmill"),
            "HF_ENDPOINT": self.endpoint,
            "LANG": "C.UTF-8",
        }

    def run(self, *arguments: str, name: str = "gristmill", **variables: str) -> str:
        """Return its output; fail with all of it if the exit status isn't 0."""
        ended = subprocess.run(
            self.command(*arguments, name=name),
            cwd=self.home,
            env=self.environment() | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=MOST_SECONDS,
            check=False,
        )
        said = f"{arguments}: {ended.returncode}\n{ended.stdout}{ended.stderr}"
        assert ended.returncode == 0, said
        # A fault in a child or a slot may be reported without an exit status.
        assert "Traceback" not in ended.stderr, said
        return ended.stdout


def tests_itself(program: Program) -> None:
    said = program.run("self-test")
    assert "full setting" in said or "safe setting" in said, said


def opens_each_page(program: Program) -> None:
    said = program.run("self-test", "--window", name="gristmill-window")
    assert "chat, models, hub, convert, settings" in said, said


def downloads(program: Program) -> None:
    (folder,) = program.run("download", REPOSITORY, "--to", "checkpoint").splitlines()
    assert (Path(folder) / "model.safetensors").is_file(), folder


def estimates(program: Program) -> None:
    table = program.run("estimate", "checkpoint")
    assert any(level.name in table for level in LEVELS), table


def converts(program: Program) -> None:
    program.run("convert", "checkpoint", "--level", "q8_0", "--to", "tiny.gguf")
    assert (program.home / "tiny.gguf").read_bytes()[:4] == b"GGUF"


def converts_what_each_version_of_transformers_reads(program: Program) -> None:
    for version in ("pinned", "own"):
        file = program.home / f"{version}.gguf"
        choice = {"GRISTMILL_TRANSFORMERS": version}
        program.run("convert", "byte-pairs", "--level", "q4_k_m", "--to", file.name, **choice)
        assert file.read_bytes()[:4] == b"GGUF"


def chats(program: Program) -> None:
    assert program.run("chat", "tiny.gguf", "Hello", "--max-tokens", "8", "--temperature", "0")


def serves(program: Program) -> None:
    with subprocess.Popen(
        program.command("serve", "tiny.gguf", "--events"),
        cwd=program.home,
        env=program.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as server:
        assert server.stdout
        try:
            events = map(decode_event, server.stdout)
            ready = next(event for event in events if isinstance(event, Ready))
            answer = httpx2.post(
                f"{ready.url}/v1/chat/completions",
                headers={"Authorization": f"Bearer {ready.key}"},
                json={"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8},
                timeout=MOST_SECONDS,
            )
        finally:
            server.terminate()
    assert answer.status_code == httpx2.codes.OK, answer.text
    assert answer.json()["usage"]["completion_tokens"] > 0


def measures(program: Program) -> None:
    text = program.home / "text.txt"
    text.write_text("The miller opens the gate and the water turns the wheel. " * 200, "utf-8")
    said = program.run(
        *("measure", "tiny.gguf", "--text", text.name, "--chunks", "1", "--context", "128"),
        "--json",
    )
    assert json.loads(said)["perplexity"] > 1


STEPS: tuple[Callable[[Program], None], ...] = (
    tests_itself,
    opens_each_page,
    downloads,
    estimates,
    converts,
    converts_what_each_version_of_transformers_reads,
    chats,
    serves,
    measures,
)


@contextmanager
def program_folder(packaged: Path, temporary: Path) -> Iterator[Path]:
    """Yield the programs' folder; a Debian package is installed or, without root, unpacked."""
    if packaged.suffix != ".deb":
        yield packaged
    elif os.geteuid() == 0:
        subprocess.run(["dpkg", "--install", str(packaged)], check=True)
        try:
            yield Path("/usr/bin")
        finally:
            subprocess.run(["dpkg", "--remove", "gristmill"], check=True)
    else:
        subprocess.run(["dpkg-deb", "--extract", str(packaged), str(temporary)], check=True)
        yield temporary / "usr" / "bin"


def main(packaged: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="gristmill-package-") as temporary, LocalHub() as hub:
        home, unpacked, served = (Path(temporary, name) for name in ("home", "deb", "served"))
        home.mkdir()
        make_checkpoint("Qwen3Config", home / "byte-pairs")
        hub.add_repository(REPOSITORY, make_tiny_checkpoint(served))
        with program_folder(packaged.absolute(), unpacked) as folder:
            try_steps(Program(folder, home, hub.endpoint))


def try_steps(program: Program) -> None:
    for step in STEPS:
        began = time.monotonic()
        step(program)
        print(f"{step.__name__.replace('_', ' ')}: {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
