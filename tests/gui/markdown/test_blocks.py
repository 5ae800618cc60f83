"""Markdown is cut where it can be laid out piece by piece, within limits."""

from __future__ import annotations

import random
import time

import pytest

from app.gui.markdown.blocks import (
    DEEPEST_NESTING,
    LONGEST_PROSE,
    MAX_CODE,
    Block,
    Code,
    Prose,
    normalize,
    split_blocks,
)

SAMPLE = """# Title

First paragraph
goes on.

1. Do this:
   ```python
   def f():
       return 1
   ```
   then that
2. End
   - inner
     ```
     x
     ```

> said
> ```js
> let a
> ```

| a | b |
|---|---|
| 1 | 2 |

~~~
raw ``` inside
~~~
last
"""


def codes(source: str) -> list[tuple[str, str]]:
    return [(b.language, b.text) for b in split_blocks(source) if isinstance(b, Code)]


def prose(source: str) -> str:
    return "\n".join(b.source for b in split_blocks(source) if isinstance(b, Prose))


def test_code_is_taken_out_of_lists_and_quotes_exactly() -> None:
    assert codes(SAMPLE) == [
        ("python", "def f():\n    return 1"),
        ("", "x"),
        ("js", "let a"),
        ("", "raw ``` inside"),
    ]
    text = prose(SAMPLE)
    for words in ("# Title", "1. Do this:", "then that\n\n2. End", "> said", "| 1 | 2 |", "last"):
        assert words in text
    assert "let a" not in text


def test_short_neighbors_share_a_block_and_long_ones_do_not() -> None:
    assert len(split_blocks("one\n\ntwo\n\n- three")) == 1
    long = "word " * 300
    assert len(split_blocks(f"{long}\n\n{long}\n\n{long}")) == 3


@pytest.mark.parametrize("source", ["", " \n\n ", "\n"])
def test_blank_text_has_no_blocks(source: str) -> None:
    assert split_blocks(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "a" * 1_000_000,
        "word " * 200_000,
        "line\n" * 100_000,
        "漢" * 300_000,
        "- " + "item " * 100_000,
        "\n".join(f"- item {i} with words" for i in range(20_000)),
    ],
    ids=["letters", "words", "lines", "cjk", "item", "items"],
)
def test_endless_text_is_cut(source: str) -> None:
    blocks = split_blocks(source)
    assert all(isinstance(b, Prose) and len(b.source) <= LONGEST_PROSE for b in blocks)
    assert "".join(b.source for b in blocks if isinstance(b, Prose)) == source


@pytest.mark.parametrize("marker", [">", "> ", "- ", "* ", "1. ", "- > ", " > 1) "])
def test_deep_nesting_is_flattened(marker: str) -> None:
    (block,) = split_blocks(marker * 20_000 + "x")
    assert isinstance(block, Prose)
    signs = marker.replace(" ", "")
    assert len(block.source) <= (DEEPEST_NESTING + 1) * max(len(marker), 3) * max(1, len(signs))
    assert block.source.endswith("x")


def test_deep_indentation_is_flattened() -> None:
    text = prose("\n".join(" " * (2 * depth) + "- x" for depth in range(1000)))
    assert max(len(line) for line in text.split("\n")) <= 2 * DEEPEST_NESTING + 3


@pytest.mark.parametrize(("columns", "kept"), [(2, 200), (4, 100), (10, 40), (500, 1)])
def test_a_long_table_ends_early_and_says_so(columns: int, kept: int) -> None:
    line = "|" + " 1 |" * columns
    rule = "|" + "---|" * columns
    text = prose("\n".join([line, rule, *[line] * 10_000]))
    assert text.count(line) == kept + 1
    assert f"… {10_000 - kept:,} more rows" in text


def test_a_short_table_is_whole() -> None:
    table = "| a | b |\n|---|--:|\n" + "| 1 | 2 |\n" * 200
    assert "more rows" not in prose(table)


def test_pipes_in_code_are_no_table() -> None:
    text = "a | b\n--- | ---\n" + "1 | 2\n" * 1000
    assert codes(f"```\n{text}```") == [("", text.removesuffix("\n"))]


def test_more_code_blocks_than_the_limit_stay_in_the_prose() -> None:
    source = "```\nx\n```\n\n" * (MAX_CODE + 50)
    assert len(codes(source)) == MAX_CODE
    assert prose(source).count("x") == 50


def content(blocks: list[Block]) -> list[tuple[str, ...]]:
    return [(b.source,) if isinstance(b, Prose) else (b.language, b.text) for b in blocks]


@pytest.mark.parametrize("seed", range(20))
def test_reading_anew_from_any_block_gives_the_same_blocks(seed: int) -> None:
    chance = random.Random(seed)
    parts = [*SAMPLE.split("\n\n"), "word " * 500, "```\n" + "x\n" * 50 + "```", "para\n---"]
    source = "\n\n".join(chance.choice(parts) for _ in range(30))
    blocks = split_blocks(source)
    for start in {block.start for block in blocks}:
        later = [block for block in blocks if block.start >= start]
        assert content(split_blocks(source[start:])) == content(later)


def test_line_ends_of_every_system_are_one() -> None:
    assert normalize("a\r\nb\rc\n") == "a\nb\nc\n"


def test_a_message_of_ordinary_size_is_cut_quickly(record_property) -> None:
    source = (SAMPLE * 60)[:20_000]
    began = time.perf_counter()
    split_blocks(source)
    record_property("milliseconds", (time.perf_counter() - began) * 1000)
