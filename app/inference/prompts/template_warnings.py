"""Find suspicious code in chat templates, which can turn a model against its user.

A template is part of the file, and sees every message. Poisoned ones wait for a word or a date, and
add instructions or addresses that the chat does not show. Only the parsed template is examined; a
warning is a reason to look closer, not a proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jinja2 import nodes

from app.core.language import tr
from app.inference.prompts.template_flow import Flow

TOPIC = tr("it searches messages for certain words")
ADDRESS = tr("it contains a web address")
DATE = tr("its output depends on the date")
LENGTH = tr("it adds text to long conversations")
ADDITION = tr("it adds its own sentences to messages")
SECRECY = tr("it tells the model to hide something from the user")
INVISIBLE = tr("it contains invisible characters")

_CONTENT_KEYS = ("content", "text")
_PARTS = frozenset(
    {
        *("text", "image", "image_url", "input_image", "video", "video_url", "audio", "audio_url"),
        *("input_audio", "file", "type", "value", "content", "parts", "blocks", "thinking"),
        *("reasoning", "tool_calls", "tool_use", "tool_result", "role", "name", "data"),
        *("null", "none"),
    }
)
"""Names of the parts of a message: comparing with these examines its form, not its content."""
_MARK = re.compile(r"[<>\[\]{}|｜]|^/|think|reason|FINAL_MESSAGE_TAG", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{2,}")
# All lengths are bounded, so that a hostile text can't slow down the search.
_SENTENCE = re.compile(
    r"(?<![\w'’.-])(?:[^\W\d_][\w'’.-]{0,40}[,;:]?\s{1,20}){5}[^\W\d_]{2}"
    r"|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{12}"
)
_GREETING = re.compile(r"\s*You are [\w ,]+ assistant[^.]*\.?\s*$")
_ADDRESS = re.compile(
    r"\b(?:https?|ftp)://|\bwww\.\w|\b[\w-]{1,63}\.(?:com|net|org|io|ru|cn|xyz)/", re.IGNORECASE
)
_SECRECY = re.compile(
    r"\b(?:not(?! tell the user about function calls)|don['’]t|never|without)\s+(?:ever\s+)?"
    r"(?:mention|reveal|tell|disclos\w+|admit|inform\w*|say|let)\w*\s+(?:\w+\s+){0,3}"
    r"(?:user|people|anyone|anybody|person|instruction|rule|this|that|about)"
    r"|\bignore\s+(?:all\s+|any\s+)?(?:previous|prior|earlier)\s|\bsecretly\b|\bcovertly\b",
    re.IGNORECASE,
)
_INVISIBLE = re.compile("[\u200b\u2060-\u2064\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_FEATURES = re.compile(
    r"tool|function|document|citation|schema|format|builtin|code|think|reason|image|media|file|"
    r"ground|search|control|date|system|prompt_style|language"
)
"""Names of features that a client can request: text added for them was requested."""
_WRITING = frozenset({"string", "tojson", "join", "pprint"})
_READING_CALLS = frozenset({"get", "items", "keys", "values", "pop", "append", "update", "format"})
_EQUALITY = frozenset({"eq", "ne", "in", "notin"})
_SELECTING = {"replace": 0, "select": 1, "reject": 1, "selectattr": 2, "rejectattr": 2}


def template_warnings(tree: nodes.Template) -> tuple[str, ...]:
    """Return descriptions of what is suspicious in a template; empty if nothing is."""
    content = Flow(tree, _is_content)
    words = Flow(tree, _is_word)
    today = Flow(tree, _is_date)
    texts = list(map(_text, _all(tree)))
    found = {
        TOPIC: any(_looks_for(node, content, words) for node in _all(tree)),
        ADDRESS: any(map(_ADDRESS.search, texts)),
        DATE: any(_depends_on(node, today) for node in _all(tree)),
        SECRECY: any(map(_SECRECY.search, texts)),
        INVISIBLE: any(map(_INVISIBLE.search, texts)),
    }
    found |= dict.fromkeys(_Additions(tree, content).found, True)
    return tuple(reason for reason, is_found in found.items() if is_found)


def _is_content(node: nodes.Node) -> bool | None:
    match node:
        case nodes.Getattr(attr=key) if key in _CONTENT_KEYS:
            return True
        case nodes.Getitem(arg=nodes.Node() as key) if _constant(key) in _CONTENT_KEYS:
            return True
        case nodes.Call(node=nodes.Getattr(attr="get"), args=[key, *_]):
            return _constant(key) in _CONTENT_KEYS
        case nodes.Filter(name="map", kwargs=[nodes.Keyword(value=key)]):
            return _constant(key) in _CONTENT_KEYS
        case nodes.Filter(name=name, node=nodes.Name(name="messages")) if name in _WRITING:
            return True
    return None


def _is_word(node: nodes.Node) -> bool | None:
    text = _constant(node)
    if not isinstance(text, str):
        return None
    is_name = text.strip().lower() in _PARTS or _MARK.search(text.strip())
    return not is_name and bool(_WORD.search(text))


def _is_date(node: nodes.Node) -> bool | None:
    match node:
        case nodes.Call(node=nodes.Name(name="strftime_now")):
            return True
        case nodes.Name(name="date_string" | "current_date" | "today"):
            return True
    return None


def _looks_for(node: nodes.Node, content: Flow, words: Flow) -> bool:
    """Return whether an expression compares a message's content with a word."""
    match node:
        case nodes.Compare(expr=first, ops=operands):
            sides = [first, *(one.expr for one in operands if one.op in _EQUALITY)]
        case nodes.Test(node=first, args=given):
            sides = [first, *(given or ())]
        case nodes.Filter(name=name, node=nodes.Node() as first, args=given) if name in _SELECTING:
            sides = [first, *given[_SELECTING[name] :]]
            if given and _constant(given[0]) in _CONTENT_KEYS and name.endswith("attr"):
                return any(map(words.reaches, given[2:]))
        case (
            nodes.Getitem(node=first, arg=key)
            | nodes.Call(node=nodes.Getattr(node=first, attr="get"), args=[key, *_])
        ):
            return content.reaches(key) and words.reaches(first)
        case nodes.Call(node=nodes.Getattr(node=first, attr=name), args=given):
            sides = [] if name in _READING_CALLS else [first, *given]
        case _:
            return False
    said = [place for place, side in enumerate(sides) if content.reaches(side)]
    sought = [place for place, side in enumerate(sides) if words.reaches(side)]
    return any(one != other for one in said for other in sought)


