"""The documents of the checkout: their links, and the parts that follow from the code."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import msgspec
import pytest

from app.inference.server.completions.chat_request import ChatRequest
from app.inference.server.completions.text_request import CompletionRequest
from app.inference.server.embeddings import DetokenizeRequest, EmbeddingRequest, TokenizeRequest
from app.inference.server.responses.request import ResponseRequest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging"))

import commands

ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = (".", "app", "packaging", "tests")
DOCUMENTS = sorted(
    file
    for folder in _FOLDERS
    for file in (ROOT / folder).glob("*.md" if folder == "." else "**/*.md")
)
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)`")
_SUFFIXES = {".c", ".h", ".iss", ".md", ".py", ".spec", ".toml", ".txt"}
_PLACEHOLDER = re.compile(r"\b[A-Z]{2,}\b(?!\.md)|owner/name|/LANGUAGE/|/de/")
_OUTSIDE = {".venv/bin", "application/json", "build/setup", "ggml/src/ggml-quants.c", "gristmill/"}
"""Paths that setup and packaging create, one of ggml's, and a media type."""
_MAX_BYTES = 8_000


def _anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    for place, heading in _LINK.findall(document.read_text("utf-8")):
        file = document.parent / place if place else document
        assert file.exists(), place
        assert not heading or heading in _anchors(file), (place, heading)


def _named_paths(document: Path) -> set[str]:
    """The paths in backticks, except placeholders."""
    return {
        path
        for path in _PATH.findall(document.read_text("utf-8"))
        if ("/" in path or Path(path).suffix in _SUFFIXES)
        and not _PLACEHOLDER.search(path)
        and path not in _OUTSIDE
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_path_in_backticks_exists(document: Path) -> None:
    places = (ROOT, ROOT / "app", ROOT / "app" / "native" / "kernels", document.parent)
    absent = [
        path
        for path in _named_paths(document)
        if not any((place / path).exists() for place in places)
    ]
    assert absent == []


def test_the_map_names_every_package() -> None:
    map_of_rooms = (ROOT / "app" / "README.md").read_text("utf-8").split("```")[1]
    packages = {file.parent for file in (ROOT / "app").rglob("__init__.py")} - {ROOT / "app"}
    names = {folder.name for folder in packages}
    assert {name for name in names if not re.search(rf"\b{name}/", map_of_rooms)} == set()
    named = set(re.findall(r"\b(\w+)/", map_of_rooms))
    assert named - {"app"} - names == set()


def test_the_front_page_is_short() -> None:
    assert (ROOT / "README.md").stat().st_size <= _MAX_BYTES


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_commands_of_make_exist(document: Path) -> None:
    named = re.findall(r"`make (\w+)", document.read_text("utf-8"))
    assert set(named) <= commands.COMMANDS.keys()


@pytest.mark.parametrize(
    "kind",
    [
        ChatRequest,
        ResponseRequest,
        CompletionRequest,
        EmbeddingRequest,
        TokenizeRequest,
        DetokenizeRequest,
    ],
)
def test_the_reference_of_the_server_names_every_field(kind: type[msgspec.Struct]) -> None:
    reference = (ROOT / "app" / "inference" / "server" / "README.md").read_text("utf-8")
    fields = {field.encode_name for field in msgspec.structs.fields(kind)}
    assert not {name for name in fields if not re.search(rf"`{name}[`.:]", reference)}
