"""Every text that a person reads goes through `app.core.language.tr`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import app

APP = Path(app.__file__).parent
FEWEST_WORDS = 4
_WORD = re.compile(r"[A-Za-z][A-Za-z'’]+")
_TRANSLATORS = {"tr": 1, "tr_count": 2}
"""Functions that translate, and how many of their first arguments are texts."""
_SEARCHES = {"compile", "search", "match", "fullmatch", "sub", "split", "find", "index"}
_SEARCHES |= {"startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition"}

UNSEEN: dict[str, str | set[str]] = {
    "chat/chat_store.py": {"ChatStore"},
    "chat/database.py": {"MIGRATIONS", "is_sound", "_prepare"},
    "chat/statements.py": "*",
    "core/sqlite_file.py": {"make_durable", "migrate"},
    "estimation/quality.py": {"_TABLE", "_OTHER_MODELS"},
    "inference/prompts/generic_template.py": {"_offered"},
    "inference/replies/reasoning.py": {"_TAGS"},
    "inference/replies/tool_call_grammar.py": {"_HARMONY"},
    "inference/self_test/probe.py": {"run_probe"},
    "inference/server/metrics.py": {"Metrics"},
    "conversion/converter/converter_errors.py": {
        "reporting_tokenizer_errors",
        "reporting_quantization_errors",
    },
    "conversion/converter/patches/model_cards.py": "*",
    "conversion/converter/transformers_choice.py": {"_UNRECOGNIZED", "_SIGNS_OF_ANOTHER_VERSION"},
    "conversion/loadability.py": {"_VOCABULARY_FAULT"},
    "conversion/token_comparison.py": {"_TEXTS", "token_difference"},
    "conversion/type_plan.py": {"_NEEDS_IMPORTANCE"},
    "library/download_queue.py": {"_MIGRATIONS", "DownloadQueue"},
    "library/reply_defaults.py": {"_STARTER"},
    "native/engine_warnings.py": "*",
    "gui/theme/qss_controls.py": "*",
    "gui/theme/qss_views.py": "*",
    "publishing/published_card.py": "*",
    "publishing/hub_uploader.py": {"_REASONED", "HubUploader"},
    "hub/failures.py": {"_INVALID_CREDENTIALS"},
    "jobs/components.py": {"_WRONG_HASH"},
    "jobs/restart.py": {"RestartRequested"},
    "gui/pages/chat/share_address.py": {"_curl_command"},
    "gui/widgets/plain_text.py": {"plain_tool_tip"},
}
"""Texts that nobody reads: all of a module's, or those within the functions, classes and constants
of these names at its top. They are SQL, style sheets, prompts, grammars, citations, or words of
other programs that are looked for."""


def _is_search(node: ast.AST) -> bool:
    if isinstance(node, ast.Compare):
        return True
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in _TRANSLATORS or name in _SEARCHES


def _is_fault(node: ast.AST) -> bool:
    """Whether it raises a fault of the program, which comes with a traceback."""
    if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
        return False
    return getattr(node.exc.func, "id", "") not in {"AppError", ""}


def _texts(node: ast.AST) -> Iterator[tuple[int, str]]:
    """The strings below a node, but for docstrings, translated texts and what is searched for."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if _is_search(node) or _is_fault(node):
        return
    if isinstance(node, ast.JoinedStr):
        parts = (part for part in node.values if isinstance(part, ast.Constant))
        yield node.lineno, "{}".join(str(part.value) for part in parts)
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value
    for child in ast.iter_child_nodes(node):
        yield from _texts(child)


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    return {getattr(node, "name", "")}


def _untranslated() -> Iterator[str]:
    for module in sorted(APP.rglob("*.py")):
        name = module.relative_to(APP).as_posix()
        unseen = UNSEEN.get(name, set())
        for node in ast.parse(module.read_text("utf-8")).body:
            if unseen == "*" or _names(node) & set(unseen):
                continue
            for line, text in _texts(node):
                if " " in text and len(_WORD.findall(text)) >= FEWEST_WORDS:
                    yield f"{name}:{line}: {text[:80]!r}"


def test_only_literals_are_translated() -> None:
    calls = (
        (module, node)
        for module in sorted(APP.rglob("*.py"))
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _TRANSLATORS
    )
    others = [
        f"{module.relative_to(APP).as_posix()}:{call.lineno}"
        for module, call in calls
        for text in call.args[: _TRANSLATORS[getattr(call.func, "id", "")]]
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str))
    ]
    assert others == []


def test_every_text_can_be_translated() -> None:
    assert list(_untranslated()) == []
