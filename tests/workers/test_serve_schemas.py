"""Replies by a JSON schema: each that ends by itself is valid, or it is refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import openai
import pytest

from tests.schemas import CASES, Case
from tests.tiny_model import write_tiny_model
from tests.workers.serving import Server, serving

MAKE_ONE: Any = [{"role": "user", "content": "Make one."}]
ENDED = ("stop", "length")
TEMPLATE = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"


@pytest.fixture(scope="module")
def babbling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A model without sense: what it writes is left to chance and to the schema."""
    folder = tmp_path_factory.mktemp("serve")
    model = write_tiny_model(folder / "tiny.gguf", context=2048, template=TEMPLATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_HOME", str(folder / "home"))
        with serving(model, "--context", "2048", "--threads", "1", "--slots", "1") as server:
            yield server


@pytest.fixture(scope="module")
def client(babbling: Server) -> Iterator[openai.OpenAI]:
    url = f"{babbling.ready.url}/v1"
    with openai.OpenAI(base_url=url, api_key=babbling.ready.key, max_retries=0) as client:
        yield client


def written(client: openai.OpenAI, schema: Any, **options: Any) -> tuple[str, str]:
    """A reply by a schema, and how it ended."""
    form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    completion = client.chat.completions.create(
        model="any", messages=MAKE_ONE, response_format=form, **options
    )
    choice = completion.choices[0]
    return choice.message.content or "", choice.finish_reason


def require_valid(schema: Any, text: str) -> None:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    is_old = "additionalItems" in schema if isinstance(schema, dict) else False
    kind = jsonschema.Draft201909Validator if is_old else jsonschema.Draft202012Validator
    kind(schema, format_checker=checker).validate(json.loads(text))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_reply_of_chance_is_valid_or_its_schema_is_refused_by_name(
    client: openai.OpenAI, case: Case
) -> None:
    _, schema, refused_for = case
    if refused_for:
        with pytest.raises(openai.BadRequestError) as raised:
            written(client, schema)
        assert refused_for in raised.value.message
        return
    ends = []
    for seed in range(4):
        text, ended = written(client, schema, temperature=2, seed=seed, max_tokens=300)
        ends.append(ended)
        assert ended in ENDED
        if ended == "stop":
            require_valid(schema, text)
    assert "stop" in ends or case[0] in {"long text", "list of 2,000", "anything", "true"}
