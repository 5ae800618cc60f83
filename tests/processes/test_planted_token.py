"""A token of the Hub appears in no file, output or argument, and only where it is needed at all."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from app.jobs import launch
from app.jobs.child_process import ChildProcess
from app.jobs.launch import child_environment, command_line, lend_token
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.gguf.gguf_files import llama_file
from tests.support.hub.local_hub import LocalHub

pytestmark = pytest.mark.slow

TOKEN = "hf_" + "planted" * 5
CHECKPOINT, FILES, LEVEL = "owner/Tiny", "owner/Files-GGUF", ("--level", "Q8_0")
NEEDING = {"convert", "download", "estimate", "get", "search"}
_LOOK_SECONDS = 0.01
_LONGEST_SECONDS = 120
WAYS = ("HF_TOKEN", "lent by the window")


@dataclass
class Watch:
    """What the children of this process have as arguments, and which have the token."""

    commands: set[tuple[str, ...]] = field(default_factory=set)
    holders: set[str] = field(default_factory=set)
    is_over: threading.Event = field(default_factory=threading.Event)

    def look_on(self) -> None:
        while not self.is_over.wait(_LOOK_SECONDS):
            for process in psutil.Process().children(recursive=True):
                try:
                    before, environment = process.cmdline(), process.environ()
                    command = tuple(process.cmdline())
                except (psutil.Error, OSError):
                    continue
                if tuple(before) != command:
                    # It is about to become another program, whose environment may be there first.
                    continue
                self.commands.add(command)
                if TOKEN in repr(environment):
                    # Behind the interpreter and the module.
                    self.holders.add(command[3] if command[1:3] == ("-m", "app") else repr(command))


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Plant the token as a user does or as the window does."""
    monkeypatch.setattr(launch, "_lent", {})
    if request.param == "HF_TOKEN":
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    else:
        lend_token(TOKEN)
    return str(request.param)


@pytest.fixture
def hub(hub: LocalHub, tmp_path: Path) -> LocalHub:
    (tmp_path / "files").mkdir()
    llama_file().write(tmp_path / "files" / "tiny-Q8_0.gguf")
    hub.known_tokens.add(TOKEN)
    source = make_tiny_checkpoint(tmp_path / "Tiny", shards=2)
    hub.add_repository(CHECKPOINT, source, lfs_above_bytes=100_000)
    hub.add_repository(FILES, tmp_path / "files")
    return hub


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Keep everything that is written below the test's folder, and look at the children."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    watching = Watch()
    looker = threading.Thread(target=watching.look_on)
    looker.start()
    yield watching
    watching.is_over.set()
    looker.join()


def verbs(folder: Path) -> list[tuple[str, ...]]:
    model, to = str(folder / "files" / "tiny-Q8_0.gguf"), ("--to", str(folder / "made"))
    return [
        ("search", "tiny"),
        ("download", FILES),
        ("get", CHECKPOINT, *LEVEL, *to),
        # Starts `estimate`, to learn which level it recommends.
        ("get", CHECKPOINT, "--to", str(folder / "recommended")),
        ("models", "list"),
        ("models", "inspect", model),
        ("models", "verify", model),
        ("estimate", CHECKPOINT),
        ("convert", str(folder / "Tiny"), *LEVEL, "--to", str(folder / "converted")),
        ("convert", CHECKPOINT, *LEVEL, "--to", str(folder / "fetched")),
    ]


def run(verb: str, *arguments: str) -> tuple[int | None, str]:
    """Run a verb as the window does; return its exit status and all it wrote."""
    with ChildProcess(command_line(verb, *arguments), child_environment(verb)) as child:
        lines = b"".join(child.remaining_lines()).decode("utf-8", "replace")
        status = child.wait(_LONGEST_SECONDS)
    return status, lines + child.log()


def assert_nowhere(watch: Watch, written: str, folder: Path, hub: LocalHub, way: str) -> None:
    watch.is_over.set()
    assert TOKEN not in written
    assert TOKEN not in repr(watch.commands)
    assert watch.holders <= NEEDING
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    sent = {
        server: {one.headers.get("authorization") for one in hub.requests if one.server == server}
        for server in ("hub", "storage")
    }
    # What the window lends is for huggingface.co alone.
    expected: dict[str, set[str | None]] = {
        "hub": {f"Bearer {TOKEN}" if way == "HF_TOKEN" else None},
        "storage": {None},
    }
    assert all(sent[server] <= expected[server] for server in sent)


