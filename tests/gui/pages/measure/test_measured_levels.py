"""Which figures can be compared, how they are worded, and the table as CSV."""

from __future__ import annotations

import csv
import io

import msgspec
import pytest

from app.core.model_facts import Measured
from app.gui.pages.measure.level_cells import divergence_words, result_cells
from app.gui.pages.measure.measure_choice import MeasureChoice
from app.gui.pages.measure.measured_levels import (
    exact_words,
    levels_of,
    quality_figures,
    references_of,
)
from app.gui.pages.measure.results_csv import results_csv
from app.library.model_families import model_families
from tests.gui.pages.measure.levels import BOOK, COMPARED, WIKI, levels, listed

changed = msgspec.structs.replace
ALONE = Measured(perplexity=7.5, text=WIKI)


def test_divergences_of_one_text_and_reference_are_compared() -> None:
    figures = quality_figures(
        levels(
            listed("Q2_K", changed(COMPARED, compared_text=BOOK), size_bytes=1),
            listed("Q4_0", changed(COMPARED, divergence=0.1), size_bytes=2),
            listed("Q8_0", changed(COMPARED, divergence=0.001), size_bytes=3),
            listed("Q6_K", changed(COMPARED, reference="Grain-BF16.gguf"), size_bytes=4),
            listed("F16", ALONE, size_bytes=5),
        )
    )
    assert figures is not None
    assert [(level.label, value) for level, value in figures.values] == [
        ("Q4_0", 0.1),
        ("Q8_0", 0.001),
    ]
    assert (figures.text, figures.reference) == (WIKI, "Grain-F16.gguf")
    assert figures.left_out == ("Q2_K", "Q6_K")


def test_without_a_comparison_perplexities_are_compared() -> None:
    figures = quality_figures(
        levels(
            listed("Q4_0", ALONE, size_bytes=1),
            listed("Q8_0", changed(ALONE, perplexity=7.0), size_bytes=2),
            listed("Q6_K", changed(ALONE, text=BOOK), size_bytes=3),
        )
    )
    assert figures is not None
    assert [value for _, value in figures.values] == [7.5, 7.0]
    assert (figures.text, figures.reference, figures.left_out) == (WIKI, "", ("Q6_K",))


def test_nothing_measured_is_nothing_to_compare() -> None:
    speed_only = Measured(tokens_per_second=30.0)
    outdated = changed(COMPARED, is_current=False)
    assert quality_figures(levels(listed("Q4_0", None))) is None
    assert quality_figures(levels(listed("Q4_0", speed_only))) is None
    assert quality_figures(levels(listed("Q4_0", outdated))) is None


def test_an_identical_model_has_a_divergence_of_zero() -> None:
    figures = quality_figures(levels(listed("F16", changed(COMPARED, divergence=0.0))))
    assert figures is not None
    assert [value for _, value in figures.values] == [0.0]


def test_references_are_files_of_16_bits_and_more() -> None:
    (family,) = model_families([listed(level, None) for level in ("F16", "Q8_0", "F32", "BF16")])
    assert [model.level for model in references_of(family)] == ["F32", "BF16", "F16"]


def test_exact_values_in_words() -> None:
    (level,) = levels(listed("Q4_K_M", is_ours=True))
    assert exact_words(level) == (
        "Q4_K_M",
        "types chosen by measurement",
        "4.00 GB, 4.85 bits per weight",
        "KL divergence 0.012346",
        "same most likely token: 95.12%",
        "perplexity 7.2500",
        "reply: 42 tokens/s",
        "prompt: 1,234 tokens/s",
        "peak memory: 5.00 GB",
    )


@pytest.mark.parametrize(
    ("divergence", "words"),
    [
        (0.0, "0"),
        (1.234567, "1.23"),
        (0.1234567, "0.123"),
        (0.01234567, "0.0123"),
        (0.001234567, "0.00123"),
        (0.0001234567, "0.000123"),
        (0.00001234567, "0.0000123"),
        (1e-9, "< 0.0000001"),
    ],
)
def test_divergences_have_three_digits(divergence: float, words: str) -> None:
    assert divergence_words(divergence) == words


