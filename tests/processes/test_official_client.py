"""OpenAI's own Python client, as an independent client, against `serve`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openai
import pytest
from pydantic import BaseModel

from tests.processes.serving import Server, serving
from tests.processes.test_serve import send
from tests.processes.test_serve_chat import TEMPLATE
from tests.support.engine.tiny_model import write_tiny_model

CONTEXT = 2048
# Without its token for the end and with room made for more, the model without sense goes on.
ENDLESS = {
    "prompt": "The mill",
    "temperature": 5,
    "top_k": 0,
    "top_p": 1,
    "min_p": 0,
    "logit_bias": {"2": -100},
    "context_overflow": "shift",
}
BRIEFLY: Any = {"role": "system", "content": "Be brief."}
QUESTION: Any = [BRIEFLY, {"role": "user", "content": "What is the capital of France?"}]
RAIN: Any = [BRIEFLY, {"role": "user", "content": "Will it rain in Oslo?"}]
WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather at a place.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"enum": ["Oslo", "Paris"]}, "days": {"enum": [1, 2]}},
        "required": ["city", "days"],
        "additionalProperties": False,
    },
}
TIME: Any = {"name": "get_time", "parameters": {"type": "object", "properties": {}}}
CHAT_TOOLS: Any = [{"type": "function", "function": one} for one in (WEATHER, TIME)]
TOOLS: Any = [{"type": "function", "strict": True, **one} for one in (WEATHER, TIME)]
NAMED: Any = {"type": "function", "function": {"name": "get_weather"}}


class Place(BaseModel):
    """The structure requested by a schema."""

    country: Literal["France", "Norway"]
    capital: Literal["Paris", "Oslo", "Rome"]
    is_large: bool


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("serve")
    model = write_tiny_model(folder / "tiny.gguf", context=CONTEXT, template=TEMPLATE)
    options = ("--context", str(CONTEXT), "--threads", "1", "--slots", "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_HOME", str(folder / "home"))
        with serving(model, *options) as server:
            yield server


@pytest.fixture(scope="module")
def starter_server(
    starter_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_HOME", str(tmp_path_factory.mktemp("home")))
        with serving(starter_file, "--context", "2048", "--threads", "1") as server:
            yield server


def client_of(server: Server) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{server.ready.url}/v1",
        api_key=server.ready.key,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )


@pytest.fixture
def babbler(server: Server) -> Iterator[openai.OpenAI]:
    """A client of a random model."""
    with client_of(server) as client:
        yield client


@pytest.fixture
def client(starter_server: Server) -> Iterator[openai.OpenAI]:
    """A client of the starter model."""
    with client_of(starter_server) as client:
        yield client


def weather_in(arguments: str) -> dict[str, Any]:
    """Return the arguments of a call, which must match the schema."""
    given: dict[str, Any] = json.loads(arguments)
    assert set(given) == {"city", "days"}
    assert given["city"] in ("Oslo", "Paris")
    assert given["days"] in (1, 2)
    return given


# --- Chat and plain completions


def test_the_models_are_listed(babbler: openai.OpenAI) -> None:
    assert [model.id for model in babbler.models.list()] == ["tiny"]


def test_whole_and_streamed_completions_agree_to_the_token(babbler: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Hello"}]
    asked: Any = {"model": "tiny", "messages": messages, "max_completion_tokens": 12}
    whole = babbler.chat.completions.create(**asked, temperature=0)
    assert whole.choices[0].finish_reason == "length"
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 12
    chunks = list(
        babbler.chat.completions.create(
            **asked, temperature=0, stream=True, stream_options={"include_usage": True}
        )
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens
    plain = babbler.completions.create(model="tiny", prompt="Hello", max_tokens=3)
    assert plain.usage is not None
    assert plain.usage.completion_tokens <= 3


@pytest.mark.slow
def test_chat_makes_sense_whole_and_streamed(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(
        model="starter", messages=QUESTION, temperature=0, max_tokens=20
    )
    message = whole.choices[0].message
    assert "Paris" in (message.content or "")
    assert message.tool_calls is None
    stream = client.chat.completions.create(
        model="starter", messages=QUESTION, temperature=0, max_tokens=20, stream=True
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert text == message.content


# --- Tools in chat


@pytest.mark.slow
@pytest.mark.parametrize("choice", [NAMED, "required"])
def test_a_call_that_is_required_comes_and_its_result_is_taken(
    client: openai.OpenAI, choice: Any
) -> None:
    asked: Any = {"model": "starter", "temperature": 0, "max_tokens": 80, "tools": CHAT_TOOLS}
    called = client.chat.completions.create(**asked, messages=RAIN, tool_choice=choice)
    (first,) = called.choices
    assert first.finish_reason == "tool_calls"
    assert not first.message.content
    (call,) = first.message.tool_calls or []
    assert call.type == "function"
    if choice is NAMED or call.function.name == "get_weather":
        assert call.function.name == "get_weather"
        assert weather_in(call.function.arguments)
    else:
        assert (call.function.name, json.loads(call.function.arguments)) == ("get_time", {})
    with client.chat.completions.stream(**asked, messages=RAIN, tool_choice=choice) as stream:
        last = stream.get_final_completion().choices[0]
    (streamed,) = last.message.tool_calls or []
    assert streamed.function.arguments == call.function.arguments
    assert last.finish_reason == "tool_calls"
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    messages: Any = [*RAIN, first.message.to_dict(), result]
    answered = client.chat.completions.create(**asked, messages=messages)
    assert answered.choices[0].message.content


@pytest.mark.slow
def test_several_calls_come_where_they_are_asked_for(client: openai.OpenAI) -> None:
    (choice,) = client.chat.completions.create(
        model="starter",
        messages=QUESTION,
        tools=CHAT_TOOLS,
        tool_choice="required",
        parallel_tool_calls=True,
        temperature=0,
        max_tokens=150,
    ).choices
    calls = choice.message.tool_calls or []
    assert len(calls) > 1
    assert {call.function.name for call in calls if call.type == "function"} <= {
        "get_weather",
        "get_time",
    }


@pytest.mark.slow
def test_a_call_of_the_models_own_will_is_told(client: openai.OpenAI) -> None:
    # What it would write, were it larger: its own continuation is a call.
    call = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
    parrot: Any = [
        *(
            message
            for city in ("Oslo", "Rome", "Riga", "Bern")
            for message in (
                {"role": "user", "content": f"Weather in {city}?"},
                {"role": "assistant", "content": call.replace("Paris", city)},
            )
        ),
        {"role": "user", "content": "Weather in Paris?"},
    ]
    asked: Any = {"model": "starter", "messages": parrot, "tools": CHAT_TOOLS, "max_tokens": 60}
    (called,) = client.chat.completions.create(**asked, temperature=0).choices
    assert called.finish_reason == "tool_calls"
    (tool_call,) = called.message.tool_calls or []
    assert tool_call.type == "function"
    assert json.loads(tool_call.function.arguments) == {"city": "Paris"}
    chunks = list(client.chat.completions.create(**asked, temperature=0, stream=True))
    deltas = [delta for chunk in chunks for delta in chunk.choices[0].delta.tool_calls or []]
    assert [(delta.index, delta.function and delta.function.arguments) for delta in deltas] == [
        (0, tool_call.function.arguments)
    ]
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


# --- JSON of a schema


@pytest.mark.slow
def test_json_of_a_schema_is_parsed_and_true(client: openai.OpenAI) -> None:
    completion = client.chat.completions.parse(
        model="starter", messages=QUESTION, response_format=Place, temperature=0, max_tokens=80
    )
    place = completion.choices[0].message.parsed
    assert place is not None
    assert (place.country, place.capital) == ("France", "Paris")
    response = client.responses.parse(
        model="starter", input=QUESTION, text_format=Place, temperature=0, max_output_tokens=80
    )
    place = response.output_parsed
    assert place is not None
    assert (place.country, place.capital) == ("France", "Paris")


# --- Embeddings


@pytest.mark.slow
def test_embeddings_come_as_numbers_either_way_and_are_near_what_is_alike(
    client: openai.OpenAI,
) -> None:
    texts = [
        "The miller grinds wheat to flour.",
        "Wheat is ground to flour by the miller.",
        "def main(): return 42",
    ]
    found = client.embeddings.create(model="starter", input=texts)
    assert [one.index for one in found.data] == [0, 1, 2]
    wheat, flour, code = (np.array(one.embedding) for one in found.data)
    assert np.linalg.norm(wheat) == pytest.approx(1, abs=1e-5)
    assert wheat @ flour > wheat @ code
    assert found.usage.prompt_tokens == found.usage.total_tokens > 20
    plain = client.embeddings.create(model="starter", input=texts[0], encoding_format="float")
    assert np.allclose(plain.data[0].embedding, wheat, atol=1e-3)


# --- Responses


@pytest.mark.slow
def test_a_response_makes_sense_and_is_complete(client: openai.OpenAI) -> None:
    response = client.responses.create(
        model="starter",
        input="What is the capital of France?",
        instructions="Be brief.",
        temperature=0,
        max_output_tokens=30,
        metadata={"purpose": "test"},
        store=True,
    )
    assert response.output_text == "The capital of France is Paris."
    assert (response.status, response.incomplete_details) == ("completed", None)
    assert (response.instructions, response.metadata) == ("Be brief.", {"purpose": "test"})
    assert response.to_dict()["store"] is False
    usage = response.usage
    assert usage is not None
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens


@pytest.mark.slow
def test_several_turns_read_as_they_do_in_chat(client: openai.OpenAI) -> None:
    asked: Any = {"model": "starter", "temperature": 0}
    items, messages = [*QUESTION], [*QUESTION]
    for question in ("And of Norway?", "Which one is larger?"):
        response = client.responses.create(**asked, input=items, max_output_tokens=20)
        completion = client.chat.completions.create(**asked, messages=messages, max_tokens=20)
        said = completion.choices[0].message.content
        assert response.output_text == said
        following = {"role": "user", "content": question}
        items += [*(item.to_dict() for item in response.output), following]
        messages += [{"role": "assistant", "content": said}, following]
    assert len(items) == len(messages) == 6


@pytest.mark.slow
def test_a_streamed_response_says_the_same(client: openai.OpenAI) -> None:
    asked: Any = {"model": "starter", "input": QUESTION, "temperature": 0}
    whole = client.responses.create(**asked, max_output_tokens=30)
    with client.responses.stream(**asked, max_output_tokens=30) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [e.delta for e in events if e.type == "response.output_text.delta"]
    assert len(deltas) > 1
    assert "".join(deltas) == final.output_text == whole.output_text
    assert final.usage is not None
    assert whole.usage is not None
    assert final.usage.output_tokens == whole.usage.output_tokens


@pytest.mark.slow
@pytest.mark.parametrize("choice", [{"type": "function", "name": "get_weather"}, "required"])
def test_a_response_calls_and_takes_the_result(client: openai.OpenAI, choice: Any) -> None:
    asked: Any = {
        "model": "starter",
        "temperature": 0,
        "max_output_tokens": 80,
        "tools": TOOLS,
    }
    called = client.responses.create(**asked, input=RAIN, tool_choice=choice)
    (call,) = called.output
    assert call.type == "function_call"
    if choice != "required" or call.name == "get_weather":
        assert weather_in(call.arguments)
    with client.responses.stream(**asked, input=RAIN, tool_choice=choice) as stream:
        told = [event for event in stream if event.type == "response.function_call_arguments.done"]
        (streamed,) = stream.get_final_response().output
    assert streamed.type == "function_call"
    assert [event.arguments for event in told] == [streamed.arguments] == [call.arguments]
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    answered = client.responses.create(**asked, input=[*RAIN, call.to_dict(), result])
    assert answered.output_text


def test_a_response_that_is_cut_off_says_so(babbler: openai.OpenAI) -> None:
    asked: Any = {"model": "tiny", "input": "Hello", "max_output_tokens": 12, "temperature": 0}
    response = babbler.responses.create(**asked)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    *_, last = babbler.responses.create(**asked, stream=True)
    assert last.type == "response.incomplete"
    assert last.response.output_text == response.output_text


def test_thoughts_are_items_of_their_own(babbler: openai.OpenAI) -> None:
    asked: Any = {"model": "tiny", "input": "Hello", "max_output_tokens": 12, "temperature": 0}
    asked |= {"extra_body": {"chat_template_kwargs": {"enable_thinking": True}}}
    response = babbler.responses.create(**asked)
    # It babbles and never closes what the template opened.
    (thoughts,) = response.output
    assert thoughts.type == "reasoning"
    assert thoughts.content
    assert response.usage is not None
    assert 0 < response.usage.output_tokens_details.reasoning_tokens <= 12
    events = list(babbler.responses.create(**asked, stream=True))
    deltas = [event.delta for event in events if event.type == "response.reasoning_text.delta"]
    assert "".join(deltas) == thoughts.content[0].text
    back: Any = [thoughts.to_dict(), {"role": "user", "content": "And?"}]
    assert babbler.responses.create(model="tiny", input=back, max_output_tokens=2).usage


def test_probabilities_come_when_asked_for(babbler: openai.OpenAI) -> None:
    response = babbler.responses.create(
        model="tiny",
        input="Hello",
        max_output_tokens=4,
        include=["message.output_text.logprobs"],
        top_logprobs=2,
    )
    (message,) = response.output
    assert message.type == "message"
    (part,) = message.content
    assert part.type == "output_text"
    assert part.logprobs
    assert all(entry.logprob <= 0 and len(entry.top_logprobs) == 2 for entry in part.logprobs)


# --- Errors


def test_a_wrong_key_is_an_authentication_error(babbler: openai.OpenAI) -> None:
    stranger = babbler.with_options(api_key="wrong")
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()
    with pytest.raises(openai.AuthenticationError):
        stranger.responses.create(model="tiny", input="Hello")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"input": "x" * 3000}, "context holds"),
        ({"input": "x" * 3000, "stream": True}, "context holds"),
        ({"input": "Hello", "max_output_tokens": -2}, "max_output_tokens"),
        ({"input": "Hello", "previous_response_id": "resp_1"}, "no state is stored"),
        ({"input": "Hello", "tool_choice": {"type": "web_search"}}, "web_search"),
        ({"input": "Hello", "tool_choice": "required"}, "no “tools”"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "only text"),
    ],
)
def test_what_can_not_be_is_a_bad_request(babbler: openai.OpenAI, fields: Any, reason: str) -> None:
    with pytest.raises(openai.BadRequestError, match=reason) as raised:
        babbler.responses.create(model="tiny", **fields)
    assert raised.value.type == "invalid_request_error"


def test_bad_completions_are_bad_requests(babbler: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Hello"}]
    with pytest.raises(openai.BadRequestError, match="context holds"):
        babbler.completions.create(model="tiny", prompt="x" * 3000)
    with pytest.raises(openai.BadRequestError, match="max_tokens"):
        babbler.completions.create(model="tiny", prompt="x", max_tokens=-2)
    with pytest.raises(openai.BadRequestError, match="“grammar”"):
        babbler.chat.completions.create(
            model="tiny",
            messages=messages,
            tools=CHAT_TOOLS,
            tool_choice="required",
            extra_body={"grammar": 'root ::= "a"'},
        )


def test_what_is_not_there_is_not_found(babbler: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        babbler.responses.retrieve("resp_1")
    with pytest.raises(openai.NotFoundError):
        babbler.models.retrieve("nothing")


def test_a_full_queue_is_a_rate_limit(server: Server, babbler: openai.OpenAI) -> None:
    with ExitStack() as connections, server.client() as watch:
        running = connections.enter_context(send(server, ENDLESS | {"stream": True}))
        assert b"200 OK" in running.recv(4096)
        for _ in range(8):
            connections.enter_context(send(server, ENDLESS))
        while "gristmill:requests_deferred 8" not in watch.get("/metrics").text:
            pass
        with pytest.raises(openai.RateLimitError):
            babbler.responses.create(model="tiny", input="Hello")
        with pytest.raises(openai.RateLimitError):
            babbler.embeddings.create(model="tiny", input="Hello")


def test_several_replies_are_choices_with_their_places(babbler: openai.OpenAI) -> None:
    wish: Any = {"model": "tiny", "messages": QUESTION, "n": 3, "max_tokens": 4, "seed": 7}
    answer = babbler.chat.completions.create(**wish)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    texts = [choice.message.content for choice in answer.choices]
    assert len(set(texts)) > 1
    single = babbler.chat.completions.create(**(wish | {"n": 1}))
    assert single.usage is not None
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == single.usage.prompt_tokens
    told = [""] * 3
    for event in babbler.chat.completions.create(**wish, stream=True):
        for choice in event.choices:
            told[choice.index] += choice.delta.content or ""
    assert told == texts


def test_several_prompts_are_answered_in_turn(babbler: openai.OpenAI) -> None:
    wish: Any = {"model": "tiny", "max_tokens": 3, "temperature": 0}
    first, second = (
        babbler.completions.create(prompt=prompt, **wish) for prompt in ("Once", [5, 6, 7])
    )
    both = babbler.completions.create(prompt=["Once", [5, 6, 7]], n=1, **wish)  # type: ignore[list-item]
    assert [choice.text for choice in both.choices] == [
        first.choices[0].text,
        second.choices[0].text,
    ]
    assert both.usage is not None
    assert first.usage is not None
    assert second.usage is not None
    assert both.usage.total_tokens == first.usage.total_tokens + second.usage.total_tokens
    with pytest.raises(openai.BadRequestError, match="no such token"):
        babbler.completions.create(prompt=[10**6], **wish)


def test_a_reply_goes_on_when_its_end_is_to_be_ignored(babbler: openai.OpenAI) -> None:
    for seed in range(3):
        answer = babbler.completions.create(
            model="tiny",
            prompt="The mill",
            seed=seed,
            temperature=5,
            max_tokens=60,
            extra_body={"ignore_eos": True, "top_k": 0, "min_p": 0, "top_p": 1},
        )
        assert answer.usage is not None
        assert answer.usage.completion_tokens == 60


def test_one_model_is_found_by_its_name(babbler: openai.OpenAI) -> None:
    assert babbler.models.retrieve("tiny").id == "tiny"
    with pytest.raises(openai.NotFoundError) as raised:
        babbler.models.retrieve("other/model")
    assert raised.value.type == "not_found_error"


def test_embeddings_can_be_cut_short(babbler: openai.OpenAI) -> None:
    whole = babbler.embeddings.create(model="tiny", input="corn").data[0].embedding
    short = babbler.embeddings.create(model="tiny", input="corn", dimensions=8).data[0].embedding
    expected = np.array(whole[:8]) / np.linalg.norm(whole[:8])
    assert np.allclose(short, expected, atol=1e-6)
    with pytest.raises(openai.BadRequestError, match="dimensions"):
        babbler.embeddings.create(model="tiny", input="corn", dimensions=10**5)


@pytest.mark.parametrize("kind", ["web_search", "custom", "namespace", "local_shell"])
def test_tools_of_others_are_left_out_and_named(babbler: openai.OpenAI, kind: str) -> None:
    tools: Any = [*TOOLS, {"type": kind, "name": "m"}]
    answer = babbler.responses.create(model="tiny", input="Hi", tools=tools, max_output_tokens=3)
    assert len(answer.tools) == len(TOOLS)
    assert answer.model_extra == {
        **(answer.model_extra or {}),
        "ignored_fields": [f"tools[2] ({kind})"],
    }


def test_fields_that_nobody_knows_are_named(babbler: openai.OpenAI) -> None:
    wish: Any = {"model": "tiny", "messages": QUESTION, "max_tokens": 1}
    answer = babbler.chat.completions.create(**wish, extra_body={"oven": 1})
    assert (answer.model_extra or {})["ignored_fields"] == ["oven"]
    with pytest.raises(openai.BadRequestError, match="samplers` is supported only as"):
        babbler.chat.completions.create(**wish, extra_body={"samplers": ["top_k"]})
