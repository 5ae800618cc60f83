"""The answers as clients of OpenAI's API read them."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from app.core.errors import AppError, ErrorCode, NoticeCode
from app.inference.replies.reasoning import ReplyPart
from app.inference.replies.tool_call_formats import ToolCall
from app.inference.server.completions.response import CompletionResponse
from app.inference.server.protocol.bodies import (
    error_body,
    error_response,
    notice_body,
    server_sent_event,
)
from app.inference.server.protocol.reply_state import ReplyState
from app.inference.session.generation import Statistics


def statistics() -> Statistics:
    return Statistics(
        prompt_tokens=10,
        reused_tokens=4,
        reply_tokens=6,
        prompt_seconds=0.5,
        reply_seconds=2.0,
        finish_reason="length",
    )


def test_a_whole_answer_counts_and_times() -> None:
    answer = CompletionResponse("chat", "mill", ReplyState(statistics())).full_response(
        [ReplyPart("content", "flour")]
    )
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "flour"}
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 6,
        "total_tokens": 16,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    assert answer["timings"]["prompt_n"] == 6
    assert answer["timings"]["predicted_per_second"] == 3.0


def test_an_answer_without_tokens_has_no_speed() -> None:
    assert (
        CompletionResponse("text", "mill", ReplyState(Statistics())).full_response([])["timings"][
            "predicted_per_second"
        ]
        == 0
    )


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_a_part_has_the_timings_so_far_if_asked_for(*, is_asked_for: bool) -> None:
    answer = CompletionResponse(
        "chat", "mill", ReplyState(statistics()), reports_timings_per_part=is_asked_for
    )
    chunk = answer.chunk(ReplyPart("content", "a"))
    assert chunk.get("timings", {}).get("predicted_n") == (6 if is_asked_for else None)


def test_one_stream_has_one_identity() -> None:
    answer = CompletionResponse("chat", "mill", ReplyState(statistics()))
    parts = [ReplyPart("content", "a"), ReplyPart("content", "b")]
    chunks = [answer.chunk(parts[0], is_first=True), answer.chunk(parts[1])]
    chunks += [answer.finish_chunk(), answer.usage_chunk()]
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    first, second, last, usage = (chunk["choices"] for chunk in chunks)
    assert first[0]["delta"] == {"role": "assistant", "content": "a"}
    assert second[0]["delta"] == {"content": "b"}
    assert (last[0]["delta"], last[0]["finish_reason"]) == ({}, "length")
    assert usage == []


def test_thoughts_and_calls_have_places_of_their_own() -> None:
    answer = CompletionResponse("chat", "mill", ReplyState(Statistics(finish_reason="stop")))
    answer.state.add(ToolCall("grind", '{"corn": 1}', "abcdefghi"))
    call = {
        "id": "abcdefghi",
        "type": "function",
        "function": {"name": "grind", "arguments": '{"corn": 1}'},
    }
    whole = answer.full_response([ReplyPart("reasoning", "Hm"), ReplyPart("reasoning", ".")])
    assert whole["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "reasoning_content": "Hm.",
        "tool_calls": [call],
    }
    assert whole["choices"][0]["finish_reason"] == "tool_calls"
    assert answer.chunk(ReplyPart("reasoning", "Hm."))["choices"][0]["delta"] == {
        "reasoning_content": "Hm."
    }
    assert answer.tool_calls_chunk()["choices"][0]["delta"] == {"tool_calls": [{"index": 0} | call]}
    assert answer.finish_chunk()["choices"][0]["finish_reason"] == "tool_calls"
    answer.state.statistics.finish_reason = "length"
    assert answer.finish_chunk()["choices"][0]["finish_reason"] == "length"


def test_an_answer_may_be_kept_to_one_call() -> None:
    state = ReplyState(Statistics(), max_calls=1)
    for name in ("grind", "bake"):
        state.add(ToolCall(name, "{}"))
    assert state.calls == [ToolCall("grind", "{}")]


def test_a_notice_is_in_the_whole_answer_and_in_the_first_event() -> None:
    notice = notice_body(NoticeCode.TEMPLATE_FALLBACK, {"reason": "it is nested too deeply"})
    assert notice["code"] == "template_fallback"
    assert "it is nested too deeply" in notice["message"]
    answer = CompletionResponse("chat", "mill", ReplyState(Statistics(), notice))
    assert answer.full_response([])["notice"] == notice
    assert answer.chunk(ReplyPart("content", ""), is_first=True)["notice"] == notice
    assert (
        "notice"
        not in answer.chunk(ReplyPart("content", "a"))
        | answer.finish_chunk()
        | answer.usage_chunk()
    )


@pytest.mark.parametrize(
    "text", ["\u2028", "\u2029", "\x85", "\r\n", "\x0b\x0c\x1c", "\ud800", "🌾"]
)
def test_an_event_is_one_line_for_every_reader(text: str) -> None:
    event = server_sent_event({"text": text})
    line, *rest = event.decode().splitlines()
    assert rest == [""]
    assert json.loads(line.removeprefix("data: ")) == {"text": text}


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (401, "authentication_error"), (500, "server_error")],
)
def test_an_error_says_whose_fault_it_is(status: int, kind: str) -> None:
    error = error_body(HTTPStatus(status), "words")["error"]
    assert error == {"message": "words", "type": kind, "code": None, "param": None}


def test_an_error_can_hold_a_name_that_is_not_utf8() -> None:
    error = AppError(ErrorCode.MODEL_REJECTED, model="\udcff.gguf", reason="x")
    body = json.loads(error_response(HTTPStatus.BAD_REQUEST, "words", error).body)["error"]
    assert (body["code"], body["facts"]) == (error.code.value, error.details)
