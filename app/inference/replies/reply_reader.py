"""Parse a model's reply as it streams: reasoning, content, and tool calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

from app.inference.replies import harmony
from app.inference.replies.reasoning import (
    ReasoningSplitter,
    ReasoningTags,
    ReplyPart,
    open_tags,
    tags_of,
)
from app.inference.replies.tool_call_formats import ToolCall, Tools
from app.inference.replies.tool_call_grammar import call_rules, call_syntax_of
from app.inference.replies.tool_calls import ADDRESS, INNER_MARKS, ToolCallSplitter, formats_of
from app.inference.schemas.json_schemas import AnySchema
from app.inference.schemas.lark import json_value, literal, rules_up_to

ReasoningFormat = Literal["auto", "deepseek", "none"]
"""Reasoning separate from the content, or (`none`) within it; the names are llama-server's."""


class ReplyReader(Protocol):
    """Parses one reply."""

    def feed(self, text: str) -> Iterator[ReplyPart]:
        """Take more text, and return the parts that are now final."""

    def finish(self) -> Iterator[ReplyPart | ToolCall]:
        """Return the text that was held back, and the calls."""


class ReplyFormat:
    """The reply format of a model with this template and these control tokens."""

    def __init__(self, template: str, controls: Mapping[str, int] | None = None) -> None:
        self._controls = controls or {}
        self._has_channels = harmony.MARKER in template
        self._tags = tags_of(template)
        self._forms = formats_of(template)
        self._call_form = call_syntax_of(template)
        self._template_tags = [tags for tags in self._tags if tags.end in template]

    def marks(self) -> Iterator[str]:
        """Yield the strings that a parser must see in a reply."""
        if self._has_channels:
            yield from harmony.MARKS
        for pair in self._tags:
            yield from (pair.begin, pair.end)
        for form in self._forms:
            yield from (form.begin, form.end)
        yield from INNER_MARKS

    def shown_tokens(self) -> Iterator[int]:
        """Return the control tokens that occur in these strings."""
        marks = "\0".join(self.marks())
        return (token for text, token in self._controls.items() if text in marks)

    def reader(
        self,
        prompt: str,
        tools: Sequence[Mapping[str, Any]],
        reasoning_format: ReasoningFormat = "deepseek",
    ) -> ReplyReader:
        """Return a reader for the reply to `prompt`."""
        if self._has_channels:
            channel = harmony.HarmonySplitter(has_tools=bool(tools))
            return _Merged(channel) if reasoning_format == "none" else channel
        opened = open_tags(prompt, self._tags)
        thoughts: _Unsplit | ReasoningSplitter = (
            _Unsplit(opened)
            if reasoning_format == "none"
            else ReasoningSplitter(self._tags, opened)
        )
        is_addressed = prompt.endswith(ADDRESS)
        if not tools and not is_addressed:
            return thoughts
        calls = ToolCallSplitter(self._forms, Tools(tools), ADDRESS if is_addressed else "")
        return _Chain(thoughts, calls)

    def call_grammar(
        self, prompt: str, tools: Sequence[Mapping[str, Any]], max_calls: int | None
    ) -> str:
        """Return the grammar of replies that call tools, after reasoning or immediately.

        Raises:
            AppError: `request_invalid` for parameters that can't be converted to a grammar.
        """
        rules = call_rules(self._call_form, tools, max_calls, self._controls)
        return "\n".join(("start: thoughts calls", *self._thought_rules(prompt), *rules))

    def json_grammar(self, prompt: str, schema: AnySchema) -> str:
        """Return the grammar of replies to `prompt` that are JSON, after unconstrained reasoning.

        Raises:
            AppError: `request_invalid` for a schema that is not supported.
        """
        head = literal(harmony.FINAL, self._controls) if self._has_channels else ""
        start = f"start: thoughts {head} {json_value(schema)}"
        return "\n".join((start, *self._thought_rules(prompt)))

    def _thought_rules(self, prompt: str) -> Iterator[str]:
        """Yield rules for `thoughts`, which are required if the prompt has opened them."""
        opened = open_tags(prompt, self._tags)
        if self._has_channels:
            tags = [harmony.REASONING]
        else:
            tags = [opened] if opened else self._template_tags
        ways = [] if opened else ['""']
        for number, pair in enumerate(tags):
            begin = "" if opened else literal(pair.begin, self._controls)
            ways.append(f"{begin} thoughts_{number} SPACE")
            yield from rules_up_to(pair.end, f"thoughts_{number}", self._controls)
        yield "thoughts: " + " | ".join(ways)
        yield r"SPACE: /[ \n]{0,4}/"


class _Unsplit:
    """Leaves reasoning in the content, starting with the tag that the prompt ended with."""

    def __init__(self, opened: ReasoningTags | None) -> None:
        self._first = opened.begin + "\n" if opened else ""

    def feed(self, text: str) -> Iterator[ReplyPart]:
        """Yield all of it."""
        if text:
            first, self._first = self._first, ""
            yield ReplyPart("content", first + text)

    def finish(self) -> Iterator[ReplyPart]:
        """Yield nothing: no text was held back."""
        return iter(())


class _Merged:
    """Merges the reasoning that another reader separates into the content."""

    def __init__(self, reader: ReplyReader) -> None:
        self._reader = reader

    def feed(self, text: str) -> Iterator[ReplyPart]:
        """Return all parts as content."""
        return (ReplyPart("content", part.text) for part in self._reader.feed(text))

    def finish(self) -> Iterator[ReplyPart | ToolCall]:
        """Yield the text that was held back."""
        for part in self._reader.finish():
            yield ReplyPart("content", part.text) if isinstance(part, ReplyPart) else part


class _Chain:
    """Separates reasoning first, then calls in the content."""

    def __init__(self, thoughts: ReplyReader, calls: ToolCallSplitter) -> None:
        self._thoughts = thoughts
        self._calls = calls

    def feed(self, text: str) -> Iterator[ReplyPart]:
        """Take more text, and yield the parts that are now final."""
        for part in self._thoughts.feed(text):
            yield from self._calls.feed(part.text) if part.kind == "content" else [part]

    def finish(self) -> Iterator[ReplyPart | ToolCall]:
        """Yield the text that was held back, and the calls."""
        for part in self._thoughts.finish():
            if isinstance(part, ReplyPart) and part.kind == "content":
                yield from self._calls.feed(part.text)
            else:
                yield part
        yield from self._calls.finish()
