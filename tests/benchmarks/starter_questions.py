"""Right answers of the starter model to simple questions, asked as the window asks and as it comes.

Run: `python -m tests.benchmarks.starter_questions` after `make setup`. It takes a few minutes. An
answer is right if it has the expected word. As the model comes means its template's own system
prompt and llama.cpp's sampling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.library.reply_defaults import STARTER_FILE_NAME, reply_defaults
from tests.processes.serving import Server, serving
from tests.support.machine.installed import PERSONS_HOME

CAPITAL = "What is the capital of France?"
QUESTIONS = {
    CAPITAL: "Paris",
    "What is 2 + 2?": r"\b4\b|four",
    "What color is the sky on a clear day?": "blue",
    "How many days are in a week?": r"\b7\b|seven",
    "What is the opposite of hot?": "cold",
    "What do bees make?": "honey",
    "Which planet do we live on?": "Earth",
    "What is the largest ocean?": "Pacific",
    "Who wrote Romeo and Juliet?": "Shakespeare",
    "What is the chemical formula of water?": "H2O|H₂O",
    "How many legs does a spider have?": r"\b8\b|eight",
    "What is the capital of Italy?": "Rome",
    "What animal says meow?": r"\bcat",
    "What is frozen water called?": r"\bice\b",
    "How many months are in a year?": r"\b12\b|twelve",
    "What language is spoken in Spain?": "Spanish|Castilian",
    "What is the first letter of the alphabet?": r"\bA\b",
    "What star gives us light during the day?": r"\b[Ss]un\b",
    "What is the capital of Japan?": "Tokyo",
    "What is 10 minus 3?": r"\b7\b|seven",
}
_SEEDS = range(1, 4)
_TRIES = 10


def main() -> None:
    """Print a table."""
    defaults = reply_defaults(STARTER_FILE_NAME)
    own = {"temperature": defaults.temperature}
    system = [{"role": "system", "content": defaults.system_prompt}]
    model = PERSONS_HOME / "models" / "starter" / STARTER_FILE_NAME
    with serving(model, "--context", "2048") as server:
        print(f"{'right answers':<44}{'as it comes':>14}{'as asked here':>16}")
        totals = [0, 0]
        for question in QUESTIONS:
            counts = [
                count_right(server, question, _SEEDS, [], {}),
                count_right(server, question, _SEEDS, system, own),
            ]
            totals = [total + count for total, count in zip(totals, counts, strict=True)]
            _print_row(question, counts, len(_SEEDS))
        _print_row("together", totals, len(QUESTIONS) * len(_SEEDS))
        counts = [
            count_right(server, CAPITAL, range(_TRIES), [], {}),
            count_right(server, CAPITAL, range(_TRIES), system, own),
        ]
        _print_row(CAPITAL, counts, _TRIES)


def count_right(
    server: Server,
    question: str,
    seeds: Sequence[int],
    system: list[dict[str, str]],
    options: Mapping[str, Any],
) -> int:
    """Return how many of the answers, one for each seed, are right."""
    messages = [*system, {"role": "user", "content": question}]
    answers = (
        server.chat("", messages=messages, seed=seed, max_tokens=60, **options) for seed in seeds
    )
    texts = (answer["choices"][0]["message"]["content"] for answer in answers)
    return sum(bool(re.search(QUESTIONS[question], text)) for text in texts)


def _print_row(name: str, counts: Sequence[int], tries: int) -> None:
    plain, asked = (f"{count} of {tries}" for count in counts)
    print(f"{name:<44}{plain:>14}{asked:>16}", flush=True)


if __name__ == "__main__":
    main()
