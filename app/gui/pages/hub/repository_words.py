"""Describe a repository in words."""

from __future__ import annotations

import re
from itertools import pairwise

from app.core.hub_events import HubPageFound, RepositoryKind
from app.core.language import tr, tr_count
from app.core.sizes import format_weights

LONGEST_CARD = 200_000
"""Characters of a model card that are shown; longer ones are lists of results."""
_CODE = re.compile(r"^(?:```|~~~)", re.MULTILINE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>")
_LOCAL_LINK = re.compile(
    r"!?\[([^\[\]\n]{0,300})\]\((?!https?:|mailto:)[^()\n]{0,500}\)", re.IGNORECASE
)
"""Links to places that exist only on the page in a browser: its sections and files."""
_GAP = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")


def kind_in_words(kind: RepositoryKind) -> str:
    """Return the purpose of a model in words."""
    return {
        "chat": tr("Chat model"),
        "text": tr("Base model, continues text"),
        "embedding": tr("Embedding model"),
        "encoder": tr("Encoder"),
        "vision": tr("Vision model"),
        "speech": tr("Speech model"),
        "image": tr("Image model"),
        "other": tr("Other model"),
    }[kind]


def facts_in_words(page: HubPageFound) -> str:
    """Return the facts of a repository in a line."""
    facts = [kind_in_words(page.kind)]
    if page.parameters:
        facts.append(tr("{count} parameters", count=format_weights(page.parameters)))
    if page.architecture:
        facts.append(page.architecture)
    if page.context:
        facts.append(tr("context {tokens}", tokens=f"{page.context:,}"))
    facts.append(tr_count("1 download", "{count} downloads", page.downloads))
    facts.append(tr_count("1 like", "{count} likes", page.likes))
    if page.updated:
        facts.append(tr("updated {date}", date=page.updated))
    return " · ".join(facts)


def readable_card(card: str) -> str:
    """Return a model card without the HTML around its text, and no longer than is readable.

    Code blocks stay as they are written.
    """
    shown = card[:LONGEST_CARD]
    marks = [match.start() for match in _CODE.finditer(shown)]
    edges = [0, *marks, len(shown)]
    pieces = [shown[begin:end] for begin, end in pairwise(edges)]
    # Every other piece, from the first mark on, is code.
    shown = "".join(one if index % 2 else _plain(one) for index, one in enumerate(pieces))
    text = shown.strip()
    return f"{text}\n\n…" if len(card) > LONGEST_CARD else text


def _plain(prose: str) -> str:
    """Return Markdown without HTML and without links that lead nowhere from here."""
    return _GAP.sub("\n\n", _LOCAL_LINK.sub(r"\1", _TAG.sub("", _without_comments(prose))))


def _without_comments(prose: str) -> str:
    first, *others = prose.split("<!--")
    parts = [(text, text.partition("-->")) for text in others]
    # A comment without an end is shown.
    return first + "".join(rest if end else f"<!--{text}" for text, (_, end, rest) in parts)
