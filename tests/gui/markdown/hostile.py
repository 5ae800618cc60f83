"""Markdown that tries to load something: 200 inputs made of ways to write and places to load."""

from __future__ import annotations

import itertools

_TARGETS = (
    "file:///etc/passwd",
    "file:////server/share/x.png",
    "\\\\\\\\server\\\\share\\\\x.png",
    "//server/share/x.png",
    "http://127.0.0.1:9/x.png",
    "https://127.0.0.1:9/x.png",
    "data:image/png;base64,iVBORw0KGgo=",
    "data:image/svg+xml,<svg/>",
    "qrc:/x.png",
    ":/qt-project.org/styles/commonstyle/images/file-16.png",
    "/dev/zero",
    "/etc/passwd",
    "../../../etc/passwd",
    "ftp://127.0.0.1:9/x",
    "smb://server/share/x.png",
    "{fifo}",
    "file://{fifo}",
    "{picture}",
    "file://{picture}",
    "x.png",
)

_WAYS = (
    "![image]({target})",
    "![image](<{target}> 'title')",
    "![image][ref]\n\n[ref]: <{target}>",
    "[![image]({target})](https://example.org)",
    '<img src="{target}">',
    "<style>@import '{target}';</style>",
    '<link rel="stylesheet" href="{target}">',
    '<body background="{target}"><iframe src="{target}">',
    "- > | ![a]({target}) |\n  > |---|\n  > | ![b]({target}) |",
    "# ![**bold**]({target})\n\n`![no]({target})` ![]({target})",
)


def hostile_inputs(fifo: str, picture: str) -> list[str]:
    """All combinations; `fifo` blocks whoever opens it, `picture` is a red image."""
    return [
        way.replace("{target}", target.replace("{fifo}", fifo).replace("{picture}", picture))
        for way, target in itertools.product(_WAYS, _TARGETS)
    ]
