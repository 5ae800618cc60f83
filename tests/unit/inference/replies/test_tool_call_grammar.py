"""Grammars that force a call: each family's own way is allowed, and only calls come out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.core.errors import AppError, ErrorCode
from app.core.load_options import LoadOptions
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest
from app.inference.replies.reply_reader import ReplyFormat
from app.inference.replies.tool_call_formats import ToolCall
from app.inference.sampling.candidates import candidates_of
from app.inference.sampling.constraints import Constraints
from app.inference.schemas.lark import json_grammar, rules_up_to
from app.inference.session.session import Session
from app.inference.tokens.vocabulary import Vocabulary
from tests.support.engine.templates import TOOLS, templates
from tests.support.engine.tiny_model import write_tiny_model
from tests.unit.inference.replies.test_tool_calls import FAMILIES
from tests.unit.inference.session.test_session import HOT, reply
from tests.unit.inference.tokens.test_vocabulary import vocabulary_of

pytestmark = pytest.mark.slow

# The other families write something else than JSON, or more than one thing in one way.
OWN_WORDS = (
    *("Hermes and Qwen", "Qwen 3, thinking", "Llama 3", "Mistral Small", "Ministral"),
    *("DeepSeek R1", "DeepSeek V3.1", "Functionary 3.1", "Command R7B", "Command R+"),
    *("Nemotron Nano", "Granite 3.3", "Apertus", "Firefunction"),
)
CITIES = {"city": {"enum": ["Oslo", "Rīga"]}, "cold": {"type": "boolean"}}
BOUNDED: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": CITIES, "required": ["city"]},
        },
    }
    for name in ("get_weather", "be-quick")
]
NOTHING = [{"type": "function", "function": {"name": "stop"}}]
CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
THINKING = "{{ '<think>' }}{{ '</think>' }}"


@pytest.fixture
def vocabulary(converter: Path) -> Iterator[Vocabulary]:
    path = next(converter.iterdir()) / "models" / "ggml-vocab-llama-bpe.gguf"
    with vocabulary_of(path) as vocabulary:
        yield vocabulary


@pytest.fixture
def constraints(vocabulary: Vocabulary) -> Constraints:
    return Constraints(vocabulary)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    model = write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.gguf", context=2048)
    load_request = LoadRequest(
        read_model(model), LoadOptions(context=2048, threads=1, extra_buffers=False)
    )
    with Session(load_request, lambda _: None) as session:
        yield session


def allowed(constraints: Constraints, grammar: str, text: str) -> tuple[str, bool]:
    """As much of a text as a grammar lets a model write, and whether it may end there."""
    constraint, vocabulary = constraints.make(grammar), constraints.vocabulary
    end = next(token for token in range(vocabulary.size) if vocabulary.is_eog(token))
    written = b""
    for token in vocabulary.tokenize(text, with_control_tokens=False):
        if not constraint.allows(token):
            break
        constraint.accept(token)
        written += vocabulary.piece(token)
    return written.decode("utf-8", "replace"), constraint.allows(end)


@pytest.mark.parametrize("family", OWN_WORDS)
def test_a_model_may_call_in_its_own_words(
    converter: Path, constraints: Constraints, family: str
) -> None:
    name, text, _ = FAMILIES[family]
    for said in ("Let me see.\n", "Well."):
        text = text.replace(said, "")
    grammar = ReplyFormat(templates(converter)[name]).call_grammar("…", TOOLS, None)
    assert allowed(constraints, grammar, text) == (text, True)
    assert allowed(constraints, grammar, "Well. " + text) != ("Well. " + text, True)


def test_gpt_oss_calls_after_its_thoughts(converter: Path, constraints: Constraints) -> None:
    template = templates(converter)["openai-gpt-oss-120b"]
    grammar = ReplyFormat(template).call_grammar("…", TOOLS, None)
    text = FAMILIES["gpt-oss"][1].partition("<|call|>")[0]
    assert allowed(constraints, grammar, text) == (text, True)


@pytest.mark.parametrize("max_calls", [1, None])
def test_whatever_a_model_babbles_becomes_a_call(
    converter: Path, session: Session, max_calls: int | None
) -> None:
    tried, babbling = 0, Constraints(session.vocabulary)
    for name, template in templates(converter).items():
        form = ReplyFormat(template)
        if form._template_tags or form._has_channels:
            # It would never find an end to its thoughts.
            continue
        prompt = "…>>>" if name.startswith("meetkai-functionary-medium-v3.2") else "…"
        grammar = form.call_grammar(prompt, BOUNDED, max_calls)
        constraint = babbling.make(grammar)
        text, statistics = reply(session, "The mill", HOT, 1000, constraint=constraint)
        reader = form.reader(prompt, BOUNDED)
        parts = [*reader.feed(text), *reader.finish()]
        calls = [part for part in parts if isinstance(part, ToolCall)]
        assert parts == calls, (name, text)
        assert statistics.finish_reason == "stop"
        assert len(calls) == 1 or (calls and max_calls is None)
        for call in calls:
            arguments = json.loads(call.arguments)
            assert call.name in ("get_weather", "be-quick")
            assert arguments.pop("city") in CITIES["city"]["enum"]
            assert arguments in ({}, {"cold": True}, {"cold": False})
        tried += 1
    assert tried >= 25


def test_thoughts_that_the_prompt_began_must_end(constraints: Constraints) -> None:
    grammar = ReplyFormat(THINKING).call_grammar("…<think>\n", BOUNDED, 1)
    thoughts = "Hm, <tool_call> or </thin or <</think>\n\n"
    assert allowed(constraints, grammar, thoughts + CALL) == (thoughts + CALL, True)
    assert allowed(constraints, grammar, CALL) == (CALL, False)
    assert not allowed(constraints, grammar, thoughts + "It is cold.")[1]


def test_a_form_is_for_what_is_said_and_not_for_thoughts(constraints: Constraints) -> None:
    schema = {"type": "object", "properties": CITIES, "required": ["city"]}
    said = '{"city": "Oslo"}'
    for prompt, reply_text in (
        ("…", said),
        ("…", "<think>\nHm: {.\n</think>\n\n" + said),
        ("…<think>\n", "Hm: {.\n</think>\n\n" + said),
    ):
        grammar = ReplyFormat(THINKING).json_grammar(prompt, schema)
        assert allowed(constraints, grammar, reply_text) == (reply_text, True)
        assert not allowed(constraints, grammar, reply_text.replace("Oslo", "Rome"))[1]
    channels = ReplyFormat("<|channel|>analysis").json_grammar("…", schema)
    text = "<|channel|>final<|message|>" + said
    assert allowed(constraints, channels, text) == (text, True)


def test_a_tool_without_parameters_is_called_without_arguments(constraints: Constraints) -> None:
    grammar = ReplyFormat("").call_grammar("…", NOTHING, 1)
    text = '<tool_call>\n{"name": "stop", "arguments": {}}\n</tool_call>'
    assert allowed(constraints, grammar, text) == (text, True)
    other = text.replace("{}", '{"a": 1}')
    assert not allowed(constraints, grammar, other)[1]


@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        (
            [{"type": "function", "function": {"name": "a", "parameters": {"type": "wheat"}}}],
            "wheat",
        ),
        (BOUNDED * 2000, "the tools are too large"),
    ],
)
def test_tools_that_no_grammar_can_be_made_of_are_refused(
    constraints: Constraints, tools: Any, reason: str
) -> None:
    with pytest.raises(AppError) as raised:
        constraints.make(ReplyFormat("").call_grammar("…", tools, 1))
    assert raised.value.code is ErrorCode.REQUEST_INVALID
    assert reason in str(raised.value.details["reason"])


def test_any_name_is_called_where_it_can_be_written(constraints: Constraints) -> None:
    odd = [{"type": "function", "function": {"name": 'say “hi” \\ "now"'}}]
    name = json.dumps(odd[0]["function"]["name"], ensure_ascii=False)
    text = f'<tool_call>\n{{"name": {name}, "arguments": {{}}}}\n</tool_call>'
    assert allowed(constraints, ReplyFormat("").call_grammar("…", odd, 1), text) == (text, True)
    with pytest.raises(AppError) as raised:
        ReplyFormat("[TOOL_CALLS][ARGS]").call_grammar("…", odd, 1)
    assert "may have only letters" in str(raised.value.details["reason"])


@pytest.mark.parametrize("mark", ["x", "aab", "abab", "</think>", "]]>", "a-^]b"])
def test_text_goes_up_to_the_first_mark(constraints: Constraints, mark: str) -> None:
    grammar = "\n".join(("start: up", *rules_up_to(mark, "up", {})))
    befores = ("", "b", "ü\n", mark[:1], mark[:-1], mark[:2] * 2)
    texts = [before + after for before in befores for after in ("", mark, mark + "y", mark * 2)]
    for text in texts:
        ends_with_first = mark in text and text.index(mark) + len(mark) == len(text)
        assert (allowed(constraints, grammar, text) == (text, True)) == ends_with_first, text


def test_control_tokens_are_marks_and_never_text(constraints: Constraints) -> None:
    vocabulary = constraints.vocabulary
    controls = vocabulary.control_texts()
    begin, end = (controls[f"<|{name}_header_id|>"] for name in ("start", "end"))
    stop = next(token for token in range(vocabulary.size) if vocabulary.is_eog(token))
    mark = "<|end_header_id|>\n"
    grammar = "\n".join(("start: up /x?/", *rules_up_to(mark, "up", controls)))
    newline, letter = (vocabulary.tokenize_fragment(text)[0] for text in ("\n", "x"))
    constraint = constraints.make(grammar)
    constraint.accept(letter)
    assert [constraint.allows(token) for token in (letter, begin, stop, end)] == [
        *(True, False, False, True)
    ]
    constraint.accept(end)
    assert [constraint.allows(token) for token in (newline, letter, stop)] == [True, False, False]
    constraint.accept(newline)
    assert constraint.allows(stop)
    assert allowed(constraints, grammar, "abc" + mark) == ("abc" + mark, True)
    assert allowed(constraints, grammar, f"abc{mark}abc")[0] != f"abc{mark}abc"
    constraint = constraints.make(json_grammar({"type": "string"}))
    for token in vocabulary.tokenize_fragment('"a'):
        constraint.accept(token)
    assert not any(map(constraint.allows, controls.values()))
    candidates = candidates_of(np.zeros(vocabulary.size, np.float32))
    constraint.restrict(candidates)
    assert not np.isfinite(candidates["logit"][list(controls.values())]).any()
