"""Chat completions of `serve`: templates, thoughts, tools, and what a hostile file can do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.core.errors import NoticeCode
from app.core.events import NoticeReported
from tests.processes.serving import Server, serving
from tests.support.engine.templates import CALL, RESULT, TOOLS
from tests.support.engine.tiny_model import write_tiny_model

CHAT = "/v1/chat/completions"
CONTEXT = 2048
TEMPLATE = (
    "{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}<{{ m.role }}>"
    "{{ m.content }}{% for c in m.tool_calls %}{{ c.function.arguments | tojson }}{% endfor %}"
    "{% endfor %}<assistant>{% if enable_thinking %}<think>{% endif %}"
)
HELLO = [{"role": "user", "content": "Hello"}]
LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("serve")
    model = write_tiny_model(folder / "tiny.gguf", context=CONTEXT, template=TEMPLATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_HOME", str(folder / "home"))
        with serving(model, "--context", str(CONTEXT), "--threads", "1") as server:
            yield server


def asked(server: Server, messages: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    body = {"messages": messages, "max_tokens": 12, "temperature": 0} | options
    response = server.post(CHAT, body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def fallbacks(server: Server) -> list[str]:
    """Return the notices about templates."""
    return [
        str(event.details["reason"])
        for event in server.child.events
        if isinstance(event, NoticeReported) and event.code is NoticeCode.TEMPLATE_FALLBACK
    ]


def said(server: Server, prompt: str) -> str:
    text: str = server.complete(prompt, max_tokens=12, temperature=0)["choices"][0]["text"]
    return text


def test_tools_and_calls_reach_the_template(server: Server) -> None:
    call = dict(CALL["tool_calls"][0])
    call["function"] = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    messages = [*HELLO, {"role": "assistant", "content": None, "tool_calls": [call]}, RESULT]
    tools = json.dumps(TOOLS, ensure_ascii=False)
    prompt = f'{tools}<user>Hello<assistant>{{"city": "Oslo"}}<tool>{RESULT["content"]}<assistant>'
    answer = asked(server, messages, tools=TOOLS)
    assert answer["choices"][0]["message"]["content"] == said(server, prompt)
    assert (
        answer["usage"]["prompt_tokens"]
        == (server.complete(prompt, max_tokens=1)["usage"]["prompt_tokens"])
    )
    without = asked(server, HELLO, tools=TOOLS, tool_choice="none")
    assert without["choices"][0]["message"]["content"] == said(server, "<user>Hello<assistant>")
    assert "notice" not in answer


@pytest.mark.parametrize("stream", [False, True])
def test_thoughts_are_apart_or_within(server: Server, stream: bool) -> None:
    body = {"messages": HELLO, "max_tokens": 12, "temperature": 0}
    body |= {"chat_template_kwargs": {"enable_thinking": True}}
    expected = said(server, "<user>Hello<assistant><think>")

    def read(**options: Any) -> tuple[str, str]:
        if not stream:
            message = server.post(CHAT, body | options).json()["choices"][0]["message"]
            return message.get("reasoning_content", ""), message["content"]
        deltas = [e["choices"][0]["delta"] for e in server.stream(CHAT, body | options)]
        return tuple(
            "".join(delta.get(name, "") for delta in deltas)
            for name in ("reasoning_content", "content")
        )

    # It babbles and never closes what the template opened.
    assert read() == (expected.strip(), "")
    assert read(reasoning_format="none") == ("", "<think>\n" + expected)


def test_what_a_person_writes_never_becomes_a_control_token(server: Server) -> None:
    # In a template's own text each of them is one token, and here it is four letters.
    counts = [
        asked(server, [{"role": "user", "content": text}])["usage"]["prompt_tokens"]
        for text in ("</s>" * 9, "abcd" * 9)
    ]
    prompt = "<user>" + "</s>" * 9 + "<assistant>"
    recognized = server.complete(prompt, max_tokens=1)["usage"]["prompt_tokens"]
    assert counts[0] == counts[1] > recognized + 9


def test_a_fault_that_one_conversation_meets_is_said_there_and_once_to_the_window(
    tmp_path: Path,
) -> None:
    template = "{% if messages | length == 4 %}" + LOOP + "{% endif %}{{ messages[0].content }}"
    model = write_tiny_model(tmp_path / "tiny.gguf", context=CONTEXT, template=template)
    with serving(model, "--threads", "1") as server:
        assert "notice" not in asked(server, HELLO)
        conversation = [*HELLO, {"role": "assistant", "content": "Hi"}] * 2
        for _ in range(2):
            notice = asked(server, conversation)["notice"]
            assert notice["code"] == "template_fallback"
            assert notice["facts"] == {"reason": "it takes longer than 2 seconds"}
            assert "it takes longer than 2 seconds" in notice["message"]
        first, *others = server.stream(CHAT, {"messages": conversation, "max_tokens": 3})
        assert first["notice"] == notice
        assert not any("notice" in event for event in others)
        assert "notice" not in asked(server, HELLO)
        server.child.process.kill()
        server.child.end()
    assert fallbacks(server) == [notice["facts"]["reason"]]


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (LOOP, "it takes longer than 2 seconds"),
        ("{{ 'a' * 10 ** 9 }}", "it needs too much memory"),
        ("{% for %}", "Expected an expression"),
        ("{{ ''.__class__.__mro__ }}", "'__class__'"),
    ],
)
def test_with_any_template_the_model_stays_usable(
    tmp_path: Path, template: str, reason: str
) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=CONTEXT, template=template)
    with serving(model, "--threads", "1") as server:
        (noticed,) = fallbacks(server)
        assert reason in noticed
        assert reason in asked(server, HELLO)["notice"]["facts"]["reason"]


def test_the_child_that_renders_goes_with_the_engine(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=CONTEXT, template=TEMPLATE)
    with serving(model, "--threads", "1") as server:
        (renderer,) = psutil.Process(server.child.process.pid).children()
        assert asked(server, HELLO)
        server.child.process.kill()
        assert psutil.wait_procs([renderer], timeout=30)[1] == []
