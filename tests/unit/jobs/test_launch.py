"""How a verb is started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from app.hub.access_token import read_token
from app.jobs import launch
from app.jobs.launch import (
    change_for_others,
    child_environment,
    command_line,
    is_own_command,
    own_environment,
    pages_command_line,
    pip_command_line,
    renderer_command_line,
    restore_environment,
)

_SECRETS = {
    "HF_TOKEN": "hf_planted",
    "HUGGING_FACE_HUB_TOKEN": "planted",
    "OPENAI_API_KEY": "planted",
    "OPENAI_APIKEY": "planted",
    "AWS_SECRET_ACCESS_KEY": "planted",
    "db_password": "planted",
    "SSH_PRIVATE_KEY": "planted",
    "GIT_CREDENTIALS": "planted",
}


def test_command_line_runs_this_program_as_a_module() -> None:
    assert command_line("convert", "a folder", "--level", "Q8_0") == [
        sys.executable,
        "-m",
        "app",
        "convert",
        "--events",
        "a folder",
        "--level",
        "Q8_0",
    ]


def test_command_line_of_an_installed_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert command_line("probe") == [sys.executable, "probe", "--events"]
    assert pip_command_line("download") == [sys.executable, "--pip", "download"]
    assert pages_command_line() == [sys.executable, "--open-pages"]


def test_the_window_knows_the_commands_of_an_installed_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gristmill-window"))
    assert is_own_command([str(tmp_path / "gristmill"), "serve"])
    assert not is_own_command([str(tmp_path / "other" / "gristmill"), "serve"])
    assert not is_own_command([])


@pytest.mark.parametrize("persons", ["/opt/lib", None])
def test_other_programs_get_the_persons_libraries_from_an_installed_bundle(
    persons: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/bundle/_internal")
    monkeypatch.delenv("LD_LIBRARY_PATH_ORIG", raising=False)
    monkeypatch.setenv("PYINSTALLER_RESET_ENVIRONMENT", "0")
    if persons:
        monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", persons)
    restore_environment()
    assert os.environ["LD_LIBRARY_PATH"] == "/bundle/_internal"
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    restore_environment()
    assert os.environ.get("LD_LIBRARY_PATH") == persons
    assert "LD_LIBRARY_PATH_ORIG" not in os.environ
    assert os.environ["PYINSTALLER_RESET_ENVIRONMENT"] == "1"


def test_the_renderer_is_this_program_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert renderer_command_line() == [sys.executable, "-m", "app", "--render-templates"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert renderer_command_line() == [sys.executable, "--render-templates"]


@pytest.mark.parametrize("verb", ["serve", "chat", "probe", "models", "self-test", launch.PIP])
def test_no_secret_reaches_a_child_that_needs_none(verb: str) -> None:
    environment = child_environment(verb, {**_SECRETS, "PATH": "/bin", "LANG": "tr_TR"})
    assert environment == {"PATH": "/bin", "LANG": "tr_TR"}


@pytest.mark.parametrize("verb", ["browse", "convert", "download", "estimate", "get", "search"])
def test_what_uses_the_hub_keeps_its_token_and_no_other_secret(verb: str) -> None:
    environment = child_environment(verb, {**_SECRETS, "PATH": "/bin"})
    assert environment.pop("HF_TOKEN") == "hf_planted"
    assert environment.keys() <= {"PATH", "HUGGING_FACE_HUB_TOKEN"}


def test_a_child_hands_on_what_the_window_lent_it() -> None:
    lent = {launch.LENT_TOKEN: "hf_lent"}
    assert child_environment("estimate", lent) == lent
    assert child_environment("serve", lent) == {}


def test_others_code_sees_no_token_but_children_and_a_restart_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launch, "_changed", {})
    monkeypatch.setenv("HF_TOKEN", "hf_planted")
    monkeypatch.setenv("OTHERS_FLAG", "before")
    before = dict(os.environ)
    monkeypatch.setenv("HF_HUB_OFFLINE", "")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    for _ in range(2):
        change_for_others(HF_HUB_OFFLINE="1", OTHERS_FLAG="after")
        assert "HF_TOKEN" not in os.environ
        assert (os.environ["HF_HUB_OFFLINE"], os.environ["OTHERS_FLAG"]) == ("1", "after")
        assert own_environment() == before
        assert child_environment("get")["HF_TOKEN"] == read_token() == "hf_planted"


def test_the_environment_is_this_process_s_own_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_planted")
    environment = child_environment("serve")
    assert "hf_planted" not in environment.values()
    assert environment["GRISTMILL_HOME"] == os.environ["GRISTMILL_HOME"]
