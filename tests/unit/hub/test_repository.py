"""The facts about a repository, asked of a Hub on loopback, and what its refusals mean."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import hf_hub_download

from app.core.errors import AppError, ErrorCode
from app.hub.hub_address import hub_endpoint
from app.hub.reference import RepositoryReference
from app.hub.repository import RepositoryFile, fetch_repository
from tests.support.hub.local_hub import LocalHub

OURS = RepositoryReference("owner/name")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "config.json").write_bytes(b"{}")
    (folder / "model.safetensors").write_bytes(bytes(2000))
    return folder


def refused(reference: RepositoryReference, token: str | None = None) -> AppError:
    with pytest.raises(AppError) as caught:
        fetch_repository(reference, token)
    return caught.value


def test_facts(hub: LocalHub, folder: Path) -> None:
    snapshot = hub.add_repository("owner/name", folder, lfs_above_bytes=1000)

    facts = fetch_repository(OURS, None)

    assert (facts.repository, facts.commit, facts.gated) == ("owner/name", snapshot.commit, False)
    assert facts.files[0] == RepositoryFile(
        "config.json", 2, None, hashlib.sha1(b"blob 2\0{}").hexdigest()
    )
    assert facts.files[1].sha256 == hashlib.sha256(bytes(2000)).hexdigest()
    assert facts.files[1].size_bytes == 2000


def test_a_mirror_that_lists_no_checksums_has_them_elsewhere(hub: LocalHub, folder: Path) -> None:
    hub.add_repository("owner/name", folder, lfs_above_bytes=1000)
    facts = fetch_repository(OURS, None)
    hub.faults.omits_blobs = True

    assert fetch_repository(OURS, None) == facts


def test_an_earlier_commit(hub: LocalHub, folder: Path) -> None:
    first = hub.add_repository("owner/name", folder)
    (folder / "more.json").write_bytes(b"[]")
    second = hub.add_repository("owner/name", folder)

    assert first.commit != second.commit == fetch_repository(OURS, None).commit
    earlier = RepositoryReference("owner/name", first.commit)
    assert len(fetch_repository(earlier, None).files) == 2


def test_gated_repository_shows_its_list(hub: LocalHub, folder: Path) -> None:
    hub.add_repository("owner/name", folder, gated=True)

    assert fetch_repository(OURS, None).gated


@pytest.mark.parametrize("token", [None, "hf_known"])
def test_missing_and_private_repositories(hub: LocalHub, folder: Path, token: str | None) -> None:
    hub.known_tokens.add("hf_known")
    hub.add_repository("owner/private", folder, private=True)

    for name in ("owner/private", "owner/missing"):
        error = refused(RepositoryReference(name), token)
        assert error.code is ErrorCode.REPOSITORY_NOT_FOUND
        assert error.details == {"repository": name}


def test_private_repository_with_its_token(hub: LocalHub, folder: Path) -> None:
    hub.accepted_tokens.add("hf_mine")
    hub.add_repository("owner/name", folder, private=True)

    assert len(fetch_repository(OURS, "hf_mine").files) == 2


def test_token_that_the_hub_does_not_know(hub: LocalHub, folder: Path) -> None:
    hub.add_repository("owner/name", folder)

    assert refused(OURS, "hf_expired").code is ErrorCode.TOKEN_INVALID


def test_missing_revision(hub: LocalHub, folder: Path) -> None:
    hub.add_repository("owner/name", folder)

    error = refused(RepositoryReference("owner/name", "refs/pr/../9"))

    assert error.code is ErrorCode.REVISION_NOT_FOUND
    assert error.details == {"repository": "owner/name", "revision": "refs/pr/../9"}


def test_hub_out_of_order(hub: LocalHub, folder: Path) -> None:
    hub.add_repository("owner/name", folder)
    hub.faults.api_errors = 1

    error = refused(OURS)

    assert error.code is ErrorCode.HUB_ANSWER
    assert error.details == {"reason": "status 503"}


GOOD: dict[str, Any] = {"id": "owner/name", "sha": "0" * 40}


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "<html>",
        "null",
        "[]",
        "{}",
        json.dumps({"id": "owner/name"}),
        json.dumps({**GOOD, "sha": "main"}),
        json.dumps({**GOOD, "sha": "../../etc"}),
        json.dumps({**GOOD, "siblings": 7}),
        json.dumps({**GOOD, "siblings": [{}]}),
        json.dumps({**GOOD, "siblings": [{"rfilename": "a", "size": "9", "blobId": "0" * 40}]}),
        json.dumps({**GOOD, "siblings": [{"rfilename": "a", "size": -1, "blobId": "0" * 40}]}),
        json.dumps({**GOOD, "siblings": [{"rfilename": "a", "size": 1, "blobId": "x"}]}),
        json.dumps({**GOOD, "siblings": [{"rfilename": "a", "size": 1, "lfs": {"size": 1}}]}),
    ],
)
def test_answers_that_make_no_sense(hub: LocalHub, folder: Path, answer: str) -> None:
    hub.add_repository("owner/name", folder)
    hub.faults.garbled_api = answer or " "

    assert refused(OURS).code is ErrorCode.HUB_ANSWER


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://127.0.0.1:1", "no connection"),
        ("http://nowhere.invalid", "no connection"),
        ("htp://127.0.0.1", "not a web address"),
        ("http://[::1", "not a web address"),
    ],
)
def test_no_hub(monkeypatch: pytest.MonkeyPatch, endpoint: str, reason: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)

    error = refused(OURS)

    assert error.code is ErrorCode.HUB_UNREACHABLE
    assert error.details == {"endpoint": endpoint, "reason": reason}


def test_endpoint_is_read_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert hub_endpoint() == "https://huggingface.co"

    monkeypatch.setenv("HF_ENDPOINT", " mirror.example/ ")
    assert hub_endpoint() == "https://mirror.example"


def test_the_hub_on_loopback_serves_the_library_too(
    hub: LocalHub, folder: Path, tmp_path: Path
) -> None:
    hub.add_repository("owner/name", folder, lfs_above_bytes=1000)

    for name in ("config.json", "model.safetensors"):
        path = hf_hub_download(
            "owner/name", name, local_dir=tmp_path / "got", endpoint=hub.endpoint, token=False
        )
        assert Path(path).read_bytes() == (folder / name).read_bytes()
