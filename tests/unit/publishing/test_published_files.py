from __future__ import annotations

from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.publishing.published_files import local_models
from tests.support.gguf.gguf_files import llama_file

Q8_0, UNKNOWN = 7, 9999


def names_of(*paths: Path) -> list[str]:
    return [file.name for model in local_models(paths) for file in model.files]


@pytest.mark.parametrize(
    ("local", "published"),
    [
        ("Grain-Q4_K_M.gguf", "Grain-Q4_K_M.gguf"),
        ("grain.q4_k_m.gguf", "grain.q4_k_m.gguf"),
        ("Grain-UD-Q4_K_XL.gguf", "Grain-UD-Q4_K_XL.gguf"),
        ("Grain-Q8_0-LoRA.gguf", "Grain-Q8_0-LoRA.gguf"),
        ("Grain.gguf", "Grain-Q4_K_M.gguf"),
        ("Grain 7B (new).gguf", "Grain-7B-new-Q4_K_M.gguf"),
        ("Qwen2.gguf", "Qwen2-Q4_K_M.gguf"),
        ("model.gguf", "folder-Q4_K_M.gguf"),
        ("sha256-0123abcd", "Little-Llama-Q4_K_M.gguf"),
    ],
)
def test_each_name_has_a_level(local: str, published: str, tmp_path: Path) -> None:
    assert names_of(llama_file().write(tmp_path / "folder" / local)) == [published]


def test_where_the_file_names_no_level_it_is_that_of_most_weights(tmp_path: Path) -> None:
    file = llama_file(general__file_type=UNKNOWN).write(tmp_path / "Grain.gguf")
    assert names_of(file) == ["Grain-Q4_K.gguf"]


def test_all_files_of_a_split_model_come_with_their_numbers(tmp_path: Path) -> None:
    for number in (1, 2):
        llama_file().write(tmp_path / f"Grain-0000{number}-of-00002.gguf")
    expected = ["Grain-Q4_K_M-00001-of-00002.gguf", "Grain-Q4_K_M-00002-of-00002.gguf"]
    assert names_of(tmp_path / "Grain-00001-of-00002.gguf") == expected


def test_the_projector_of_several_levels_comes_once(tmp_path: Path) -> None:
    models = [
        llama_file().write(tmp_path / "Grain-Q4_K_M.gguf"),
        llama_file(general__file_type=Q8_0).write(tmp_path / "Grain-Q8_0.gguf"),
    ]
    projector = {"general__architecture": "clip", "general__file_type": 1}
    llama_file(**projector).write(tmp_path / "mmproj-Grain.gguf")
    expected = ["Grain-Q4_K_M.gguf", "mmproj-Grain-F16.gguf", "Grain-Q8_0.gguf"]
    assert names_of(*models) == expected


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    files = [llama_file().write(tmp_path / folder / "Grain-Q4_K_M.gguf") for folder in "ab"]
    with pytest.raises(AppError) as raised:
        local_models(files)
    assert raised.value.code is ErrorCode.NAMES_COLLIDE
