"""Files of the library that are levels of the same model."""

from __future__ import annotations

import pytest

from app.core.errors import ErrorCode
from app.core.events import ModelListed
from app.library.model_families import family_with, model_families

GB = 10**9


def listed(path: str, level: str = "Q4_K_M", name: str = "", **changes: object) -> ModelListed:
    stem = path.rpartition("/")[2].removesuffix(".gguf")
    if not name and stem.upper().endswith(level) and level:
        name = stem[: -len(level)].rstrip("-._ ")
    facts = {"architecture": "llama", "size_bytes": GB, "parameters": 8 * GB, "context": 8192}
    return ModelListed(path, name or stem, level, **{**facts, **changes})  # type: ignore[arg-type]


def grouped(*models: ModelListed) -> list[tuple[str, list[str]]]:
    return [
        (family.name, [family.labels[model.path] for model in family.models])
        for family in model_families(models)
    ]


@pytest.mark.parametrize(
    ("file", "level", "name", "label"),
    [
        ("Grain-8B-Q4_K_M.gguf", "Q4_K_M", "Grain-8B", "Q4_K_M"),
        ("grain-8b.q4_k_m.gguf", "Q4_K_M", "grain-8b", "Q4_K_M"),
        ("Grain-8B-i1-Q4_K_M.gguf", "Q4_K_M", "Grain-8B", "i1-Q4_K_M"),
        ("Grain-8B-UD-Q4_K_XL.gguf", "Q4_K_M", "Grain-8B", "UD-Q4_K_XL"),
        ("Grain-8B-IQ2_XXS.gguf", "IQ2_XXS", "Grain-8B", "IQ2_XXS"),
        ("Grain-8B-BF16.gguf", "BF16", "Grain-8B", "BF16"),
        ("Grain-8B-fp16.gguf", "F16", "Grain-8B", "fp16"),
        ("Grain-8B-Q4_K_M-2.gguf", "Q4_K_M", "Grain-8B", "Q4_K_M-2"),
        ("Grain-8B-Q4_K_M-tuned.gguf", "Q4_K_M", "Grain-8B", "Q4_K_M-tuned"),
        ("Grain-8B-3.00bpw-Q2_K.gguf", "Q2_K", "Grain-8B", "3.00bpw"),
        ("Grain-8B-3.00bpw-Q2_K-tuned.gguf", "Q2_K", "Grain-8B", "3.00bpw-tuned"),
        ("Grain-8B-v1.50bpw-Q2_K.gguf", "Q2_K", "Grain-8B-v1.50bpw", "Q2_K"),
        ("Grain-8B-COPY.gguf", "Q8_0", "Grain-8B", "COPY"),
        ("Grain-8B-00001-of-00002.gguf", "Q8_0", "Grain-8B", "Q8_0"),
        ("Grain-8B.gguf", "Q8_0", "Grain-8B", "Q8_0"),
        ("Grain-8B-v2.gguf", "Q8_0", "Grain-8B-v2", "Q8_0"),
    ],
)
def test_a_name_ends_where_the_level_begins(file: str, level: str, name: str, label: str) -> None:
    model = listed(f"/m/{file}", level)
    if "-of-" in file:
        model = listed(f"/m/{file}", level, name="Grain-8B")
    assert grouped(model) == [(name, [label])]


def test_levels_of_one_model_are_sorted_by_size() -> None:
    assert grouped(
        listed("/m/Grain-Q8_0.gguf", "Q8_0", size_bytes=8 * GB),
        listed("/n/grain.Q4_K_M.gguf", size_bytes=4 * GB),
        listed("/m/Grain-F16.gguf", "F16", size_bytes=16 * GB),
    ) == [("Grain", ["Q4_K_M", "Q8_0", "F16"])]


def test_files_of_a_chosen_size_stand_beside_the_levels() -> None:
    assert grouped(
        listed("/m/Grain-F16.gguf", "F16", size_bytes=16 * GB),
        listed("/m/Grain-Q2_K.gguf", "Q2_K", size_bytes=3 * GB),
        listed("/m/Grain-3.00bpw-Q2_K.gguf", "Q2_K", size_bytes=3 * GB),
        listed("/m/Grain-12.50bpw-Q8_0.gguf", "Q8_0", size_bytes=12 * GB),
    ) == [("Grain", ["3.00bpw", "Q2_K", "12.50bpw", "F16"])]


@pytest.mark.parametrize(
    "other",
    [
        listed("/m/Oats-Q8_0.gguf", "Q8_0"),
        listed("/m/Grain-Q8_0.gguf", "Q8_0", architecture="qwen2"),
        listed("/m/Grain-Q8_0.gguf", "Q8_0", parameters=GB),
    ],
    ids=["name", "architecture", "parameters"],
)
def test_other_models_are_families_of_their_own(other: ModelListed) -> None:
    assert len(grouped(listed("/m/Grain-Q4_K_M.gguf"), other)) == 2


def test_a_file_that_cannot_be_loaded_belongs_to_none() -> None:
    assert grouped(listed("/m/Grain-Q4_K_M.gguf", problem=ErrorCode.GGUF_DAMAGED)) == []


def test_files_of_the_same_level_are_told_apart() -> None:
    assert grouped(
        listed("/a/Grain-Q4_K_M.gguf"),
        listed("/b/Grain-Q4_K_M.gguf"),
        listed("/b/Grain-Q8_0.gguf", "Q8_0"),
    ) == [("Grain", ["Q4_K_M (a)", "Q4_K_M (b)", "Q8_0"])]
    (family,) = model_families([listed("/a/x/Grain-Q4_0.gguf"), listed("/b/x/Grain-Q4_0.gguf")])
    assert len(set(family.labels.values())) == 2


def test_a_name_given_by_another_program() -> None:
    model = listed("/ollama/blobs/sha256-abcd", "Q4_0", name="grain:8b-instruct-q4_0")
    assert grouped(model) == [("grain:8b-instruct", ["Q4_0"])]


def test_the_family_of_a_file() -> None:
    families = model_families(
        [listed("/m/Grain-Q8_0.gguf", "Q8_0"), listed("/m/Oats-Q8_0.gguf", "Q8_0")]
    )
    found = family_with("/m/Oats-Q8_0.gguf", families)
    assert found is not None
    assert found.name == "Oats"
    assert family_with("/m/Rye-Q8_0.gguf", families) is None


def test_a_family_keeps_its_key_when_a_level_comes() -> None:
    first = listed("/m/Grain-Q8_0.gguf", "Q8_0")
    (before,) = model_families([first])
    (after,) = model_families([first, listed("/m/grain_Q4_0.gguf", "Q4_0", size_bytes=1)])
    assert before.key == after.key
