"""Looking through folders within limits, and pairing models with their projectors."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from app.library.model_files import Candidate, Limits, ScanLimited, Walk
from app.library.projectors import projectors_of
from tests.support.gguf.gguf_files import llama_file


def names(walk: Walk, place: Path) -> list[str]:
    return [candidate.path.name for candidate in walk.candidates(place)]


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (Limits(names=4), "4 files"),
        (Limits(models=4), "4 models"),
        (Limits(seconds=0), "0 s"),
    ],
)
def test_a_place_that_has_too_much_says_which_limit_it_reached(
    limits: Limits, limit: str, tmp_path: Path
) -> None:
    for number in range(10):
        (tmp_path / f"{number}.gguf").touch()
    with pytest.raises(ScanLimited) as caught:
        names(Walk(limits), tmp_path)
    assert caught.value.limit == limit


def test_each_place_has_limits_of_its_own(tmp_path: Path) -> None:
    walk = Walk(Limits(names=3, models=3))
    for place in (tmp_path / "a", tmp_path / "b"):
        place.mkdir()
        for number in range(3):
            (place / f"{number}.gguf").touch()
        assert names(walk, place) == ["0.gguf", "1.gguf", "2.gguf"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_file_with_several_names_is_one_model(tmp_path: Path) -> None:
    file = llama_file().write(tmp_path / "a" / "x.gguf")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "link.gguf").symlink_to(file)
    (tmp_path / "b" / "hard.gguf").hardlink_to(file)
    (tmp_path / "c").symlink_to(tmp_path / "a", target_is_directory=True)
    assert names(Walk(), tmp_path) == ["x.gguf"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes of this kind")
def test_a_folder_and_a_pipe_with_the_name_of_a_model(tmp_path: Path) -> None:
    llama_file().write(tmp_path / "folder.gguf" / "x.gguf")
    os.mkfifo(tmp_path / "pipe.gguf")
    assert names(Walk(), tmp_path) == ["pipe.gguf", "x.gguf"]


def test_the_folders_that_were_looked_into_are_known(tmp_path: Path) -> None:
    llama_file().write(tmp_path / "a" / "b" / "x.gguf")
    walk = Walk()
    names(walk, tmp_path)
    assert walk.folders == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]


def test_a_projector_goes_with_the_models_of_its_folder(tmp_path: Path) -> None:
    for name in ("gemma-3-Q4_K_M", "gemma-3-Q8_0", "mmproj-gemma-3-f16"):
        llama_file().write(tmp_path / f"{name}.gguf")
    projector = str(tmp_path / "mmproj-gemma-3-f16.gguf")
    assert list(Walk().candidates(tmp_path)) == [
        Candidate(tmp_path / "gemma-3-Q4_K_M.gguf", projector=projector),
        Candidate(tmp_path / "gemma-3-Q8_0.gguf", projector=projector),
        Candidate(Path(projector), is_projector=True),
    ]


@pytest.mark.parametrize(
    ("models", "projectors", "paired"),
    [
        (("a-Q4_0.gguf",), (), {}),
        (("a-Q4_0.gguf",), ("mmproj.gguf",), {"a-Q4_0.gguf": "mmproj.gguf"}),
        (("a-Q4_0.gguf",), ("mmproj-model-f16.gguf",), {"a-Q4_0.gguf": "mmproj-model-f16.gguf"}),
        (("a-Q4_0.gguf", "b-Q4_0.gguf"), ("mmproj-F16.gguf",), {}),
        (("a.gguf", "b.gguf"), ("mmproj-b-BF16.gguf",), {"b.gguf": "mmproj-b-BF16.gguf"}),
        (("b-it-UD-Q4_K_XL.gguf",), ("b-it.mmproj-Q8_0.gguf",), {"b-it-UD-Q4_K_XL.gguf": 0}),
    ],
)
def test_projectors_are_found_by_their_names(
    models: tuple[str, ...], projectors: tuple[str, ...], paired: dict[str, str | int]
) -> None:
    expected = {model: name or projectors[0] for model, name in paired.items()}
    assert projectors_of(models, projectors) == expected
