"""Texts are translated, then filled; tables of texts are translated where they are written."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

from app.core.language import tr, tr_count

_TRANSLATED = {
    "Port {port} on this machine is used by another program.": "El puerto {port} está ocupado.",
    "You": "Tú",
    "1 level\0{count} levels": "1 nivel\0{count} niveles",
}
_HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=n != 1;\n"
_CHILD = """
import sys
from pathlib import Path

from app.core import language

language.resource = lambda *_: Path(sys.argv[1])

from app.chat.export import _SPEAKERS
from app.core.errors import ErrorCode
from app.core.sentences import describe_error

counted = [language.tr_count("1 level", "{count} levels", count) for count in (1, 1200)]
print(*counted)
print(describe_error(ErrorCode.PORT_IN_USE, {"port": 8080}))
print(_SPEAKERS["user"], _SPEAKERS["assistant"])
"""


def _write_catalog(folder: Path, texts: dict[str, str]) -> None:
    """Write texts as msgfmt does (the layout is in GNU gettext's manual, "MO Files")."""
    pairs = sorted({"": _HEADER, **texts}.items())
    contents = [[text.encode() for text in side] for side in zip(*pairs, strict=True)]
    at = 28 + 16 * len(pairs)
    tables, strings = b"", b""
    for side in contents:
        for text in side:
            tables += struct.pack("<II", len(text), at + len(strings))
            strings += text + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, at)
    folder.mkdir(parents=True)
    (folder / "gristmill.mo").write_bytes(head + tables + strings)


def test_fields_are_filled_once() -> None:
    assert tr("{a} and {b}", a="{b}", b=2) == "{b} and 2"


def test_a_field_without_a_value_stays() -> None:
    assert tr("{a} and {b}", a=1) == "1 and {b}"
    assert tr("{a}") == "{a}"
    assert tr("") == ""


def test_one_has_a_form_of_its_own() -> None:
    counts = [
        tr_count("1 file, {size}", "{count} files, {size}", n, size="2 MB") for n in (0, 1, 2)
    ]
    assert counts == ["0 files, 2 MB", "1 file, 2 MB", "2 files, 2 MB"]


def test_amounts_have_separators_and_texts_stay() -> None:
    said = tr(
        "{tokens} tokens, port {port}, {pace}, {on}", tokens=48528, port="7847", pace=1.5, on=True
    )
    assert said == "48,528 tokens, port 7847, 1.5, True"


def test_a_catalog_translates_sentences_and_tables(tmp_path: Path) -> None:
    _write_catalog(tmp_path / "es" / "LC_MESSAGES", _TRANSLATED)
    root = Path(__file__).parents[3]
    run = subprocess.run(
        [sys.executable, "-c", _CHILD, str(tmp_path)],
        env={"PYTHONPATH": str(root), "LANGUAGE": "es", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    counted, sentence, speakers = run.stdout.splitlines()
    assert counted == "1 nivel 1,200 niveles"
    assert sentence.startswith("El puerto 8080 está ocupado.")
    assert speakers == "Tú Assistant"
