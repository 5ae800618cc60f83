"""The quantization levels."""

from __future__ import annotations

import gguf
import pytest

from app.core.levels import (
    _NAME_OF_FTYPE,
    DEFAULT_LEVEL,
    LEVELS,
    SPECIAL_LEVELS,
    level_name,
    level_named,
)


def test_names_and_numbers_are_unique() -> None:
    levels = (*LEVELS, *SPECIAL_LEVELS)
    assert len({level.name for level in levels}) == len(levels)
    assert len({level.ftype for level in levels}) == len(levels)
    assert all(level.description for level in levels)


def test_numbers_are_those_of_the_file_format() -> None:
    known = {
        file_type.value: file_type.name.removeprefix("MOSTLY_").removeprefix("ALL_")
        for file_type in gguf.LlamaFileType
    }
    ours = {number: name for number, name in _NAME_OF_FTYPE.items() if number in known}
    assert len(ours) >= len(LEVELS)
    assert ours == {number: known[number] for number in ours}


@pytest.mark.parametrize("name", ["q4_k_m", "Q4_K_M", "q4_K_m"])
def test_case_does_not_matter(name: str) -> None:
    assert level_named(name).name == DEFAULT_LEVEL


def test_special_levels_are_known_but_not_offered_first() -> None:
    assert level_named("iq2_xxs").ftype == 19
    assert level_named("iq2_xxs") not in LEVELS


@pytest.mark.parametrize("name", ["", "Q4", "Q4_K_M ", "ı"])
def test_an_unknown_name(name: str) -> None:
    with pytest.raises(KeyError):
        level_named(name)


def test_a_level_by_number() -> None:
    assert all(level_name(it.ftype) == it.name for it in (*LEVELS, *SPECIAL_LEVELS))
    assert level_name(2**31) == ""
