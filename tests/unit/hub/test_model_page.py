"""The page of a repository, and the obstacles to using its model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import AppError, ErrorCode
from app.core.hub_events import HubFile, HubPage, HubPageFound
from app.core.load_options import LoadOptions
from app.core.sentences import describe_error
from app.hub.host import Host
from app.hub.hub_api import HubApi
from app.hub.model_page import fetch_page
from tests.support.hub.hub_models import CARD, CONFIG, add_model, chat_facts, gguf_facts
from tests.support.hub.local_hub import LocalHub

OpenApi = Callable[..., HubApi]
HOST = Host(LoadOptions(), lambda: None, lambda: frozenset({"LlamaForCausalLM"}))


def page_of(api: HubApi, name: str = "owner/model", revision: str | None = None) -> HubPageFound:
    return fetch_page(HubPage(repository=name, revision=revision), api, HOST, 7).found


def test_a_page(hub: LocalHub, api: HubApi, tmp_path: Path) -> None:
    facts = chat_facts(
        downloads=12,
        likes=3,
        childrenModelCount={"quantized": 41, "finetune": 7},
        cardData={
            "license": "other",
            "license_name": "own-terms",
            "license_link": "LICENSE",
            "base_model": ["owner/base", "not a name"],
        },
    )
    files = {"README.md": CARD, "config.json": json.dumps(CONFIG), "LICENSE": "Terms"}
    snapshot = add_model(
        hub, "owner/model", tmp_path, facts, files=files | {"model.safetensors": "weights"}
    )
    hub.repositories["owner/model"].refs |= {"v1": snapshot.commit, "next": snapshot.commit}

    assert page_of(api) == HubPageFound(
        number=7,
        repository="owner/model",
        commit=snapshot.commit,
        kind="chat",
        card="# A model\n\nIt writes.",
        license="own-terms",
        license_link=f"{hub.endpoint}/owner/model/blob/{snapshot.commit}/LICENSE",
        base_models=("owner/base",),
        quantized_by_others=41,
        formats=("safetensors",),
        files=(
            HubFile("LICENSE", 5),
            HubFile("README.md", len(CARD)),
            HubFile("config.json", len(json.dumps(CONFIG))),
            HubFile("model.safetensors", 7),
        ),
        revisions=("main", "next", "v1"),
        parameters=1_235_814_400,
        architecture="LlamaForCausalLM",
        context=8192,
        downloads=12,
        likes=3,
        updated="2026-01-01",
    )


def test_a_mirror_that_lists_no_sizes_has_them_elsewhere(
    hub: LocalHub, api: HubApi, open_api: OpenApi, tmp_path: Path
) -> None:
    add_model(hub, "owner/model", tmp_path / "served", chat_facts())
    found = page_of(api)
    shutil.rmtree(tmp_path / "answers")
    hub.faults.omits_blobs = True
    assert page_of(open_api()) == found
    assert hub.api_requests("/api/models/owner/model/tree/")


def test_files_of_a_gguf_repository(hub: LocalHub, api: HubApi, tmp_path: Path) -> None:
    files = {"README.md": CARD, "model-Q4_0.gguf": "weights"}
    add_model(hub, "owner/model", tmp_path, gguf_facts(), files=files)
    page = page_of(api)
    assert (page.kind, page.context, page.architecture) == ("chat", 131_072, "llama")
    assert (page.formats, page.obstacle) == (("gguf",), None)


def test_a_revision(hub: LocalHub, api: HubApi, tmp_path: Path) -> None:
    first = add_model(hub, "owner/model", tmp_path)
    hub.repositories["owner/model"].refs["v1"] = first.commit
    add_model(hub, "owner/model", tmp_path, files={"model.safetensors": "others"})
    assert page_of(api, revision="v1").commit == first.commit
    assert page_of(api).commit != first.commit
    with pytest.raises(AppError) as caught:
        page_of(api, revision="v2")
    assert caught.value.code is ErrorCode.REVISION_NOT_FOUND


@pytest.mark.parametrize(
    ("content", "card"),
    [
        ("# Plain", "# Plain"),
        ("---\r\na: 1\r\n---\r\n\r\n# Text\r\n\r\n---\r\nmore", "# Text\r\n\r\n---\r\nmore"),
        ("---\na: 1\n---", ""),
        ("---\nnever closed", "---\nnever closed"),
        ("\ufeff---\na: |\n  --- b\n---\ntext\0", "text"),
        ("", ""),
    ],
)
def test_front_matter_is_left_out(
    hub: LocalHub, api: HubApi, tmp_path: Path, content: str, card: str
) -> None:
    snapshot = add_model(hub, "owner/model", tmp_path)
    (tmp_path / "owner" / "model" / "README.md").write_bytes(content.encode())
    snapshot = hub.add_repository("owner/model", tmp_path / "owner" / "model")
    page = page_of(api)
    assert (page.commit, page.card) == (snapshot.commit, card)


def test_a_huge_card_is_cut(hub: LocalHub, api: HubApi, tmp_path: Path) -> None:
    files = {"README.md": "long " * 500_000, "model.safetensors": "weights"}
    add_model(hub, "owner/model", tmp_path, files=files)
    assert 1_000_000 < len(page_of(api).card) <= 2**20


def test_access_to_a_gated_repository(hub: LocalHub, open_api: OpenApi, tmp_path: Path) -> None:
    add_model(hub, "owner/model", tmp_path, gated=True)
    hub.known_tokens.add("hf_other")
    hub.accepted_tokens.add("hf_accepted")
    assert page_of(open_api()).gated == "no_access"
    assert page_of(open_api("hf_other")).gated == "no_access"
    assert page_of(open_api("hf_accepted")).gated == "gated"


def test_parts_that_fail_leave_the_rest(hub: LocalHub, api: HubApi, tmp_path: Path) -> None:
    add_model(hub, "owner/model", tmp_path)
    hub.faults.server_errors = 2
    page = page_of(api)
    assert (page.card, page.revisions, page.obstacle) == ("", ("main",), None)


@pytest.mark.parametrize("name", ["owner", "../x", "a/b/c/d", ""])
def test_no_name(api: HubApi, name: str) -> None:
    with pytest.raises(AppError) as caught:
        page_of(api, name)
    assert caught.value.code is ErrorCode.REPOSITORY_NAME


WEIGHTS = {"model.safetensors": "weights"}


@pytest.mark.parametrize(
    ("facts", "config", "files", "code", "words"),
    [
        (chat_facts(), CONFIG, WEIGHTS, None, ""),
        (
            chat_facts(pipeline_tag="fill-mask"),
            {"architectures": ["BertForMaskedLM"]},
            WEIGHTS,
            ErrorCode.MODEL_WITHOUT_CHAT,
            "You can't chat with owner/model: it is an encoder, which classifies text or fills "
            "gaps but doesn't write replies. Look for a chat model.",
        ),
        (
            chat_facts(pipeline_tag=None, config=None, tags=["safetensors"]),
            {"architectures": ["DecisionTransformerModel"]},
            WEIGHTS,
            ErrorCode.MODEL_WITHOUT_CHAT,
            "You can't chat with owner/model: it is a model for a purpose other than text.",
        ),
        (
            chat_facts(library_name="diffusers", pipeline_tag="text-to-image"),
            {},
            {"unet/x": "weights"},
            ErrorCode.MODEL_WITHOUT_CHAT,
            "it is a model that generates images or videos",
        ),
        (
            chat_facts(),
            {"architectures": ["BrandNewForCausalLM"]},
            WEIGHTS,
            ErrorCode.ARCHITECTURE_UNSUPPORTED,
            "BrandNewForCausalLM",
        ),
        (
            chat_facts(),
            {"architectures": ["NewVL"], "text_config": {"architectures": ["LlamaForCausalLM"]}},
            WEIGHTS,
            None,
            "",
        ),
        (
            chat_facts(),
            CONFIG | {"quantization_config": {"quant_method": "awq", "bits": 4}},
            WEIGHTS,
            ErrorCode.QUANTIZATION_UNSUPPORTED,
            "awq",
        ),
        (
            chat_facts(),
            CONFIG,
            {"pytorch_model.bin": "x"},
            ErrorCode.PICKLE_WEIGHTS,
            "pytorch_model.bin",
        ),
        (chat_facts(), CONFIG, {}, ErrorCode.REPOSITORY_WITHOUT_WEIGHTS, "contains no weights"),
        (
            chat_facts(),
            None,
            {"adapter_config.json": "{}", "adapter_model.safetensors": "x"},
            ErrorCode.ADAPTER_WITHOUT_OUTLINE,
            "only an adapter",
        ),
    ],
)
def test_obstacles(
    hub: LocalHub,
    api: HubApi,
    tmp_path: Path,
    facts: dict[str, Any],
    config: dict[str, Any] | None,
    files: dict[str, str],
    code: ErrorCode | None,
    words: str,
) -> None:
    flat = {path.replace("/", "-"): content for path, content in files.items()}
    configured = {} if config is None else {"config.json": json.dumps(config)}
    add_model(hub, "owner/model", tmp_path, facts, files=flat | configured)
    page = page_of(api)
    assert page.obstacle == code
    assert code is None or words in describe_error(code, page.details)
