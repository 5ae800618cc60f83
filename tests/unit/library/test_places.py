"""Models of the same name and level, told apart by the end of their path."""

from __future__ import annotations

import pytest

from app.core.events import ModelListed
from app.library.places import with_places


def listed(path: str, name: str = "Grain", level: str = "Q4_K_M") -> ModelListed:
    return ModelListed(path, name, level, "llama", 1, 1, 1)


@pytest.mark.parametrize(
    ("paths", "places"),
    [
        (["/m/acme/Grain-GGUF/a.gguf"], [""]),
        (["/m/starter/a.gguf", "/m/acme/Grain/a.gguf"], ["starter", "Grain"]),
        (["/m/acme/Grain/a.gguf", "/m/bolt/Grain/a.gguf"], ["acme/Grain", "bolt/Grain"]),
        (["/m/Grain/a.gguf", "/m/Grain/b-00001-of-00002.gguf"], ["a", "b"]),
        (["/m/x/a.gguf", "/m/x/b.gguf", "/m/y/c.gguf"], ["a", "b", "c"]),
        (
            ["/m/x/a.gguf", "/m/x/b.gguf", "/m/y/a.gguf"],
            ["/m/x/a.gguf", "/m/x/b.gguf", "/m/y/a.gguf"],
        ),
    ],
)
def test_the_end_of_the_path_that_differs(paths: list[str], places: list[str]) -> None:
    assert [model.place for model in with_places([*map(listed, paths)])] == places


def test_another_level_or_name_needs_no_place() -> None:
    models = [listed("/a/x.gguf"), listed("/b/x.gguf", level="Q8_0"), listed("/c/x.gguf", "Oats")]
    assert with_places(models) == models
