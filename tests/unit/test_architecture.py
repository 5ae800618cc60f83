"""Rules of the project that no linter knows: sizes, names, and details of errors."""

from __future__ import annotations

import ast
import string
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import app
from app.core.errors import ErrorCode, NoticeCode
from app.core.notices import NOTICE_SENTENCES
from app.core.sentences import ERROR_SENTENCES

APP = Path(app.__file__).parent
MODULES = sorted(APP.rglob("*.py"))
MOST_LINES = 400
SAME_THING = {"__init__", "page"}
"""Names that mean the same in every package that has them; a verb has the name of its work, too."""


def _parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text("utf-8"))


def _name(module: Path) -> str:
    return module.relative_to(APP).as_posix()


def test_a_module_is_read_in_one_sitting() -> None:
    lines = {_name(module): len(module.read_text("utf-8").splitlines()) for module in MODULES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_no_two_modules_have_one_name() -> None:
    named = defaultdict(list)
    for module in MODULES:
        if module.parent != APP / "cli" and module.stem not in SAME_THING:
            named[module.stem].append(_name(module))
    assert [places for places in named.values() if len(places) > 1] == []


def test_no_two_public_classes_have_one_name() -> None:
    named = defaultdict(list)
    for module in MODULES:
        for node in _parsed(module).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                named[node.name].append(_name(module))
    assert {name: places for name, places in named.items() if len(places) > 1} == {}


def _fields(*templates: str) -> set[str]:
    parts = (part for text in templates for part in string.Formatter().parse(text))
    return {name for _, name, _, _ in parts if name is not None}


def _code_of(node: ast.expr) -> ErrorCode | NoticeCode | None:
    """The code that an expression like `ErrorCode.DISK_FULL` is."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return None
    codes = {"ErrorCode": ErrorCode, "NoticeCode": NoticeCode}.get(node.value.id)
    return codes[node.attr] if codes else None


def _keys_of(node: ast.expr, function: ast.AST) -> set[str] | None:
    """The keys of a dict that stands here or was assigned to this name; None when unknown."""
    if isinstance(node, ast.Name):
        assigned = [
            each.value
            for each in ast.walk(function)
            if isinstance(each, ast.Assign | ast.AnnAssign)
            and each.value is not None
            and each.lineno < node.lineno
            and node.id in _targets(each)
        ]
        return _keys_of(max(assigned, key=lambda at: at.lineno), function) if assigned else None
    if not isinstance(node, ast.Dict):
        return None
    found: set[str] = set()
    for key, value in zip(node.keys, node.values, strict=True):
        inner = _keys_of(value, function) if key is None else {ast.literal_eval(key)}
        if inner is None:
            return None
        found |= inner
    return found


def _targets(assignment: ast.Assign | ast.AnnAssign) -> set[str]:
    ends = assignment.targets if isinstance(assignment, ast.Assign) else [assignment.target]
    return {end.id for end in ends if isinstance(end, ast.Name)}


def _details(call: ast.Call, function: ast.AST) -> set[str] | None:
    """The details that a call passes on, None where they can't be told from the code alone."""
    named = {keyword.arg for keyword in call.keywords}
    given = [_keys_of(argument, function) for argument in call.args[1:2]]
    if None in named or None in given:
        return None
    return {name for name in named if name}.union(*(keys for keys in given if keys))


def _reported() -> Iterator[tuple[str, ErrorCode | NoticeCode, set[str]]]:
    for module in MODULES:
        functions = [
            node
            for node in ast.walk(_parsed(module))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        for function in functions:
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                maker = call.func.id if isinstance(call.func, ast.Name) else ""
                if maker not in {"AppError", "NoticeReported", "notice_body"} or not call.args:
                    continue
                code, details = _code_of(call.args[0]), _details(call, function)
                if code is not None and details is not None:
                    yield f"{_name(module)}:{call.lineno}", code, details


def test_every_error_and_notice_brings_the_details_of_its_sentence() -> None:
    reported = list(_reported())
    assert len(reported) > len(ErrorCode)
    for place, code, details in reported:
        sentences = (
            ERROR_SENTENCES[code] if isinstance(code, ErrorCode) else (NOTICE_SENTENCES[code],)
        )
        assert details >= _fields(*sentences), f"{place}: {code}"