def test_cells_of_a_measured_level() -> None:
    (level,) = levels(listed("Q4_K_M", is_ours=True))
    cells = result_cells(level, is_reference=False)
    assert [(cell.text, cell.caption) for cell in cells] == [
        ("Q4_K_M", "measured types"),
        ("4.00 GB", "4.85 bits"),
        ("0.0123", "same token: 95.1%"),
        ("7.250", ""),
        ("42 t/s", "prompt: 1,234"),
        ("5.00 GB", ""),
        ("2026-11-29", ""),
    ]


def test_cells_of_a_level_that_was_not_measured() -> None:
    (level,) = levels(listed("F16", None))
    cells = result_cells(level, is_reference=True)
    assert cells[0].caption == "reference"
    assert [cell.text for cell in cells[2:]] == ["–"] * 5
    assert all(cell.spoken for cell in cells)


def test_a_changed_file_says_so_and_shows_no_figures() -> None:
    (level,) = levels(listed("Q4_0", changed(COMPARED, is_current=False)))
    cells = result_cells(level, is_reference=False)
    assert [cell.text for cell in cells[2:6]] == ["–"] * 4
    assert (cells[6].text, cells[6].caption) == ("2026-11-29", "changed since")


def test_a_disturbed_speed_is_marked_as_rough() -> None:
    (level,) = levels(listed("Q4_0", changed(COMPARED, is_disturbed=True)))
    assert result_cells(level, is_reference=False)[4].text == "≈ 42 t/s"
    assert "reply: ≈ 42 tokens/s" in exact_words(level)


def test_the_table_as_csv_has_raw_numbers_and_units() -> None:
    content = results_csv(
        levels(
            listed("Q4_K_M", is_ours=True, size_bytes=1),
            listed("Q8_0", changed(COMPARED, is_current=False), size_bytes=2),
        )
    )
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    ours, outdated = rows
    assert {name: ours[name] for name in list(ours)[:10]} == {
        "level": "Q4_K_M",
        "file": "Grain-Q4_K_M.gguf",
        "has_measured_types": "yes",
        "size_bytes": "1",
        "bits_per_weight": "4.85",
        "kl_divergence_mean_nats": "0.0123456789",
        "kl_divergence_median_nats": "0.004",
        "kl_divergence_p999_nats": "1.5",
        "top_token_agreement_share": "0.9512",
        "perplexity": "7.25",
    }
    assert ours["prompt_tokens_per_second"] == "1234.5"
    assert ours["peak_memory_bytes"] == "5000000000"
    assert ours["kl_divergence_text"] == WIKI
    assert outdated["perplexity"] == outdated["measured_on"] == ""


def test_a_file_name_is_no_formula() -> None:
    model = changed(listed("Q4_0"), path="/m/=cmd-Q4_0.gguf", name="=cmd")
    (family,) = model_families([model])
    content = results_csv(levels_of(family)).decode("utf-8-sig")
    assert "'=cmd-Q4_0.gguf" in content


def choice(**changes: object) -> MeasureChoice:
    values = {"has_quality": True, "has_speed": True, "text": "/t.txt", "chunks": 40}
    return MeasureChoice(**{"reference": "/m/F16.gguf", **values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (choice(), "--text /t.txt --reference /m/F16.gguf --chunks 40"),
        (choice(reference="/m/Q4.gguf"), "--text /t.txt --chunks 40"),
        (choice(reference="", chunks=None), "--text /t.txt"),
        (choice(has_quality=False), "--only speed"),
        (choice(has_speed=False, reference=""), "--text /t.txt --chunks 40 --only quality"),
    ],
)
def test_the_command_of_a_level(chosen: MeasureChoice, expected: str) -> None:
    assert " ".join(chosen.arguments_for("/m/Q4.gguf")) == f"measure /m/Q4.gguf {expected}"
