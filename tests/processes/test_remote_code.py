"""Converting a repository never runs the Python code that comes with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.errors import ErrorCode
from app.jobs.outcome import EXIT_FAILED
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.remote_code_paths import (
    COMMON,
    ROADS,
    add_code,
    make_baits,
    marker_of,
)
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import ROOT, run_verb, sentence_of

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which transformers puts code before running it."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return tmp_path / "hf"


@pytest.fixture(scope="module")
def baits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_baits(tmp_path_factory.mktemp("baits"))


def go_down_the_roads(converter: Path, baits: Path, *options: str) -> dict[str, str]:
    for road in ROADS:
        marker_of(baits, road).unlink(missing_ok=True)
    (version,) = converter.iterdir()
    command = [
        sys.executable,
        "-m",
        "tests.support.checkpoints.remote_code_paths",
        str(version),
        str(baits),
    ]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    subprocess.run([*command, *options], cwd=ROOT, env=environment, check=True, capture_output=True)
    return json.loads((baits / "ends.json").read_text())


def taken(baits: Path) -> set[str]:
    return {road for road in ROADS if marker_of(baits, road).exists()}


def test_no_road_of_the_converter_leads_to_code(baits: Path, converter: Path, cache: Path) -> None:
    ends = go_down_the_roads(converter, baits)
    assert taken(baits) == set()
    assert set(ends.values()) == {"AppError: remote_code_needed {}"}
    assert not list(cache.rglob("*.py"))


def test_every_bait_would_be_taken_without_the_guard(baits: Path, converter: Path) -> None:
    go_down_the_roads(converter, baits, "--unguarded")
    assert taken(baits) == set(ROADS)


def with_code(folder: Path, architecture: str) -> Path:
    checkpoint = make_tiny_checkpoint(folder / "tiny")
    add_code(checkpoint, folder / "marker")
    config = checkpoint / "config.json"
    changes = {"architectures": [architecture], "auto_map": COMMON["auto_map"]}
    config.write_text(json.dumps(json.loads(config.read_text()) | changes))
    return checkpoint


def test_a_model_that_can_do_without_its_code_is_converted(tmp_path: Path, converter: Path) -> None:
    checkpoint = with_code(tmp_path, "LlamaForCausalLM")
    ended = run_verb("convert", str(checkpoint), "--level", "Q8_0", "--to", str(tmp_path / "to"))
    assert ended.status == 0, ended.complaints
    assert any("it will not be run" in line for line in ended.lines)
    assert not (tmp_path / "marker").exists()
    assert (tmp_path / "to" / "tiny-Q8_0.gguf").exists()


@pytest.mark.parametrize("architecture", ["LLaDAModelLM", "HunYuanDenseV1ForCausalLM"])
def test_a_model_that_needs_its_code_is_refused_in_a_sentence(
    architecture: str, tmp_path: Path, converter: Path
) -> None:
    checkpoint = with_code(tmp_path, architecture)
    (checkpoint / "tokenizer.model").unlink()
    ended = run_verb("convert", str(checkpoint), "--level", "Q8_0", "--to", str(tmp_path / "to"))
    assert ended.status == EXIT_FAILED
    (line,) = ended.complaints
    assert sentence_of(ErrorCode.REMOTE_CODE_NEEDED).fullmatch(line)
    assert not (tmp_path / "marker").exists()
    assert not (tmp_path / "to").exists()


def test_a_configuration_that_names_another_repository_fetches_nothing(
    tmp_path: Path, converter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = make_tiny_checkpoint(tmp_path / "tiny")
    config = checkpoint / "config.json"
    named = {"_attn_implementation_internal": "owner/kernels", "_name_or_path": "owner/name"}
    config.write_text(json.dumps(json.loads(config.read_text()) | named))
    with LocalHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        to = str(tmp_path / "to")
        ended = run_verb("convert", str(checkpoint), "--level", "Q8_0", "--to", to)
    assert ended.status == 0, ended.complaints
    assert hub.requests == []