def _depends_on(node: nodes.Node, today: Flow) -> bool:
    match node:
        case nodes.Compare(expr=first, ops=operands):
            return any(map(today.reaches, [first, *(one.expr for one in operands)]))
        case nodes.Test(node=first, name=name):
            return name not in {"defined", "undefined", "none", "string"} and today.reaches(first)
        case nodes.Call(node=nodes.Getattr(node=first, attr="startswith" | "endswith")):
            return today.reaches(first)
    return False


class _Additions:
    """Sentences that the template itself adds where only the message belongs."""

    def __init__(self, tree: nodes.Template, content: Flow) -> None:
        self.found: set[str] = set()
        self._content = content
        self._sentences = Flow(tree, _is_sentence)
        self._walk(tree, [])
        self._judge_ending(tree)

    def _walk(self, node: nodes.Node, conditions: list[nodes.Node]) -> None:
        match node:
            case nodes.If(test=test, body=body, elif_=others, else_=otherwise):
                for child in body:
                    self._walk(child, [*conditions, test])
                for child in (*others, *otherwise):
                    self._walk(child, conditions)
                return
            case nodes.Output(nodes=said):
                for part in said:
                    self._judge(part, conditions)
            case nodes.Assign(node=nodes.Add() | nodes.Concat() as value):
                self._judge_sum(value, conditions)
        for child in node.iter_child_nodes():
            self._walk(child, conditions)

    def _judge_ending(self, tree: nodes.Template) -> None:
        """Examine the output after all messages."""
        loops = (isinstance(one, nodes.For) and "messages" in _names(one.iter) for one in tree.body)
        place = max(
            (place for place, is_loop in enumerate(loops) if is_loop), default=len(tree.body)
        )
        endings = [one for one in tree.body[place:] if isinstance(one, nodes.Output)]
        if any(map(self._is_own, (said for one in endings for said in one.nodes))):
            self.found.add(ADDITION)

    def _judge(self, said: nodes.Node, conditions: list[nodes.Node]) -> None:
        if isinstance(said, nodes.Add | nodes.Concat):
            self._judge_sum(said, conditions)
        if not self._is_own(said) or _is_asked_for(conditions):
            return
        if any(_reads_role(test) for test in conditions):
            self.found.add(ADDITION)
        if any(_counts_messages(test) for test in conditions):
            self.found.add(LENGTH)

    def _judge_sum(self, value: nodes.Node, conditions: list[nodes.Node]) -> None:
        parts = list(_summands(value))
        is_added = any(map(self._content.reaches, parts)) and any(map(self._is_own, parts))
        if is_added and not _is_asked_for(conditions):
            self.found.add(ADDITION)

    def _is_own(self, node: nodes.Node) -> bool:
        """Return whether it outputs a sentence that is not part of a message."""
        return self._sentences.reaches(node) and not self._content.reaches(node)


