"""Answers of `/v1/responses`, held against the official client's own types."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import chain
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from app.inference.replies.reasoning import ReplyPart
from app.inference.replies.tool_call_formats import ToolCall
from app.inference.sampling.parameters import SamplingParameters
from app.inference.server.protocol.generation_request import decode_request
from app.inference.server.protocol.reply_state import ReplyState
from app.inference.server.responses.output import ResponsesOutput
from app.inference.server.responses.request import ResponseRequest
from app.inference.session.generation import Statistics, TokenProbability

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
PARTS = [
    ReplyPart("reasoning", "Hm"),
    ReplyPart("reasoning", "."),
    ReplyPart("content", "It "),
    ReplyPart("content", "is."),
]


def answer(*calls: ToolCall, **figures: Any) -> ResponsesOutput:
    request = decode_request(b'{"input": "Hello"}', ResponseRequest)
    statistics = Statistics(prompt_tokens=10, reused_tokens=4, reply_tokens=6, **figures)
    state = ReplyState(statistics, calls=list(calls), reasoning_tokens=2)
    return ResponsesOutput("mill", state, request.echo(SamplingParameters()))


def events(sent: Iterable[bytes]) -> list[dict[str, Any]]:
    """The events of a stream, each of them one that the client knows."""
    found = []
    for one in sent:
        name, data, *rest = one.decode().split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert (name, rest) == (f"event: {event['type']}", ["", ""])
        assert EVENT.validate_python(event).type == event["type"]
        found.append(event)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def streamed(answer: ResponsesOutput, parts: list[ReplyPart]) -> list[dict[str, Any]]:
    first, *others = parts
    more = chain.from_iterable(answer.delta(part) for part in others)
    return events(chain(answer.start(first), more, answer.finish()))


def without_identities(value: Any) -> Any:
    if isinstance(value, list):
        return [without_identities(item) for item in value]
    if not isinstance(value, dict):
        return value
    changing = ("id", "completed_at", "created_at")
    return {name: without_identities(v) for name, v in value.items() if name not in changing}


def test_a_whole_answer_has_its_items_in_order_and_counts() -> None:
    body = answer(ToolCall("grind", '{"corn": 1}', "abcdefghi")).full_response(PARTS)
    response = Response.model_validate(body)
    assert [item.type for item in response.output] == ["reasoning", "message", "function_call"]
    assert response.output_text == "It is."
    thoughts, message, call = body["output"]
    assert thoughts["content"] == [{"type": "reasoning_text", "text": "Hm."}]
    assert (message["role"], message["status"]) == ("assistant", "completed")
    assert (call["call_id"], call["name"]) == ("abcdefghi", "grind")
    assert call["arguments"] == '{"corn": 1}'
    assert (response.status, response.error, response.incomplete_details) == (
        "completed",
        None,
        None,
    )
    assert body["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 16,
    }
    assert body["timings"]["prompt_n"] == 6


def test_a_stream_tells_each_item_from_its_beginning_to_its_end() -> None:
    told = streamed(answer(ToolCall("grind", "{}")), PARTS)
    text = ["content_part.added", "{}.delta", "{}.delta", "{}.done", "content_part.done"]
    call = ["function_call_arguments.delta", "function_call_arguments.done"]
    expected = ["created", "in_progress"]
    for inner in (
        [t.format("reasoning_text") for t in text],
        [t.format("output_text") for t in text],
        call,
    ):
        expected += ["output_item.added", *inner, "output_item.done"]
    assert [event["type"].removeprefix("response.") for event in told] == [*expected, "completed"]
    indexes = [event["output_index"] for event in told if "output_index" in event]
    assert indexes == [0] * 7 + [1] * 7 + [2] * 4
    final = told[-1]["response"]
    assert [e["item"] for e in told if e["type"] == "response.output_item.done"] == final["output"]
    assert [e["response"]["output"] for e in told[:2]] == [[], []]


@pytest.mark.parametrize("reason", ["stop", "length"])
@pytest.mark.parametrize("parts", [PARTS, PARTS[:2], PARTS[2:], [ReplyPart("content", "")]])
def test_a_stream_ends_with_what_a_whole_answer_says(reason: str, parts: list[ReplyPart]) -> None:
    *_, last = streamed(answer(finish_reason=reason), parts)
    whole = answer(finish_reason=reason).full_response(parts)
    assert without_identities(last["response"]) == without_identities(whole)


def test_a_reply_that_was_cut_off_is_incomplete() -> None:
    *_, last = streamed(answer(finish_reason="length"), PARTS)
    assert last["type"] == "response.incomplete"
    response = last["response"]
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert [item["status"] for item in response["output"]] == ["completed", "incomplete"]


def test_an_empty_reply_is_an_empty_message() -> None:
    (message,) = answer().full_response([])["output"]
    assert message["content"] == [
        {"type": "output_text", "text": "", "logprobs": [], "annotations": []}
    ]


def test_an_error_on_the_way_ends_the_stream_in_words() -> None:
    broken = answer()
    sent = [*broken.start(PARTS[0]), *broken.error({"error": {"message": "It broke."}})]
    last = events(sent)[-1]
    assert last["type"] == "response.failed"
    assert last["response"]["error"] == {"code": "server_error", "message": "It broke."}
    assert last["response"]["status"] == "failed"


def test_probabilities_go_with_what_is_said() -> None:
    output = answer()
    output.state.pending = [TokenProbability(1, b"Hm", -0.25)]
    thought = events(output.start(PARTS[0]))[-1]
    output.state.pending = [TokenProbability(2, b"It ", -0.5, ((3, b"So", -1.0),))]
    (*_, said) = [json.loads(one.split(b"data: ")[1]) for one in output.delta(PARTS[2])]
    assert "logprobs" not in thought
    (entry,) = said["logprobs"]
    assert (entry["token"], entry["logprob"]) == ("It ", -0.5)
    assert [other["token"] for other in entry["top_logprobs"]] == ["So"]
    assert output.full_response([])["output"][1]["content"][0]["logprobs"] == [entry]


def test_a_notice_is_told_from_the_beginning() -> None:
    noticed = answer()
    noticed.state.notice = {"code": "template_fallback"}
    assert {
        event["response"]["notice"]["code"]
        for event in streamed(noticed, PARTS)
        if "response" in event
    } == {"template_fallback"}
    assert answer(repeats=True).full_response(PARTS)["notice"]["code"] == "reply_repeats"
