"""What a person may type or paste to name a repository."""

from __future__ import annotations

import pytest

from app.core.errors import AppError, ErrorCode
from app.hub.reference import RepositoryReference, parse_reference


@pytest.mark.parametrize(
    ("text", "repository", "revision"),
    [
        ("owner/name", "owner/name", None),
        ("  owner/name \n", "owner/name", None),
        ("owner/name/", "owner/name", None),
        ("owner/name@v1.0", "owner/name", "v1.0"),
        ("owner/name@refs/pr/7", "owner/name", "refs/pr/7"),
        ("<https://huggingface.co/owner/name>", "owner/name", None),
        ('"owner/name"', "owner/name", None),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "HuggingFaceTB/SmolLM2-135M-Instruct", None),
        ("01-ai/Yi_1.5-6B", "01-ai/Yi_1.5-6B", None),
        ("https://huggingface.co/owner/name", "owner/name", None),
        ("https://huggingface.co/owner/name/", "owner/name", None),
        ("http://www.huggingface.co/owner/name?library=gguf#files", "owner/name", None),
        ("https://hf.co/owner/name", "owner/name", None),
        ("huggingface.co/owner/name", "owner/name", None),
        ("hf.co/owner/name/tree/dev", "owner/name", "dev"),
        ("https://huggingface.co/owner/name/tree/main", "owner/name", "main"),
        ("https://huggingface.co/owner/name/tree/refs%2Fpr%2F7", "owner/name", "refs/pr/7"),
        ("https://huggingface.co/owner/name/discussions/3", "owner/name", None),
        ("https://HUGGINGFACE.co/owner/name", "owner/name", None),
    ],
)
def test_names_and_addresses(text: str, repository: str, revision: str | None) -> None:
    assert parse_reference(text) == RepositoryReference(repository, revision)


@pytest.mark.parametrize(
    ("text", "revision", "file"),
    [
        ("https://huggingface.co/owner/name/blob/v1.0/config.json", "v1.0", "config.json"),
        ("huggingface.co/owner/name/raw/main/a%20b.gguf", "main", "a b.gguf"),
        ("https://hf.co/owner/name/resolve/abc/a/b.gguf?download=true", "abc", "a/b.gguf"),
        ("https://huggingface.co/owner/name/tree/main/a", "main", None),
        ("https://huggingface.co/owner/name/blob/main", "main", None),
    ],
)
def test_the_address_of_a_file_names_it(text: str, revision: str, file: str | None) -> None:
    assert parse_reference(text) == RepositoryReference("owner/name", revision, file)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "name",
        "/name",
        "owner/",
        "owner//name",
        "owner/name/extra",
        "owner/name@",
        "owner/name/extra@main",
        "owner@main/name",
        "owner/na me",
        "owner/../name",
        "../name",
        "owner/..",
        "owner/.",
        "owner/na--me",
        "owner/name.git",
        "owner/-name",
        "owner/name-",
        "owner\\name",
        "con/name",
        "owner/nul",
        "owner/näme",
        "owner/" + "n" * 97,
        "owner/name\x00",
        "https://example.com/owner/name",
        "https://huggingface.co.evil.example/owner/name",
        "https://huggingface.co@evil.example/owner/name",
        "https://huggingface.co/owner",
        "https://huggingface.co/datasets/owner/name",
        "https://huggingface.co/spaces/owner/name",
        "https://huggingface.co/docs/transformers",
        "https://huggingface.co/owner/%2e%2e",
        "https://huggingface.co/owner/name/tree/%00",
        "https://[::1/owner/name",
        "file:///owner/name",
        "ftp://huggingface.co/owner/name",
    ],
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(AppError) as caught:
        parse_reference(text)

    assert caught.value.code is ErrorCode.REPOSITORY_NAME
    assert caught.value.details["text"] == text.strip()


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:8090", "https://mirror.example/api/hf/"])
def test_addresses_of_the_mirror_in_use(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)

    reference = parse_reference(f"{endpoint.rstrip('/')}/owner/name/tree/dev")

    assert reference == RepositoryReference("owner/name", "dev")


@pytest.mark.parametrize(
    ("link", "reference"),
    [
        ("gristmill://owner/name", RepositoryReference("owner/name")),
        ("gristmill://Owner/Name.v2/", RepositoryReference("Owner/Name.v2")),
        ("gristmill://owner/name@v1", RepositoryReference("owner/name", "v1")),
    ],
)
def test_links_of_other_programs(link: str, reference: RepositoryReference) -> None:
    assert parse_reference(link) == reference


@pytest.mark.parametrize("link", ["gristmill://owner", "gristmill://../etc/passwd", "gristmill://"])
def test_links_that_name_no_repository(link: str) -> None:
    with pytest.raises(AppError):
        parse_reference(link)