@pytest.mark.usefixtures("converter", "known_machine")
def test_verbs_that_succeed_keep_it_to_themselves(
    way: str, hub: LocalHub, watch: Watch, tmp_path: Path
) -> None:
    ended = [run(*arguments) for arguments in verbs(tmp_path)]
    assert [status for status, _ in ended] == [0] * len(ended), ended
    # Otherwise the search would be for nothing.
    assert watch.holders
    assert_nowhere(watch, repr(ended), tmp_path, hub, way)


@pytest.mark.usefixtures("converter", "known_machine")
@pytest.mark.parametrize("fault", ["unauthorized", "garbled", "crash"])
def test_verbs_that_fail_do_not_tell_it(
    fault: str,
    way: str,
    hub: LocalHub,
    watch: Watch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    match fault:
        case "unauthorized":
            hub.known_tokens.clear()
            for repository in hub.repositories.values():
                repository.gated = True
        case "garbled":
            hub.faults.garbled_api = "<html>"
        case "crash":
            # No data folder, and no Python code that expects that.
            (tmp_path / "file").touch()
            monkeypatch.setenv("GRISTMILL_HOME", str(tmp_path / "file" / "home"))
    concerned = (one for one in verbs(tmp_path) if one[0] in NEEDING or fault == "crash")
    ended = [run(*arguments) for arguments in concerned]
    assert any(status for status, _ in ended)
    assert_nowhere(watch, repr(ended), tmp_path, hub, way)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("verb", ["download", "get", "convert", "estimate"])
def test_children_that_are_killed_leave_it_nowhere(
    verb: str, way: str, hub: LocalHub, watch: Watch, converter: Path, tmp_path: Path
) -> None:
    hub.faults.hold_after_bytes = 1
    options = LEVEL if verb in ("get", "convert") else ()
    with ChildProcess(command_line(verb, CHECKPOINT, *options), child_environment(verb)) as child:
        assert hub.wait_for_sent(1)
        psutil.Process(child.process_id).send_signal(signal.SIGABRT)
        written = b"".join(child.remaining_lines()).decode()
        assert child.wait(_LONGEST_SECONDS)
    hub.release()
    assert_nowhere(watch, written + child.log(), tmp_path, hub, way)


@pytest.mark.parametrize("verb", ["convert", "get"])
def test_the_converter_s_code_does_not_see_it(
    verb: str, way: str, hub: LocalHub, watch: Watch, converter: Path, tmp_path: Path
) -> None:
    (version,) = (path.resolve() for path in converter.iterdir())
    converter.unlink()
    for part in version.iterdir():
        (converter / version.name).mkdir(parents=True, exist_ok=True)
        if part.name != "conversion":
            (converter / version.name / part.name).symlink_to(part)
    (converter / version.name / "conversion").mkdir()
    seen = tmp_path / "seen.json"
    code = f"import json, os\njson.dump(dict(os.environ), open({str(seen)!r}, 'w'))\n"
    (converter / version.name / "conversion" / "__init__.py").write_text(code)
    _, written = run(verb, CHECKPOINT, *LEVEL, "--to", str(tmp_path / "made"))
    assert json.loads(seen.read_text())["HF_HUB_OFFLINE"] == "1"
    assert_nowhere(watch, written, tmp_path, hub, way)


def test_pip_does_not_get_it_from_a_terminal(way: str, hub: LocalHub, watch: Watch) -> None:
    # A shell keeps nothing from `setup`.
    index = {"PIP_INDEX_URL": f"{hub.endpoint}/simple", "PIP_RETRIES": "0"}
    with ChildProcess(command_line("setup"), child_environment("get") | index) as child:
        assert child.wait(_LONGEST_SECONDS)
    assert any("--pip" in command for command in watch.commands)
    assert watch.holders == {"setup"}
