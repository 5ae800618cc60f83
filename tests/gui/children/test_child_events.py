from __future__ import annotations

import ast
from pathlib import Path

import app.gui

GUI = Path(app.gui.__file__).parent
TAKES_EVERYTHING = {"children/watchdog.py"}
"""It only waits for the next event, whatever that is."""


def receivers() -> dict[str, str]:
    sources = {
        path.relative_to(GUI).as_posix(): path.read_text("utf-8") for path in GUI.rglob("*.py")
    }
    return {
        name: source
        for name, source in sources.items()
        if "children.child import Child" in source and ".received.connect(" in source
    }


def test_nobody_ignores_errors_and_notices() -> None:
    found = receivers()
    assert len(found) >= 7
    for name, source in found.items():
        taken = {
            node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)
        }
        assert name in TAKES_EVERYTHING or {"Failed", "NoticeReported"} <= taken, name
