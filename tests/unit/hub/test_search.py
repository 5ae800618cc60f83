"""Search: the query, results with their fit, and names of repositories."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from huggingface_hub import HfApi

from app.core.errors import AppError, ErrorCode
from app.core.hub_events import HubModelFound, HubSearch
from app.core.load_options import LoadOptions
from app.estimation.hardware import Hardware
from app.hub.host import Host
from app.hub.hub_api import HubApi
from app.hub.search import search
from tests.support.hub.hub_models import add_model, chat_facts, gguf_facts
from tests.support.hub.local_hub import LocalHub

GIGABYTE = 10**9
OF_16_GB = Hardware(4, 8, 16 * GIGABYTE, 12 * GIGABYTE)


def host_with(machine: Hardware | None) -> Host:
    return Host(LoadOptions(), lambda: machine, lambda: None)


HOST = host_with(OF_16_GB)


def found(api: HubApi, **wanted: Any) -> tuple[HubModelFound, ...]:
    return search(HubSearch(**wanted), api, HOST, 7).models


def names(models: tuple[HubModelFound, ...]) -> list[str]:
    return [model.repository for model in models]


def test_a_result(hub: LocalHub, api: HubApi, tmp_path: Path) -> None:
    facts = chat_facts(
        8_030_261_248, downloads=12, likes=3, lastModified="2026-02-03T04:05:06.000Z"
    )
    add_model(hub, "owner/chat-8b", tmp_path, facts)

    assert found(api, text="chat") == (
        HubModelFound(
            number=7,
            repository="owner/chat-8b",
            kind="chat",
            parameters=8_030_261_248,
            downloads=12,
            likes=3,
            updated="2026-02-03",
            license="apache-2.0",
            languages=("en",),
            formats=("safetensors",),
            best_level="Q6_K",
            size_bytes=6_584_814_223,
            fit="on_processor",
        ),
    )


def test_nothing_is_made_up_where_the_hub_knows_little(
    hub: LocalHub, api: HubApi, tmp_path: Path
) -> None:
    add_model(hub, "owner/bare", tmp_path, {"tags": ["gguf"]})
    assert found(api) == (
        HubModelFound(
            number=7,
            repository="owner/bare",
            kind="text",
            updated="2026-01-01",
            formats=("gguf",),
        ),
    )


def test_without_an_engine_there_is_no_fit(hub: LocalHub, api: HubApi, tmp_path: Path) -> None:
    add_model(hub, "owner/model", tmp_path)
    (model,) = search(HubSearch(), api, host_with(None)).models
    assert (model.parameters, model.best_level, model.fit) == (1_235_814_400, "", "")


@pytest.mark.parametrize(
    ("facts", "fit"),
    [
        (chat_facts(pipeline_tag="fill-mask"), ""),
        (chat_facts(pipeline_tag="feature-extraction"), ""),
        (gguf_facts(), "on_processor"),
    ],
)
def test_no_level_is_told_of_what_is_not_converted(
    hub: LocalHub, api: HubApi, tmp_path: Path, facts: dict[str, Any], fit: str
) -> None:
    add_model(hub, "owner/model", tmp_path, facts)
    (model,) = found(api)
    assert model.parameters
    assert (model.best_level, model.size_bytes, model.fit) == ("", 0, fit)


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        ({}, {"sort": "trending_score"}),
        ({"text": "small model"}, {"search": "small model", "sort": "trending_score"}),
        ({"author": "Qwen", "sort": "downloads"}, {"author": "Qwen", "sort": "downloads"}),
        ({"task": "fill-mask", "sort": "likes"}, {"pipeline_tag": "fill-mask", "sort": "likes"}),
        ({"gated": False, "sort": "updated"}, {"gated": False, "sort": "last_modified"}),
        ({"gated": True}, {"gated": True, "sort": "trending_score"}),
        (
            {"format": "gguf", "license": "mit", "language": "de"},
            {"filter": ["gguf", "license:mit", "de"], "sort": "trending_score"},
        ),
        (
            {"quantized_from": "owner/model"},
            {"filter": "base_model:quantized:owner/model", "sort": "trending_score"},
        ),
        (
            {"min_parameters": 6 * GIGABYTE, "max_parameters": 128 * GIGABYTE},
            {"num_parameters": "min:6B,max:128B", "sort": "trending_score"},
        ),
    ],
)
def test_the_query_is_that_of_huggingface_hub(
    hub: LocalHub, api: HubApi, wanted: dict[str, Any], asked: dict[str, Any]
) -> None:
    found(api, **wanted)
    theirs = HfApi(hub.endpoint, token=False)
    expand = parse_qs(urlsplit(hub.requests[0].path).query)["expand"]
    list(theirs.list_models(**asked, limit=30, expand=expand))  # type: ignore[arg-type]

    ours, reference = (parse_qs(urlsplit(request.path).query) for request in hub.requests)
    assert ours == reference


def test_filters(hub: LocalHub, api: HubApi, tmp_path: Path) -> None:
    add_model(hub, "one/chat", tmp_path, chat_facts(downloads=1, likes=9))
    add_model(hub, "one/files-GGUF", tmp_path, gguf_facts(downloads=2))
    add_model(hub, "two/closed", tmp_path, chat_facts(3 * GIGABYTE, downloads=3), gated=True)

    assert names(found(api, sort="downloads")) == ["two/closed", "one/files-GGUF", "one/chat"]
    assert names(found(api, sort="likes"))[0] == "one/chat"
    assert names(found(api, author="two")) == ["two/closed"]
    assert names(found(api, format="gguf")) == ["one/files-GGUF"]
    assert names(found(api, license="mit")) == ["one/files-GGUF"]
    assert names(found(api, gated=True)) == ["two/closed"]
    assert names(found(api, task="text-generation", gated=False)) == ["one/chat"]
    assert names(found(api, min_parameters=2 * GIGABYTE)) == ["two/closed"]
    assert names(found(api, text="GGUF files")) == ["one/files-GGUF"]
    assert len(found(api, limit=2)) == 2


def test_bounds_between_billions(hub: LocalHub, api: HubApi, tmp_path: Path) -> None:
    for millions in (135, 360, 1700):
        add_model(hub, f"owner/model-{millions}", tmp_path, chat_facts(millions * 10**6))

    assert names(found(api, max_parameters=500 * 10**6, limit=1)) == ["owner/model-135"]
    assert names(found(api, min_parameters=200 * 10**6, max_parameters=500 * 10**6)) == [
        "owner/model-360"
    ]


def test_only_what_fits(hub: LocalHub, api: HubApi, tmp_path: Path) -> None:
    add_model(hub, "owner/small", tmp_path, chat_facts(GIGABYTE))
    add_model(hub, "owner/large", tmp_path, chat_facts(30 * GIGABYTE))
    add_model(hub, "owner/huge", tmp_path, chat_facts(405 * GIGABYTE))

    assert names(found(api, fits_only=True)) == ["owner/small"]
    assert {model.repository: model.fit for model in found(api)}["owner/huge"] == "too_large"


@pytest.mark.parametrize(
    "text",
    [
        "owner/model",
        " owner/model ",
        "https://huggingface.co/owner/model",
        "hf.co/owner/model/tree/main",
    ],
)
def test_a_name_or_an_address_finds_that_repository(
    hub: LocalHub, api: HubApi, tmp_path: Path, text: str
) -> None:
    add_model(hub, "owner/model", tmp_path)
    add_model(hub, "owner/model-2", tmp_path)
    assert names(found(api, text=text)) == ["owner/model"]


def test_the_beginning_of_a_name_is_searched_for(
    hub: LocalHub, api: HubApi, tmp_path: Path
) -> None:
    add_model(hub, "owner/model-2", tmp_path)
    assert names(found(api, text="owner/model")) == ["owner/model-2"]


def test_the_address_of_nothing(hub: LocalHub, api: HubApi) -> None:
    with pytest.raises(AppError) as caught:
        found(api, text="https://huggingface.co/owner/none")
    assert caught.value.code is ErrorCode.REPOSITORY_NOT_FOUND


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cardData", {"license": ["x"], "language": False, "base_model": {"a": 1}}),
        ("cardData", "text"),
        ("safetensors", []),
        ("gguf", {"total": "many", "context_length": -5}),
        ("lastModified", "yesterday"),
        ("config", 7),
        ("pipeline_tag", None),
        ("siblings", None),
        ("downloads", None),
        ("likes", 10**30),
    ],
)
def test_odd_fields_do_no_harm(
    hub: LocalHub, api: HubApi, tmp_path: Path, field: str, value: object
) -> None:
    add_model(hub, "owner/odd", tmp_path, chat_facts(**{field: value}))
    add_model(hub, "owner/plain", tmp_path)
    assert "owner/plain" in names(found(api))
    for model in found(api):
        assert msgspec.json.decode(msgspec.json.encode(model), type=HubModelFound) == model


def test_a_name_that_is_none_is_left_out(hub: LocalHub, api: HubApi, tmp_path: Path) -> None:
    add_model(hub, "owner/plain", tmp_path)
    add_model(hub, "owner/odd", tmp_path, chat_facts(id="../../etc/\x1b[31mpasswd"))
    assert names(found(api)) == ["owner/plain"]
