"""llama.cpp's collection of chat templates, and conversations to render with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.inference.prompts.rendering import ChatInput

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather at a place.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "Which city."},
                    "days": {"type": "integer", "description": "How many days."},
                },
                "required": ["city"],
            },
        },
    }
]
USER = {"role": "user", "content": "Hello"}
SYSTEM = {"role": "system", "content": "Be brief & kind."}
ASSISTANT = {"role": "assistant", "content": "Hi <b>there</b>"}
AGAIN = {"role": "user", "content": "Why is 1 < 2, and {this} “so”?\n"}
CALL = {
    "role": "assistant",
    "tool_calls": [
        {
            "id": "abcdefghi",
            "type": "function",
            "function": {"name": "get_weather", "arguments": {"city": "Rīga", "days": 2}},
        }
    ],
}
RESULT = {
    "role": "tool",
    "name": "get_weather",
    "tool_call_id": "abcdefghi",
    "content": '{"sky": "gray"}',
}
THOUGHT = {
    "role": "assistant",
    "content": "Because it is.",
    "reasoning_content": "Count: one, two.",
    "thinking": "Count: one, two.",
}
CONVERSATIONS = {
    "single turn": ChatInput([USER]),
    "system": ChatInput([SYSTEM, USER]),
    "several turns": ChatInput([USER, ASSISTANT, AGAIN]),
    "tools": ChatInput([SYSTEM, USER], TOOLS),
    "calls": ChatInput([USER, CALL, RESULT], TOOLS),
    "answered call": ChatInput([USER, CALL, RESULT, ASSISTANT, AGAIN], TOOLS),
    "reasoning": ChatInput([USER, THOUGHT, AGAIN]),
    "no thinking": ChatInput([USER], options={"enable_thinking": False}),
    "thinking": ChatInput([USER], options={"enable_thinking": True}),
}


def templates(converter: Path) -> dict[str, str]:
    """Return the sources by their names."""
    files = sorted((next(converter.iterdir()) / "models" / "templates").glob("*.jinja"))
    assert len(files) >= 70
    return {path.stem: path.read_text(encoding="utf-8") for path in files}
