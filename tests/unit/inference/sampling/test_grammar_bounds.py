"""Grammars that would hold up the engine are refused, and no others."""

from __future__ import annotations

import pytest

from app.core.errors import AppError
from app.inference.sampling.grammar_bounds import require_bounded_grammar


def chain(rules: int, form: str) -> str:
    lines = [f"r{n} ::= " + form.replace("next", f"r{n + 1}") for n in range(rules)]
    return "\n".join(["root ::= r0", *lines, f'r{rules} ::= "b"'])


@pytest.mark.parametrize(
    "grammar",
    [
        chain(1000, 'next next | "a"'),
        chain(30, 'next "x" | next "y"'),
        chain(30, '[a-z]? next | next "y"'),
        'root ::= root "a" | "b"',
        "root ::= " + " | ".join(f'"{n}"' for n in range(20_000)),
    ],
    ids=["deep", "doubling", "doubling after what may be empty", "circle", "wide"],
)
def test_ways_without_number_are_refused(grammar: str) -> None:
    with pytest.raises(AppError):
        require_bounded_grammar(grammar)


@pytest.mark.parametrize(
    "grammar",
    [
        chain(90, '"(" next ")" | "a"'),
        chain(90, 'next "," | "a"'),
        chain(1500, '"(" next ")"'),
        "root ::= (" + " | ".join(f'"word{n}"' for n in range(3000)) + "){1,90}",
        'root ::= "[" ws (root ("," ws root)*)? "]" ws\nws ::= [ \\t\\n]{0,20}',
    ],
    ids=["nested", "left", "long", "words", "lists"],
)
def test_usual_grammars_are_taken(grammar: str) -> None:
    require_bounded_grammar(grammar)
