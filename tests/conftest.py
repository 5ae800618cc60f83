"""Every test has a data folder of its own and no secrets in its environment."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import platformdirs
import pytest

from tests.checkpoints import make_tiny_llama
from tests.verbs import run_verb

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder for this test alone."""
    folder = tmp_path / "home"
    monkeypatch.setenv("GRISTMILL_HOME", str(folder))
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return folder


_PERSONS_HOME = Path(
    os.environ.get("GRISTMILL_HOME") or platformdirs.user_data_path("gristmill", appauthor=False)
)


@pytest.fixture
def converter(home: Path) -> Path:
    """llama.cpp's converter, as set-up installed it, in this test's data folder."""
    installed = _PERSONS_HOME / "converter"
    assert installed.is_dir(), "run `make setup` first: it fetches the converter"
    home.mkdir(parents=True, exist_ok=True)
    (home / "converter").symlink_to(installed, target_is_directory=True)
    return home / "converter"


@pytest.fixture(scope="session")
def measured_rates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """How fast this machine is with each type, measured once for all tests."""
    folder = tmp_path_factory.mktemp("rates")
    home = folder / "home"
    home.mkdir()
    (home / "converter").symlink_to(_PERSONS_HOME / "converter", target_is_directory=True)
    tiny = make_tiny_llama(folder / "tiny")
    ended = run_verb("estimate", str(tiny), "--typical-quality", GRISTMILL_HOME=str(home))
    assert ended.status == 0, ended.complaints
    return home / "rates.json"


@pytest.fixture
def known_rates(home: Path, measured_rates: Path) -> None:
    """A machine that knows how fast it is."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(measured_rates, home / "rates.json")


@pytest.fixture(scope="session")
def starter_file() -> Path:
    """The starter model, where set-up installed it."""
    installed = _PERSONS_HOME / "models" / "starter"
    assert installed.is_dir(), "run `make setup` first: it fetches the starter model"
    return next(installed.glob("*.gguf"))


@pytest.fixture
def starter(home: Path, starter_file: Path) -> Path:
    """The starter model, in this test's model folder."""
    (home / "models").mkdir(parents=True, exist_ok=True)
    (home / "models" / "starter").symlink_to(starter_file.parent, target_is_directory=True)
    return home / "models" / "starter" / starter_file.name
