"""Calls of tools, in the forms of the common families, however the reply is cut into pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.inference.replies.reply_reader import ReplyFormat
from app.inference.replies.tool_call_formats import ToolCall
from tests.support.engine.templates import TOOLS, templates
from tests.unit.inference.replies.test_reasoning import cuts

WEATHER = ("get_weather", {"city": "Rīga", "days": 2})
BOTH = [WEATHER, ("get_weather", {"city": "Oslo"})]
Read = tuple[str, str, list[tuple[str, Any]]]


def read(pieces: list[str], template: str, prompt: str = "") -> Read:
    """What is thought, what is said, and the calls."""
    reader = ReplyFormat(template).reader(prompt, TOOLS)
    parts = [part for piece in pieces for part in reader.feed(piece)]
    thought = said = ""
    calls = []
    for part in [*parts, *reader.finish()]:
        if isinstance(part, ToolCall):
            calls.append((part.name, json.loads(part.arguments)))
            assert part.call_id
        elif part.kind == "reasoning":
            thought += part.text
        else:
            said += part.text
    return thought, said, calls


FAMILIES = {
    "Hermes and Qwen": (
        "Qwen-Qwen2.5-7B-Instruct",
        'Let me see.\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rīga", '
        '"days": 2}}\n</tool_call>\n<tool_call>\n{"name": "get_weather", "arguments": '
        '{"city": "Oslo"}}\n</tool_call>',
        ("", "Let me see.", BOTH),
    ),
    "Qwen 3, thinking": (
        "Qwen-Qwen3-0.6B",
        '<think>\nI\'ll <tool_call> it.\n</think>\n\n<tool_call>\n{"name": "get_weather", '
        '"arguments": {"city": "Rīga", "days": 2}}\n</tool_call>',
        ("I'll <tool_call> it.", "", [WEATHER]),
    ),
    "Qwen Coder": (
        "Qwen3-Coder",
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nRīga\n</parameter>\n"
        "<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>",
        ("", "", [WEATHER]),
    ),
    "Seed-OSS": (
        "ByteDance-Seed-OSS",
        "<seed:think>Hm.</seed:think><seed:tool_call>\n<function=get_weather>\n"
        "<parameter=city>Rīga</parameter>\n<parameter=days>2</parameter>\n</function>\n"
        "</seed:tool_call>",
        ("Hm.", "", [WEATHER]),
    ),
    "GLM": (
        "GLM-4.6",
        "\n<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Rīga</arg_value>\n"
        "<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>",
        ("", "", [WEATHER]),
    ),
    "Llama 3": (
        "meta-llama-Llama-3.1-8B-Instruct",
        '{"name": "get_weather", "parameters": {"city": "Rīga", "days": 2}}',
        ("", "", [WEATHER]),
    ),
    "Llama 3, two": (
        "meta-llama-Llama-3.2-3B-Instruct",
        '{"name": "get_weather", "parameters": {"city": "Rīga", "days": 2}}; '
        '{"type": "function", "name": "get_weather", "parameters": {"city": "Oslo"}}',
        ("", "", BOTH),
    ),
    "Llama 3, own tool": (
        "meta-llama-Llama-3.3-70B-Instruct",
        '<|python_tag|>brave_search.call(query="mills")',
        ("", "", [("brave_search", {"query": "mills"})]),
    ),
    "Mistral Nemo": (
        "mistralai-Mistral-Nemo-Instruct-2407",
        '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Rīga", "days": 2}, '
        '"id": "abcdefghi"}, {"name": "get_weather", "arguments": {"city": "Oslo"}}]',
        ("", "", BOTH),
    ),
    "Mistral Small": (
        "Mistral-Small-3.2-24B-Instruct-2506",
        'Well.[TOOL_CALLS]get_weather[CALL_ID]abcdefghi[ARGS]{"city": "Rīga", "days": 2}',
        ("", "Well.", [WEATHER]),
    ),
    "Ministral": (
        "mistralai-Ministral-3-14B-Reasoning-2512",
        '[THINK]Hm.[/THINK][TOOL_CALLS]get_weather[ARGS]{"city": "Rīga", "days": 2}'
        '[TOOL_CALLS]get_weather[ARGS]{"city": "Oslo"}',
        ("Hm.", "", BOTH),
    ),
    "DeepSeek R1": (
        "llama-cpp-deepseek-r1",
        "<think>Hm.</think>Well.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>"
        'get_weather\n```json\n{"city": "Rīga", "days": 2}\n```<｜tool▁call▁end｜>\n'
        "<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n"
        '{"city": "Oslo"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        ("Hm.", "Well.", BOTH),
    ),
    "DeepSeek V3.1": (
        "deepseek-ai-DeepSeek-V3.1",
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>"
        '{"city": "Rīga", "days": 2}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        ("", "", [WEATHER]),
    ),
    "DeepSeek V3.2": (
        "deepseek-ai-DeepSeek-V3.2",
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n'
        '<｜DSML｜parameter name="city" string="true">Rīga</｜DSML｜parameter>\n'
        '<｜DSML｜parameter name="days" string="false">2</｜DSML｜parameter>\n'
        "</｜DSML｜invoke>\n</｜DSML｜function_calls>",
        ("", "", [WEATHER]),
    ),
    "MiniMax M2": (
        "MiniMax-M2",
        '<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Rīga</parameter>'
        '\n<parameter name="days">2</parameter>\n</invoke>\n</minimax:tool_call>',
        ("", "", [WEATHER]),
    ),
    "Kimi K2": (
        "Kimi-K2-Instruct",
        "Well.<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0"
        '<|tool_call_argument_begin|>{"city": "Rīga", "days": 2}<|tool_call_end|>'
        "<|tool_call_begin|>functions.get_weather:1<|tool_call_argument_begin|>"
        '{"city": "Oslo"}<|tool_call_end|><|tool_calls_section_end|>',
        ("", "Well.", BOTH),
    ),
    "Functionary 3.1": (
        "meetkai-functionary-medium-v3.1",
        '<function=get_weather>{"city": "Rīga", "days": 2}</function>',
        ("", "", [WEATHER]),
    ),
    "Functionary 3.2": (
        "meetkai-functionary-medium-v3.2",
        'all\nLet me see.>>>get_weather\n{"city": "Rīga", "days": 2}>>>get_weather\n'
        '{"city": "Oslo"}',
        ("", "Let me see.", BOTH),
    ),
    "Command R7B": (
        "CohereForAI-c4ai-command-r7b-12-2024-tool_use",
        "<|START_THINKING|>Hm.<|END_THINKING|><|START_ACTION|>[\n"
        '    {"tool_call_id": "0", "tool_name": "get_weather", '
        '"parameters": {"city": "Rīga", "days": 2}}\n]<|END_ACTION|>',
        ("Hm.", "", [WEATHER]),
    ),
    "Command R+": (
        "CohereForAI-c4ai-command-r-plus-tool_use",
        'Action: ```json\n[{"tool_name": "get_weather", '
        '"parameters": {"city": "Rīga", "days": 2}}]\n```',
        ("", "", [WEATHER]),
    ),
    "LFM2": (
        "LFM2.5-8B-A1B",
        "<|tool_call_start|>[get_weather(city=\"Rīga\", days=2), get_weather(city='Oslo')]"
        "<|tool_call_end|>",
        ("", "", BOTH),
    ),
    "Nemotron Nano": (
        "NVIDIA-Nemotron-Nano-v2",
        '<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Rīga", "days": 2}}]</TOOLCALL>',
        ("", "", [WEATHER]),
    ),
    "Granite 3.3": (
        "ibm-granite-granite-3.3-2B-Instruct",
        '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Rīga", "days": 2}}]',
        ("", "", [WEATHER]),
    ),
    "Apertus": (
        "Apertus-8B-Instruct",
        '<|inner_prefix|>Hm.<|inner_suffix|><|tools_prefix|>[{"get_weather": '
        '{"city": "Rīga", "days": 2}}]<|tools_suffix|>',
        ("Hm.", "", [WEATHER]),
    ),
    "Apriel": (
        "unsloth-Apriel-1.5",
        '[BEGIN FINAL RESPONSE]\n<tool_calls>[{"name": "get_weather", '
        '"arguments": {"city": "Rīga", "days": 2}}]</tool_calls>',
        ("", "[BEGIN FINAL RESPONSE]", [WEATHER]),
    ),
    "Firefunction": (
        "fireworks-ai-llama-3-firefunction-v2",
        ' functools[{"name": "get_weather", "arguments": {"city": "Rīga", "days": 2}}]',
        ("", "", [WEATHER]),
    ),
    "gpt-oss": (
        "openai-gpt-oss-120b",
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary "
        'to=functions.get_weather <|constrain|>json<|message|>{"city": "Rīga", "days": 2}<|call|>'
        "<|start|>assistant to=functions.get_weather<|channel|>commentary json<|message|>"
        '{"city": "Oslo"}',
        ("Hm.", "", BOTH),
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_calls_of_the_common_families(converter: Path, family: str) -> None:
    name, reply, expected = FAMILIES[family]
    prompt = "…>>>" if family == "Functionary 3.2" else "…"
    for pieces in cuts(reply):
        assert read(pieces, templates(converter)[name], prompt) == expected, pieces


LLAMA = "<|python_tag|>"


@pytest.mark.parametrize(
    ("template", "reply"),
    [
        ("", "No tool is needed: 1 < 2."),
        ("", "See <tool_call> in the manual."),
        ("", "<tool_call>\n{broken\n</tool_call> and so on"),
        ("", "<tool_call>\n"),
        ("", "<tool_cal"),
        (LLAMA, '{"name": "unknown_tool", "parameters": {}}'),
        (LLAMA, '{"answer": 42}'),
        (LLAMA, '[1, 2, 3] is a list, {"a": 1} an object'),
        (LLAMA, "{ not JSON"),
        (LLAMA, "<|python_tag|>import os"),
        ("[TOOL_CALLS]", "[TOOL_CALLS]nothing"),
        ("[TOOL_CALLS]", "[TOO"),
        ("<function=", "<function=f>{broken</function>"),
        ("<|tool_call_start|>List of tools: ", "<|tool_call_start|>[f(1)]<|tool_call_end|>"),
        ("<|tool_call_start|>List of tools: ", "<|tool_call_start|>" + "[" * 500),
        ("", '{"a": ' + "[" * 5000),
    ],
)
def test_what_is_no_call_is_text_and_nothing_is_lost(template: str, reply: str) -> None:
    for pieces in cuts(reply, 6):
        assert read(pieces, template) == ("", reply, []), pieces


def test_what_is_said_goes_on_until_a_call_begins() -> None:
    reader = ReplyFormat("").reader("", TOOLS)
    said = ""
    for index, letter in enumerate("Letmesee" * 10):
        said += "".join(part.text for part in reader.feed(letter))
        assert len(said) == index + 1
    assert [*reader.feed('\n<tool_call>{"name": "get_weather", "arguments": {}}</tool_call>')] == []


def test_without_tools_nothing_is_a_call() -> None:
    reader = ReplyFormat("").reader("", [])
    reply = '<tool_call>{"name": "get_weather", "arguments": {}}</tool_call>'
    (part,) = [*reader.feed(reply), *reader.finish()]
    assert not isinstance(part, ToolCall)
    assert part.text == reply


def test_values_are_read_as_the_tool_wants_them() -> None:
    reply = (
        "<tool_call><function=get_weather><parameter=city>\n12\n</parameter>"
        "<parameter=days>\nmany\n</parameter><parameter=more>\n[1]\n</parameter></function>"
        "</tool_call>"
    )
    (call,) = read([reply], "")[2]
    assert call == ("get_weather", {"city": "12", "days": "many", "more": [1]})


def test_an_identity_of_the_models_own_is_kept() -> None:
    reply = '[TOOL_CALLS][{"name": "f", "arguments": "{}", "id": "abcdefghi"}]'
    reader = ReplyFormat("[TOOL_CALLS]").reader("", TOOLS)
    (call,) = [*reader.feed(reply), *reader.finish()]
    assert isinstance(call, ToolCall)
    assert (call.call_id, call.arguments) == ("abcdefghi", "{}")
