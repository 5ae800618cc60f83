"""The verb `search`, as a user runs it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from app.core.errors import ErrorCode
from tests.support.hub.hub_models import add_model, chat_facts, gguf_facts
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import run_verb, sentence_of


@pytest.fixture
def hub(hub: LocalHub, tmp_path: Path) -> LocalHub:
    served = tmp_path / "served"
    add_model(hub, "owner/chat", served, chat_facts(360_000_000, downloads=5))
    add_model(hub, "owner/chat-GGUF", served, gguf_facts(360_000_000, downloads=9))
    add_model(hub, "other/embeddings", served, chat_facts(pipeline_tag="feature-extraction"))
    return hub


def test_a_table(hub: LocalHub) -> None:
    ended = run_verb("search", "chat", "--sort", "downloads")
    assert (ended.status, ended.complaints) == (0, [])
    (first, second) = ended.lines
    assert re.match(r"owner/chat-GGUF +360 M +fits [\w ]+, gguf, mit$", first)
    assert second.endswith(", safetensors, apache-2.0")


def test_json(hub: LocalHub) -> None:
    ended = run_verb("search", "--author", "other", "--json")
    assert ended.status == 0
    (model,) = json.loads("\n".join(ended.lines))["models"]
    assert (model["repository"], model["kind"]) == ("other/embeddings", "embedding")
    assert set(model) == {
        *("repository", "kind", "parameters", "downloads", "likes", "updated", "license"),
        *("languages", "formats", "gated", "best_level", "size_bytes", "fit"),
    }


def test_filters(hub: LocalHub) -> None:
    arguments = ("--task", "text-generation", "--format", "safetensors", "--license", "apache-2.0")
    bounds = ("--min-parameters", "100M", "--max-parameters", "1.5B", "--fits", "--no-gated")
    ended = run_verb("search", *arguments, *bounds, "--language", "en", "--limit", "5")
    assert [line.split()[0] for line in ended.lines] == ["owner/chat"]


def test_one_repository(hub: LocalHub) -> None:
    ended = run_verb("search", "https://huggingface.co/owner/chat")
    assert [line.split()[0] for line in ended.lines] == ["owner/chat"]


def test_nothing(hub: LocalHub) -> None:
    ended = run_verb("search", "unheard of")
    assert (ended.status, ended.lines) == (0, ["The Hub has no such model."])


def test_errors(hub: LocalHub) -> None:
    hub.faults.api_rate_limits, hub.faults.api_rate_limit_seconds = 1, 100
    ended = run_verb("search", "chat")
    assert ended.status == 1
    (complaint,) = ended.complaints
    assert sentence_of(ErrorCode.HUB_BUSY, duration="1 min 40 s").fullmatch(complaint)

    assert run_verb("search", "--min-parameters", "many").status == 2
    assert run_verb("search", "--limit", "0").status == 2
