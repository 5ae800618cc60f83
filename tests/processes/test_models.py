"""The verb `models` as a child process: what it lists, in which order, and the real starter."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from app.core.errors import ErrorCode
from app.core.event_lines import decode_event
from app.core.events import (
    CheckpointListed,
    DownloadListed,
    Event,
    FolderListed,
    FoldersWatched,
    ModelListed,
)
from app.gguf_file.header_reader import read_header
from app.gguf_file.model_info import read_model_info
from app.gguf_file.validation import require_sane
from app.jobs.launch import command_line
from app.library.folder_lock import exclusive_folder
from app.library.unfinished_downloads import DownloadRequest, noted
from tests.support.checkpoints.checkpoints import SMOLLM2_PARAMETERS, smollm2_gguf
from tests.support.gguf.gguf_files import llama_file
from tests.support.machine.verbs import run_verb


def run_models(*folders: Path) -> list[ModelListed]:
    return [event for event in listed_by(*folders) if isinstance(event, ModelListed)]


def listed_by(*folders: Path) -> list[Event]:
    command = command_line("models", "list", *map(str, folders))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        events = [decode_event(line) for line in child.stdout]
        # Leaving the block closes standard input, which stops the child.
        assert child.wait() == 0
    return events


def test_the_models_of_the_model_folder_are_listed_by_name(home: Path) -> None:
    for name in ("wheat", "Barley", "rye"):
        llama_file(general__name=name).write(home / "models" / f"{name}.gguf")
    (home / "models" / "chaff.gguf").write_bytes(b"GGUF")
    listed = run_models()
    assert [model.name for model in listed] == ["Barley", "chaff", "rye", "wheat"]
    assert [model.problem for model in listed] == [None, ErrorCode.GGUF_TRUNCATED, None, None]


def test_folders_can_be_named_and_absent(home: Path, tmp_path: Path) -> None:
    llama_file().write(home / "models" / "not asked for.gguf")
    llama_file().write(tmp_path / "here" / "asked for.gguf")
    (model,) = run_models(tmp_path / "here", tmp_path / "absent")
    assert model.path == str(tmp_path / "here" / "asked for.gguf")


@pytest.mark.parametrize("options", [(), ("--json",)])
@pytest.mark.usefixtures("home")
def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path, options: tuple[str, ...]) -> None:
    ended = run_verb("models", "list", str(tmp_path / "absent"), *options)
    assert (ended.status, ended.lines) == (1, [])
    (line,) = ended.complaints
    assert str(tmp_path / "absent") in line
    assert "there is no such folder or file" in line


def test_an_empty_library_is_an_empty_folder(home: Path) -> None:
    folder = str(home / "models")
    assert listed_by() == [FolderListed(folder, 0, 0), FoldersWatched((folder,))]


def test_the_list_as_json(home: Path) -> None:
    path = llama_file().write(home / "models" / "Little-Q4_K_M.gguf")
    model, folder = json.loads("\n".join(run_verb("models", "list", "--json").lines))
    assert (model["type"], model["name"], model["path"]) == ("model", "Little", str(path))
    assert model["header"]["has_chat_template"] is True
    assert folder["models"] == 1


def test_a_folder_that_is_gone_is_said_in_the_terminal(home: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    home.mkdir()
    (home / "settings.json").write_text(json.dumps({"added_models": [str(gone)]}))
    (line,) = run_verb("models").lines
    assert line.startswith(str(gone))
    assert "not connected" in line


def test_a_model_is_verified_by_name(home: Path) -> None:
    path = llama_file().write(home / "models" / "Little-Q4_K_M.gguf")
    ended = run_verb("models", "verify", "little")
    assert ended.lines[0].startswith(f"{path}: checksum recorded on 20")
    shown = json.loads("\n".join(run_verb("models", "verify", str(path), "--json").lines))
    assert shown["verification"]["outcome"] == "verified"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    ended = run_verb("models", "verify", "little")
    assert ended.status == 1
    assert "its SHA-256 differs" in ended.complaints[-1]


def test_checkpoints_and_unfinished_downloads_follow(home: Path) -> None:
    whole = home / "checkpoints" / "acme" / "whole"
    whole.mkdir(parents=True)
    (whole / "config.json").write_text("{}")
    half = home / "models" / "acme" / "half"
    half.mkdir(parents=True)
    names = [f"big-0000{number}-of-00002.gguf" for number in (1, 2)]
    llama_file().write(half / names[0])
    (half / f"{names[1]}.part").write_bytes(b"GGUF")
    first = (half / names[0]).stat().st_size
    files = {names[0]: first, names[1]: 10}
    with ExitStack() as running:
        running.enter_context(exclusive_folder(half, "acme/half"))
        # Never left: a download that is killed keeps its note.
        noted(half, DownloadRequest("acme/half", pattern="Q4_0"), files, set(files)).__enter__()
        during = listed_by()

    expected = DownloadListed(
        str(half), "acme/half", None, "Q4_0", False, first + 4, first + 10, True
    )
    assert during[:2] == [CheckpointListed(str(whole), "acme/whole", 2), expected]
    assert listed_by()[1] == msgspec.structs.replace(expected, is_running=False)
    shown = run_verb("models").lines
    assert shown[1].endswith(
        "of 55 kB downloaded; to resume: gristmill download acme/half --include Q4_0"
    )


@pytest.mark.slow
def test_the_real_starter_is_listed_with_its_facts(tmp_path: Path) -> None:
    path = tmp_path / "starter.gguf"
    shutil.copyfile(smollm2_gguf(), path)
    require_sane(read_header(path))
    (model,) = run_models(path)
    assert (model.level, model.architecture, model.context) == ("Q4_1", "llama", 8192)
    assert (model.parameters, model.size_bytes) == (SMOLLM2_PARAMETERS, 98_362_432)
    facts = read_model_info(path)
    assert (facts.layers, facts.width, facts.vocabulary) == (30, 576, 49_152)
    assert facts.chat_template is not None
    assert "<|im_start|>" in facts.chat_template


@pytest.mark.parametrize("verb", [("models",), ("download", "no repository"), ("endpoints",)])
def test_every_verb_says_which_settings_it_goes_without(home: Path, verb: tuple[str, ...]) -> None:
    home.mkdir()
    (home / "settings.json").write_text('{"theme": "purple"}')
    ended = run_verb(*verb)
    (told,) = (
        line
        for line in ended.complaints
        if line.startswith("settings.json contains invalid values")
    )
    assert ": theme. " in told
    assert (home / "settings.json.bad").is_file()
