from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from app.publishing.published_card import (
    CardFacts,
    CardModel,
    CardQuality,
    card_text,
    is_own_card,
)
from tests.support.comparisons import BETTER

QUALITY = CardQuality(7.1234, "4 × 512 tokens of wiki.txt (0a1b2c3d)")
Q4 = CardModel(
    name="Grain-Q4_K_M.gguf",
    level="Q4_K_M",
    size_bytes=4_080_000_000,
    bits_per_weight=4.851,
    command="gristmill convert bolt/Grain --level Q4_K_M --imatrix wiki.dat",
    importance_matrix="wiki.dat",
    types=(("^output.weight$", "q6_k"), (r"^blk\.\d+\.attn_q\.weight$", "q4_k")),
)
Q8 = CardModel("Grain-Q8_0.gguf", "Q8_0", 7_000_000_000, 8.5)
FACTS = CardFacts("Grain-GGUF", base_model="bolt/Grain", license="apache-2.0", models=(Q4,))


def front_matter(card: str) -> dict[str, Any]:
    beginning, text, _ = card.split("---\n", 2)
    assert beginning == ""
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_the_front_matter_says_what_the_hub_shows() -> None:
    facts = replace(FACTS, languages=("en", "no"), pipeline_tag="text-generation")
    assert front_matter(card_text(facts)) == {
        "base_model": "bolt/Grain",
        "base_model_relation": "quantized",
        "library_name": "gguf",
        "pipeline_tag": "text-generation",
        "license": "apache-2.0",
        "language": ["en", "no"],
        "tags": ["gguf", "imatrix"],
    }


def test_what_is_unknown_is_left_out() -> None:
    card = card_text(CardFacts("Grain-GGUF", models=(Q8,)))
    assert front_matter(card) == {"library_name": "gguf", "tags": ["gguf"]}
    assert "```" not in card


def test_an_adapter_is_one() -> None:
    found = front_matter(card_text(replace(FACTS, is_adapter=True)))
    assert found["base_model_relation"] == "adapter"


@pytest.mark.parametrize(
    ("license_", "expected"),
    [
        ("llama3.2", {"license": "llama3.2"}),
        ("Grain License 2", {"license": "other", "license_name": "Grain License 2"}),
        ('a "b": c', {"license": "other", "license_name": 'a "b": c'}),
    ],
)
def test_a_license_without_an_identifier_is_named(license_: str, expected: dict[str, str]) -> None:
    found = front_matter(card_text(replace(FACTS, license=license_)))
    assert {key: value for key, value in found.items() if key.startswith("license")} == expected


def test_the_table_has_size_and_what_was_measured() -> None:
    compared = replace(
        QUALITY, divergence=0.01234, divergence_text=QUALITY.text, reference="Grain-BF16.gguf"
    )
    models = (replace(Q4, quality=compared), replace(Q8, quality=QUALITY))
    card = card_text(replace(FACTS, models=models))
    link = "[Grain-Q4_K_M.gguf](Grain-Q4_K_M.gguf)"
    assert f"| {link} | Q4_K_M | 4.08 GB | 4.85 | 7.123 | 0.01234 |\n" in card
    assert "| Q8_0 | 7.00 GB | 8.50 | 7.123 | – |\n" in card
    assert "Mean KL divergence from Grain-BF16.gguf: 0.01234, on 4 × 512 tokens of wiki.t" in card


def test_what_was_measured_before_a_file_was_written_is_there() -> None:
    card = card_text(replace(FACTS, models=(replace(Q4, compared=BETTER), Q8)))
    section = card.split("### `Grain-Q4_K_M.gguf`")[1].split("###")[0]
    assert "on 2,048 tokens that it was not made with:" in section
    assert "| this file | 549 MB | 0.01230 | 95.4% | 9.1000 |\n" in section
    assert "| IQ4_XS | 560 MB | 0.04100 | 90.0% | 9.5000 |\n" in section
    assert "| original | | | | 9.0000 |\n" in section
    later = card_text(replace(FACTS, models=(Q8,)), card, [Q4.name])
    assert "| this file | 549 MB |" in later


def test_the_command_and_the_recipe_are_there() -> None:
    card = card_text(FACTS)
    assert f"```\n{Q4.command}\n```\n" in card
    assert "Importance matrix: wiki.dat\n" in card
    assert "```\n^output.weight$=q6_k\n^blk\\.\\d+\\.attn_q\\.weight$=q4_k\n```\n" in card


def test_texts_from_files_are_no_markup() -> None:
    model = replace(Q4, importance_matrix="<b>a|b</b>\n# c")
    assert "Importance matrix: b a b /b  c\n" in card_text(replace(FACTS, models=(model,)))


def test_what_was_said_about_other_files_stays() -> None:
    earlier = card_text(FACTS)
    later = replace(FACTS, models=(Q8,))
    card = card_text(later, earlier, ["Grain-Q4_K_M.gguf", "README.md"])
    both = card_text(replace(FACTS, models=(Q4, Q8)))
    assert card.split("-->")[1] == both.split("-->")[1]
    # A file that is gone is not mentioned.
    assert card_text(later, earlier, ["README.md"]) == card_text(later)


def test_the_card_of_a_person_is_not_taken_for_ours() -> None:
    theirs = "".join(line for line in card_text(FACTS).splitlines(True) if "<!--" not in line)
    assert is_own_card(card_text(FACTS))
    assert not is_own_card(theirs)
    assert card_text(replace(FACTS, models=(Q8,)), theirs, [Q4.name]) == card_text(
        replace(FACTS, models=(Q8,))
    )