def _summands(node: nodes.Node) -> Iterator[nodes.Node]:
    waiting = [node]
    while waiting:
        match waiting.pop():
            case nodes.Add(left=left, right=right):
                waiting += (left, right)
            case nodes.Concat(nodes=parts):
                waiting += parts
            case part:
                yield part


def _is_sentence(node: nodes.Node) -> bool | None:
    if isinstance(node, nodes.Call) and _names(node.node) == ["raise_exception"]:
        return False
    text = _text(node)
    return bool(_SENTENCE.search(text)) and not _GREETING.match(text) if text else None


def _is_asked_for(conditions: list[nodes.Node]) -> bool:
    names = [name for test in conditions for name in _names(test)]
    return any(map(_FEATURES.search, names))


def _reads_role(test: nodes.Node) -> bool:
    return any(
        _constant(side) in ("user", "assistant")
        for one in _all(test)
        if isinstance(one, nodes.Compare)
        for side in (one.expr, *(operand.expr for operand in one.ops))
    ) or "add_generation_prompt" in _names(test)


def _counts_messages(test: nodes.Node) -> bool:
    return any(
        isinstance(one, nodes.Compare)
        and ("messages" in _names(one) or "loop" in _names(one))
        and (one.find(nodes.Mod) or any(_is_more_than_one(part.expr) for part in one.ops))
        for one in _all(test)
    )


def _is_more_than_one(node: nodes.Node) -> bool:
    number = _constant(node)
    return isinstance(number, int) and number > 1


def _names(node: nodes.Node) -> list[str]:
    """Return every name, attribute, key and string in an expression."""
    names = []
    for one in _all(node):
        match one:
            case nodes.Name(name=name) | nodes.Getattr(attr=name):
                names.append(name)
            case nodes.Const(value=str() as text):
                names.append(text)
    return names


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    yield from node.find_all(nodes.Node)


def _text(node: nodes.Node) -> str:
    text = node.data if isinstance(node, nodes.TemplateData) else _constant(node)
    return text if isinstance(text, str) else ""


def _joined(parts: list[nodes.Expr]) -> str | None:
    texts = []
    for part in parts:
        text = _constant(part)
        if not isinstance(text, str):
            return None
        texts.append(text)
    return "".join(texts)


def _constant(node: object) -> object:
    """Return the value of a constant, or of joined constants; None for other nodes."""
    match node:
        case nodes.Const(value=value):
            return value
        case nodes.Add(left=left, right=right):
            return _joined([left, right])
        case nodes.Concat(nodes=parts):
            return _joined(parts)
    return None
