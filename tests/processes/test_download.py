"""The verb `download` as a child process: kill -9, faults of the server, errors, the token."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import ErrorCode, NoticeCode
from app.core.event_lines import decode_event, encode
from app.core.events import (
    Cancel,
    Event,
    Failed,
    Finished,
    NoticeReported,
    Progressed,
    RemoteModelListed,
    Secret,
)
from app.core.settings import Settings, save_settings
from app.hub.transfer_policy import TransferPolicy
from app.jobs.launch import command_line
from app.jobs.outcome import EXIT_CANCELED, EXIT_FAILED
from tests.support.gguf.gguf_files import llama_file
from tests.support.hub.certificates import self_signed
from tests.support.hub.kills import kill_download, leftovers
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import run_verb

ROOT = Path(__file__).parents[2]
SHARD = 12_000_000
MOST_FETCHED_TWICE = 16 * 2**20


@pytest.fixture
def served(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    content = random.Random(1)
    for name in ("config.json", "tokenizer.json", "model.safetensors.index.json"):
        (folder / name).write_text(json.dumps({"name": name}))
    for name in ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        (folder / name).write_bytes(content.randbytes(SHARD))
    (folder / "pytorch_model.bin").write_bytes(content.randbytes(1000))
    (folder / "modeling_evil.py").write_text("raise SystemExit")
    return folder


@pytest.fixture
def repository(hub: LocalHub, served: Path) -> str:
    hub.add_repository("owner/name", served)
    return "owner/name"


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """Start the verb with events and an open standard input, as the window does."""
    return subprocess.Popen(
        command_line("download", *arguments),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def end(child: subprocess.Popen[bytes]) -> tuple[list[Event], int]:
    """Wait for the end; every line must be an event."""
    with child:
        assert child.stdout
        assert child.stderr
        lines = child.stdout.readlines()
        complaints = child.stderr.read()
    assert complaints == b""
    return [decode_event(line) for line in lines], child.returncode


def run(*arguments: str) -> tuple[list[Event], int]:
    return end(start(*arguments))


def kill_after(hub: LocalHub, size_bytes: int, *arguments: str) -> None:
    """Start, and kill -9 once the server has sent this many bytes."""
    hub.faults.hold_after_bytes = size_bytes
    child = start(*arguments)
    assert hub.wait_for_sent(size_bytes)
    child.kill()
    end(child)
    hub.release()


def failed(outcome: tuple[list[Event], int]) -> Failed:
    events, status = outcome
    assert status == EXIT_FAILED
    assert isinstance(events[-1], Failed)
    return events[-1]


def folder_of(home: Path) -> Path:
    return home / "checkpoints" / "owner" / "name"


def assert_whole(home: Path, served: Path) -> None:
    folder = folder_of(home)
    visible = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    assert visible == [
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
    ]
    for name in visible:
        assert (folder / name).read_bytes() == (served / name).read_bytes()


def test_checkpoint(repository: str, served: Path, home: Path) -> None:
    events, status = run(repository)

    assert status == 0
    assert events[-1] == Finished(paths=(str(folder_of(home)),))
    progress = [event for event in events if isinstance(event, Progressed)]
    assert progress[-1].done_bytes == progress[-1].total_bytes > 2 * SHARD
    assert len(progress) == len(events) - 1
    assert_whole(home, served)


def test_second_run_fetches_nothing(hub: LocalHub, repository: str, served: Path) -> None:
    first, _ = run(repository)
    hub.requests.clear()

    second, status = run(f"{hub.endpoint}/{repository}/tree/main")

    assert status == 0
    assert second[-1] == first[-1]
    assert [request.path.partition("?")[0] for request in hub.requests] == [
        "/api/models/owner/name/revision/main"
    ]


def test_chosen_folder_and_revision(hub: LocalHub, served: Path, tmp_path: Path) -> None:
    first = hub.add_repository("owner/name", served)
    before = (served / "config.json").read_bytes()
    destination = tmp_path / "modelle für später"
    events, _ = run("owner/name", "--revision", first.commit, "--to", str(destination))

    assert events[-1] == Finished(paths=(str(destination),))
    assert (destination / "config.json").read_bytes() == before
    assert failed(run("owner/name", "--revision", "v9")) == Failed(
        ErrorCode.REVISION_NOT_FOUND, {"repository": "owner/name", "revision": "v9"}
    )


def test_chosen_gguf_file(hub: LocalHub, tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "gguf"
    folder.mkdir()
    for level in ("Q2_K", "Q4_K_M", "Q8_0"):
        (folder / f"name-{level}.gguf").write_text(level)
    hub.add_repository("owner/name", folder)
    models = home / "models" / "owner" / "name"

    assert run("owner/name")[0][-1] == Finished(paths=(str(models / "name-Q4_K_M.gguf"),))
    chosen, _ = run("owner/name", "--include", "q8_0")

    assert chosen[-1] == Finished(paths=(str(models / "name-Q8_0.gguf"),))
    assert not (models / "name-Q2_K.gguf").exists()
    missing = failed(run("owner/name", "--include", "Q6_K"))
    assert missing.code is ErrorCode.PATTERN_WITHOUT_MATCH


def test_a_level_is_downloaded_and_told_as_json(hub: LocalHub, tmp_path: Path, home: Path) -> None:
    for level in ("Q4_K_M", "Q8_0"):
        llama_file().write(tmp_path / "gguf" / f"name-{level}.gguf")
    hub.add_repository("owner/name", tmp_path / "gguf")

    listed = run_verb("download", "owner/name", "--list", "--json")
    ended = run_verb("download", "owner/name", "--level", "Q8_0", "--json")

    models = json.loads("\n".join(listed.lines))["models"]
    assert {one["level"] for one in models} == {"Q4_K_M", "Q8_0"}
    (path,) = json.loads("\n".join(ended.lines))["paths"]
    assert Path(path).name == "name-Q8_0.gguf"
    assert Path(path).read_bytes() == (tmp_path / "gguf" / "name-Q8_0.gguf").read_bytes()


def test_gguf_files_are_listed_without_a_download(
    hub: LocalHub, tmp_path: Path, home: Path
) -> None:
    folder = tmp_path / "gguf"
    folder.mkdir()
    for level, size in (("Q4_K_M", 500), ("Q8_0", 900)):
        llama_file().write(folder / f"name-{level}.gguf")
        with (folder / f"name-{level}.gguf").open("ab") as file:
            file.truncate(size * 1000)
    hub.add_repository("owner/name", folder)

    listed, _ = run("owner/name", "--list")

    found = [event for event in listed if isinstance(event, RemoteModelListed)]
    assert [(one.path, one.level, one.size_bytes) for one in found] == [
        ("name-Q4_K_M.gguf", "Q4_K_M", 500_000),
        ("name-Q8_0.gguf", "Q8_0", 900_000),
    ]
    assert [one.is_recommended for one in found] == [True, False]
    assert all(one.needed_bytes > one.size_bytes for one in found)
    assert not (home / "models" / "owner").exists()
    assert hub.sent_bytes() <= 2**18


@pytest.mark.parametrize("seed", range(3))
def test_kill_loses_little(
    hub: LocalHub, repository: str, served: Path, home: Path, seed: int
) -> None:
    moments = sorted(random.Random(seed).sample(range(100_000, 2 * SHARD), 3))
    for moment in moments:
        kill_after(hub, hub.sent_bytes() + moment // 3, repository)
        for path in folder_of(home).glob("*.safetensors"):
            assert path.read_bytes() == (served / path.name).read_bytes()

    _, status = run(repository)

    assert status == 0
    assert_whole(home, served)
    # A kill between the creation of a note and its first byte leaves an empty one.
    assert not any(note.stat().st_size for note in (home / "unfinished").iterdir())
    total = sum(path.stat().st_size for path in folder_of(home).iterdir())
    assert hub.sent_bytes() <= total + len(moments) * MOST_FETCHED_TWICE


def test_kill_of_several_connections_loses_little(
    hub: LocalHub, tmp_path: Path, home: Path
) -> None:
    served, target = tmp_path / "served", tmp_path / "target"
    served.mkdir()
    content = os.urandom(TransferPolicy().parallel_above_bytes + 1)
    (served / "model-Q8_0.gguf").write_bytes(content)
    hub.add_repository("owner/name", served)
    hub.faults.bytes_per_second = 100 * 10**6
    chance, kills = random.Random(4), 0

    while not kill_download(hub, "owner/name", target, chance.randrange(200 * 10**6)):
        kills += 1

    assert kills
    assert (target / "model-Q8_0.gguf").read_bytes() == content
    assert leftovers(target, home) == []
    assert hub.sent_bytes() <= len(content) + kills * MOST_FETCHED_TWICE
    ranges = [request.headers.get("range", "") for request in hub.file_requests()]
    assert sum(asked.startswith("bytes=") for asked in ranges) > kills


def test_a_proxy_is_used(
    hub: LocalHub, repository: str, served: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    monkeypatch.setenv("HTTP_PROXY", hub.endpoint)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    _, status = run(repository)

    assert status == 0
    assert {request.path[:18] for request in hub.requests if request.server == "hub"} == {
        "http://hub.invalid"
    }
    assert_whole(home, served)


def test_own_certificates_are_trusted(
    served: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    with LocalHub(certificate) as hub:
        hub.add_repository("owner/name", served)
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        assert failed(run("owner/name")).details["reason"] == "its certificate is not trusted"

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        _, status = run("owner/name")

    assert status == 0
    assert_whole(home, served)


def test_the_speed_limit_of_the_settings_holds(
    hub: LocalHub, repository: str, served: Path, home: Path
) -> None:
    save_settings(Settings(download_speed_limit=10))
    began = time.monotonic()

    _, status = run(repository)

    assert status == 0
    assert time.monotonic() - began > 2 * SHARD / 10**7
    assert_whole(home, served)


def test_nothing_unfinished_has_a_final_name(
    hub: LocalHub, repository: str, served: Path, home: Path
) -> None:
    kill_after(hub, SHARD // 2, repository)

    assert (folder_of(home) / "config.json").read_bytes() == (served / "config.json").read_bytes()
    assert not list(folder_of(home).glob("*.safetensors"))
    assert list(folder_of(home).glob("*.safetensors.part"))


def test_cancel_keeps_what_has_arrived(
    hub: LocalHub, repository: str, served: Path, home: Path
) -> None:
    hub.faults.bytes_per_second = 20_000_000
    child = start(repository)
    assert child.stdin
    assert child.stdout
    for line in child.stdout:
        event = decode_event(line)
        if isinstance(event, Progressed) and event.done_bytes > 3_000_000:
            break
    child.stdin.write(encode(Cancel()))
    child.stdin.flush()
    _, status = end(child)
    hub.faults.bytes_per_second = 0
    hub.requests.clear()

    assert status == EXIT_CANCELED
    assert run(repository)[1] == 0
    ranges = [request.headers.get("range", "") for request in hub.file_requests()]
    assert int(ranges[0].removeprefix("bytes=").removesuffix("-")) > 1_000_000
    assert_whole(home, served)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
@pytest.mark.parametrize("verb", ["download", "get"])
def test_ctrl_c_says_how_it_goes_on(hub: LocalHub, repository: str, verb: str) -> None:
    hub.faults.silent_api = True
    with subprocess.Popen(
        [sys.executable, "-m", "app", verb, repository],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as child:
        while not hub.requests:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, complaints = child.communicate(timeout=60)
    assert child.returncode == EXIT_CANCELED
    assert complaints.decode().splitlines() == ["Stopped. Run it again to go on."]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no polite kill")
def test_polite_kill(hub: LocalHub, repository: str) -> None:
    hub.faults.hold_after_bytes = SHARD // 2
    child = start(repository)
    assert hub.wait_for_sent(SHARD // 2)
    child.send_signal(signal.SIGTERM)

    assert end(child)[1] == EXIT_CANCELED


@pytest.mark.parametrize(
    ("fault", "value"),
    [
        ("ignore_range", True),
        ("wrong_content_range", True),
        ("status_416", True),
        ("changing_etag", True),
        ("gzip", True),
        ("flipped_bits", 1),
    ],
)
def test_server_that_can_not_resume(
    hub: LocalHub, repository: str, served: Path, home: Path, fault: str, value: Any
) -> None:
    kill_after(hub, SHARD // 2, repository)
    setattr(hub.faults, fault, value)

    _, status = run(repository)

    assert status == 0
    assert_whole(home, served)


@pytest.mark.parametrize(
    ("fault", "value", "reason"),
    [
        ("server_errors", 2, "status 503"),
        ("rate_limits", 1, "status 429"),
        ("short_body", 1, "a different size than announced"),
        ("drop_every_bytes", 5_000_000, "the connection was lost"),
    ],
)
def test_break_is_noticed_and_mended(
    hub: LocalHub,
    repository: str,
    served: Path,
    home: Path,
    fault: str,
    value: int,
    reason: str,
) -> None:
    setattr(hub.faults, fault, value)

    events, status = run(repository)

    assert status == 0
    notices = [event for event in events if isinstance(event, NoticeReported)]
    assert {(notice.code, notice.details["reason"]) for notice in notices} == {
        (NoticeCode.DOWNLOAD_RETRIED, reason)
    }
    assert_whole(home, served)


def test_damaged_source(hub: LocalHub, repository: str, home: Path) -> None:
    kill_after(hub, SHARD // 2, repository)
    hub.faults.flipped_bits = 10**6

    assert failed(run(repository)) == Failed(
        ErrorCode.DOWNLOAD_DAMAGED, {"file": "model-00001-of-00002.safetensors"}
    )
    assert not list(folder_of(home).glob("*.safetensors*.part*"))
    assert not list(folder_of(home).glob("*.safetensors"))


def test_two_at_once(hub: LocalHub, repository: str, served: Path, home: Path) -> None:
    hub.faults.hold_after_bytes = SHARD // 2
    first = start(repository)
    assert hub.wait_for_sent(SHARD // 2)

    assert failed(run(repository)) == Failed(ErrorCode.DOWNLOAD_BUSY, {"file": "owner/name"})

    hub.release()
    assert end(first)[1] == 0
    assert_whole(home, served)


def test_missing_repository(hub: LocalHub) -> None:
    assert failed(run("owner/missing")).code is ErrorCode.REPOSITORY_NOT_FOUND


def test_no_name_of_a_repository(hub: LocalHub) -> None:
    assert failed(run("nonsense")) == Failed(ErrorCode.REPOSITORY_NAME, {"text": "nonsense"})
    assert not hub.requests


def test_repository_without_weights(hub: LocalHub, served: Path) -> None:
    for path in (*served.glob("*.safetensors"), *served.glob("*.bin")):
        path.unlink()
    hub.add_repository("owner/name", served)

    assert failed(run("owner/name")).code is ErrorCode.REPOSITORY_WITHOUT_WEIGHTS


def test_pickled_weights_need_consent(hub: LocalHub, served: Path, home: Path) -> None:
    for path in served.glob("*.safetensors"):
        path.unlink()
    hub.add_repository("owner/name", served)

    assert failed(run("owner/name")).code is ErrorCode.PICKLE_WEIGHTS
    assert not (home / "checkpoints" / "owner").exists()
    _, status = run("owner/name", "--allow-pickle")
    assert status == 0
    assert (home / "checkpoints" / "owner" / "name" / "pytorch_model.bin").is_file()


@pytest.mark.parametrize(
    "name", ["../../../outside.json", "C:evil.json", "nul.json", "a\u202eb.json", "why?.json"]
)
def test_a_companion_of_an_odd_name_is_left_out_and_named(
    hub: LocalHub, served: Path, home: Path, name: str
) -> None:
    hub.add_repository("owner/name", served, unsafe_names={"tokenizer.json": name})

    ended, status = run("owner/name")

    assert status == 0
    told = [event.details["files"] for event in ended if isinstance(event, NoticeReported)]
    # One in a folder is not the name of a file that a checkpoint needs: never asked for.
    assert told == ([] if "/" in name else [name])
    assert not list(home.parent.rglob("outside.json"))
    assert not list(home.rglob("*evil*"))


def test_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")

    failure = failed(run("owner/name"))

    assert failure.code is ErrorCode.HUB_UNREACHABLE
    assert failure.details["endpoint"] == "http://127.0.0.1:1"


@pytest.mark.parametrize("token", [None, "hf_stranger"])
def test_gated_repository(
    hub: LocalHub, served: Path, home: Path, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    hub.add_repository("owner/name", served, gated=True)
    if token:
        hub.known_tokens.add(token)
        monkeypatch.setenv("HF_TOKEN", token)

    assert failed(run("owner/name")) == Failed(
        ErrorCode.REPOSITORY_GATED, {"repository": "owner/name"}
    )
    assert not list(folder_of(home).glob("[!.]*"))


def test_token_goes_to_the_hub_alone(
    hub: LocalHub, served: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.accepted_tokens.add("hf_accepted")
    hub.add_repository("owner/name", served, gated=True)
    monkeypatch.setenv("HF_TOKEN", "hf_accepted")

    events, status = run("owner/name")

    assert status == 0
    assert_whole(home, served)
    by_server = {
        server: {r.headers.get("authorization") for r in hub.requests if r.server == server}
        for server in ("hub", "storage")
    }
    assert by_server == {"hub": {"Bearer hf_accepted"}, "storage": {None}}
    assert not any(b"hf_accepted" in encode(event) for event in events)
    kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert not any(b"hf_accepted" in content for content in kept)


def test_in_a_terminal(hub: LocalHub, repository: str, home: Path) -> None:
    command = [sys.executable, "-m", "app", "download"]
    done = subprocess.run([*command, repository], cwd=ROOT, capture_output=True, check=False)
    wrong = subprocess.run([*command, "owner/missing"], cwd=ROOT, capture_output=True, check=False)

    assert done.stdout.decode().splitlines() == [str(folder_of(home))]
    assert done.returncode == 0
    assert wrong.returncode == EXIT_FAILED
    assert len(wrong.stderr.splitlines()) == 1
    assert wrong.stderr.startswith(b"gristmill: The repository owner/missing does not exist")


def test_sign_in_without_a_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    child = subprocess.Popen(
        command_line("sign-in"),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdin
    child.stdin.write(encode(Secret("hf_typed")))
    child.stdin.flush()

    failure = failed(end(child))

    assert failure.code is ErrorCode.KEYRING_UNAVAILABLE
    assert b"hf_typed" not in encode(failure)
