"""A separate data folder for every test, and no secrets in its environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkpoints.checkpoints import cache_folder
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.installed import PERSONS_HOME, lend_converter
from tests.support.machine.known_machine import remember_machine

_SCREEN = Path(__file__).parent / "support" / "machine" / "screen.json"
"""A usual screen; the offscreen platform's own is 800 pixels wide."""

_OF_THE_HUB = ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HOME", "HF_HUB_CACHE")
_OF_OTHER_PROGRAMS = ("OLLAMA_MODELS", "LLAMA_CACHE")

cache_folder()
os.environ.setdefault("QT_QPA_PLATFORM", f"offscreen:configfile={_SCREEN}")


@pytest.fixture(scope="session", autouse=True)
def home_of_fixtures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A data folder for fixtures that serve several tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_HOME", str(tmp_path_factory.mktemp("fixtures")))
        yield


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder for this test only, of a user without other programs' models."""
    folder = tmp_path / "home"
    monkeypatch.setenv("GRISTMILL_HOME", str(folder))
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "person"))
    for name in (*_OF_THE_HUB, *_OF_OTHER_PROGRAMS):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """A Hub on loopback, the one in use."""
    with LocalHub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.endpoint)
        yield running


@pytest.fixture
def converter(home: Path) -> Path:
    """llama.cpp's converter, as installed by setup, in this test's data folder."""
    return lend_converter(home)


@pytest.fixture
def known_machine(home: Path) -> None:
    """A machine with a finished engine test and known rates, which take long to measure."""
    home.mkdir(parents=True, exist_ok=True)
    remember_machine()


@pytest.fixture(scope="session")
def starter_file() -> Path:
    """The starter model, as installed by setup."""
    installed = PERSONS_HOME / "models" / "starter"
    assert installed.is_dir(), "run `make setup` first: it fetches the starter model"
    return next(installed.glob("*.gguf"))


@pytest.fixture
def starter(home: Path, starter_file: Path) -> Path:
    """The starter model, in this test's model folder."""
    (home / "models").mkdir(parents=True, exist_ok=True)
    (home / "models" / "starter").symlink_to(starter_file.parent, target_is_directory=True)
    return home / "models" / "starter" / starter_file.name
