"""The model card of published models: front matter for the Hub, and a page for readers.

The text is in English, as the Hub's own pages are. What an earlier publication wrote about other
files of the repository is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.core.allocation_events import FileCompared
from app.core.sizes import format_bytes
from app.gguf_file.type_recipe import Recipe

_MARK = "<!-- Written by Gristmill. Delete this line, and it will leave your changes alone. -->"
_HEAD = (
    "| file | level | size | bits per weight | perplexity | KL divergence |",
    "|---|---|---|---|---|---|",
)
_UNKNOWN = "–"
_ROW = re.compile(r"^\| \[([^\]]+)\]\(.*\|$", re.M)
_SECTION = re.compile(r"^### `([^`]+)`\n.*?(?=^### `|\Z)", re.M | re.S)
_BASE_MODEL = re.compile(r'^base_model: "([\w.-]+/[\w.-]+)"$', re.M)
_LICENSE_ID = re.compile(r"[a-z0-9][a-z0-9.-]{1,40}")
_UNSAFE = re.compile(r"[\[\]|`<>\\*#\r\n]+")


@dataclass(frozen=True)
class CardQuality:
    """What was measured, and how: `text` describes the text, `reference` names the model."""

    perplexity: float
    text: str
    divergence: float | None = None
    divergence_text: str = ""
    reference: str = ""


@dataclass(frozen=True)
class CardModel:
    """One model of a card, by the name of its first file.

    `command` is the one that made it, and `importance_matrix` the name of its file; both may be
    empty if unknown. `compared` is the quality that was measured before it was written, and `types`
    are the types of its tensors.
    """

    name: str
    level: str
    size_bytes: int
    bits_per_weight: float
    quality: CardQuality | None = None
    command: str = ""
    importance_matrix: str = ""
    compared: FileCompared | None = None
    types: Recipe = ()
    is_projector: bool = False


@dataclass(frozen=True)
class CardFacts:
    """Facts about all models of a repository; texts that are unknown are empty.

    `license` is an identifier or a name; `license_link` leads to its text.
    """

    title: str
    base_model: str = ""
    is_adapter: bool = False
    license: str = ""
    license_name: str = ""
    license_link: str = ""
    languages: tuple[str, ...] = ()
    pipeline_tag: str = ""
    models: tuple[CardModel, ...] = ()


def is_own_card(text: str) -> bool:
    """Return whether a card was written here, and may be replaced."""
    return _MARK in text


def base_model_in(text: str) -> str:
    """Return the base model that a card of ours names; empty if there is none."""
    found = _BASE_MODEL.search(text) if is_own_card(text) else None
    return found[1] if found else ""


def card_text(facts: CardFacts, earlier: str = "", names: Iterable[str] = ()) -> str:
    """Return the card; `earlier` is the one that it replaces, if that `is_own_card`.

    What it says about other files among `names`, those of the repository, is kept.
    """
    mine = {model.name for model in facts.models}
    kept = set(names) - mine if is_own_card(earlier) else set()
    rows = {match[1]: match[0] for match in _ROW.finditer(earlier) if match[1] in kept}
    rows |= {model.name: _row(model) for model in facts.models}
    found = {match[1]: match[0].rstrip() for match in _SECTION.finditer(earlier)}
    sections = {name: text for name, text in found.items() if name in kept}
    sections |= {model.name: "\n".join(_section(model)) for model in facts.models}
    table = "\n".join((*_HEAD, *(rows[name] for name in sorted(rows))))
    parts = (
        "\n".join(("---", *_front_matter(facts), "---", _MARK)),
        f"# {_plain(facts.title)}",
        _introduction(facts),
        table,
        "## How the files were made",
        *(sections[name] for name in sorted(sections)),
    )
    return "\n\n".join(parts) + "\n"


def _front_matter(facts: CardFacts) -> Iterator[str]:
    if facts.base_model:
        yield f"base_model: {_quoted(facts.base_model)}"
        yield f"base_model_relation: {'adapter' if facts.is_adapter else 'quantized'}"
    yield "library_name: gguf"
    if facts.pipeline_tag:
        yield f"pipeline_tag: {facts.pipeline_tag}"
    yield from _license(facts)
    if facts.languages:
        yield "language:"
        yield from (f"- {_quoted(language)}" for language in facts.languages)
    yield "tags:"
    yield "- gguf"
    if any(model.importance_matrix for model in facts.models):
        yield "- imatrix"


def _license(facts: CardFacts) -> Iterator[str]:
    if not facts.license:
        return
    if _LICENSE_ID.fullmatch(facts.license):
        yield f"license: {_quoted(facts.license)}"
        name = facts.license_name
    else:
        # The Hub refuses identifiers that it doesn't know.
        yield "license: other"
        name = facts.license_name or facts.license
    if name:
        yield f"license_name: {_quoted(name)}"
    if facts.license_link.startswith("https://"):
        yield f"license_link: {_quoted(facts.license_link)}"


def _introduction(facts: CardFacts) -> str:
    of = f"[{facts.base_model}](https://huggingface.co/{facts.base_model})"
    made = f"GGUF files of {of}" if facts.base_model else "GGUF files"
    return (
        f"{made} for [llama.cpp](https://github.com/ggml-org/llama.cpp) and programs that use it, "
        "made with Gristmill."
    )


def _row(model: CardModel) -> str:
    quality = model.quality
    perplexity = f"{quality.perplexity:.4g}" if quality else _UNKNOWN
    compared = quality is not None and quality.divergence is not None
    divergence = f"{quality.divergence:.4g}" if quality and compared else _UNKNOWN
    level = f"{model.level} (projector)" if model.is_projector else model.level
    size, bits = format_bytes(model.size_bytes), f"{model.bits_per_weight:.2f}"
    cells = (f"[{model.name}]({model.name})", level, size, bits, perplexity, divergence)
    return f"| {' | '.join(cells)} |"


def _section(model: CardModel) -> Iterator[str]:
    yield f"### `{model.name}`"
    yield ""
    if model.command:
        yield from ("```", model.command.replace("```", ""), "```", "")
    if model.importance_matrix:
        yield from (f"Importance matrix: {_plain(model.importance_matrix)}", "")
    if model.quality:
        yield from (*_measurements(model.quality), "")
    if model.compared:
        yield from (*_comparison(model.compared), "")
    if model.types:
        yield from ("<details><summary>Types of the tensors</summary>", "", "```")
        yield from (f"{pattern}={kind}" for pattern, kind in model.types)
        yield from ("```", "", "</details>")


def _measurements(quality: CardQuality) -> Iterator[str]:
    yield f"Perplexity {quality.perplexity:.4f}, on {_plain(quality.text)}."
    if quality.divergence is not None:
        yield (
            f"Mean KL divergence from {_plain(quality.reference)}: {quality.divergence:.5f}, on "
            f"{_plain(quality.divergence_text)}."
        )


def _comparison(compared: FileCompared) -> Iterator[str]:
    yield f"Before it was written, on {compared.tokens:,} tokens that it was not made with:"
    yield ""
    yield "| | size | mean KL divergence | same top token | perplexity |"
    yield "|---|---|---|---|---|"
    for name, quality in (("this file", compared.file), (compared.level, compared.plain)):
        cells = (
            name,
            format_bytes(quality.size_bytes),
            f"{quality.divergence:.5f}",
            f"{quality.top_token_agreement:.1%}",
            f"{quality.perplexity:.4f}",
        )
        yield f"| {' | '.join(cells)} |"
    yield f"| original | | | | {compared.perplexity:.4f} |"


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return _UNSAFE.sub(" ", text).strip()


def _quoted(text: str) -> str:
    """Return a YAML string; JSON's are."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
