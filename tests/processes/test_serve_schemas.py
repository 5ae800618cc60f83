"""Replies by a JSON schema: each that ends by itself is valid, or it is refused by name."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import openai
import pytest

from tests.processes.serving import Server, serving
from tests.processes.test_official_client import client_of
from tests.support.engine.schemas import CASES, DIGIT, Case, of
from tests.support.engine.tiny_model import write_tiny_model

MAKE_ONE: Any = [{"role": "user", "content": "Make one."}]
ENDED = ("stop", "length")
LONGEST_WAIT_SECONDS = 2
EVERYDAY = (
    *("pydantic Strict", "pydantic Pet", "pydantic Coded", "zod enum", "zod nullable"),
    *("zod array", "zod tuple", "zod union"),
)
LIMITED = of(n={"type": "integer", "minimum": 3, "maximum": 4}, w={"enum": ["a", 'b"']})
TEMPLATE = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"


@pytest.fixture(scope="module")
def babbling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A random model, whose replies depend only on chance and on the schema."""
    folder = tmp_path_factory.mktemp("serve")
    model = write_tiny_model(folder / "tiny.gguf", context=2048, template=TEMPLATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_HOME", str(folder / "home"))
        with serving(model, "--context", "2048", "--threads", "1", "--slots", "1") as server:
            yield server


@pytest.fixture(scope="module")
def client(babbling: Server) -> Iterator[openai.OpenAI]:
    with client_of(babbling) as client:
        yield client


@pytest.fixture
def starter(
    starter_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[openai.OpenAI]:
    """A client of the starter model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_HOME", str(tmp_path_factory.mktemp("home")))
        with (
            serving(starter_file, "--context", "2048", "--slots", "1") as server,
            client_of(server) as client,
        ):
            yield client


def tool(parameters: Any) -> Any:
    return {"type": "function", "function": {"name": "make", "parameters": parameters}}


def written(client: openai.OpenAI, schema: Any, **options: Any) -> tuple[str, str]:
    """Return a reply that follows a schema, and its finish reason."""
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


def test_every_route_keeps_the_limits(babbling: Server, client: openai.OpenAI) -> None:
    form: Any = {"type": "json_schema", "name": "x", "schema": LIMITED}
    response = client.responses.create(
        model="any", input="Make one.", text={"format": form}, temperature=2, max_output_tokens=99
    )
    require_valid(LIMITED, response.output_text)
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": LIMITED}}
    answer = babbling.complete("Make one.", response_format=form, temperature=2, max_tokens=99)
    require_valid(LIMITED, answer["choices"][0]["text"])
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_a_schema_goes_with_biases_penalties_and_probabilities(client: openai.OpenAI) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": LIMITED}}
    for seed in range(4):
        completion = client.chat.completions.create(
            model="any",
            messages=MAKE_ONE,
            response_format=form,
            temperature=1,
            seed=seed,
            max_tokens=99,
            logprobs=True,
            top_logprobs=2,
            # The token that ends a reply, and one that is no JSON.
            logit_bias={"2": 100, "70": 90},
            frequency_penalty=1.5,
            extra_body={"dry_multiplier": 0.8, "repeat_penalty": 1.3},
        )
        choice = completion.choices[0]
        require_valid(LIMITED, choice.message.content or "")
        assert choice.logprobs
        told = choice.logprobs.content or []
        assert "".join(one.token for one in told) == choice.message.content


def test_tools_are_held_to_their_schemas_when_a_call_is_required(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(
        model="any",
        messages=MAKE_ONE,
        tools=[tool(LIMITED)],
        tool_choice="required",
        temperature=2,
        max_tokens=200,
    )
    (call,) = completion.choices[0].message.tool_calls or ()
    assert call.type == "function"
    require_valid(LIMITED, call.function.arguments)
    unique = {"type": "array", "uniqueItems": True}
    with pytest.raises(openai.BadRequestError, match="uniqueItems is not supported"):
        client.chat.completions.create(
            model="any", messages=MAKE_ONE, tools=[tool(unique)], tool_choice="required"
        )
    # What the model does by its own choice is held to no schema.
    client.chat.completions.create(
        model="any", messages=MAKE_ONE, tools=[tool(unique)], max_tokens=4
    )


def test_a_schema_that_no_text_can_follow_is_said_to_be_one(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="no text satisfies"):
        written(client, {"$ref": "#"})


def test_large_schemas_hold_up_nobody(babbling: Server, client: openai.OpenAI) -> None:
    names = [f"p{n}" for n in range(5000)]
    large = of(**dict.fromkeys(names, DIGIT))
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(written, client, large, max_tokens=2) for _ in range(6)]
        with babbling.client() as bystander:
            while not all(one.done() for one in asked):
                began = time.monotonic()
                assert bystander.get("/health").status_code == 200
                assert time.monotonic() - began < LONGEST_WAIT_SECONDS
    assert {one.result()[1] for one in asked} == {"length"}


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0, 1])
def test_a_real_model_keeps_to_everyday_schemas(starter: openai.OpenAI, temperature: int) -> None:
    ended = 0
    for name, schema, refused_for in CASES:
        if name in EVERYDAY:
            assert refused_for is None
            text, end = written(starter, schema, temperature=temperature, seed=1, max_tokens=48)
            if end == "stop":
                require_valid(schema, text)
                ended += 1
    assert ended >= len(EVERYDAY) - 1
