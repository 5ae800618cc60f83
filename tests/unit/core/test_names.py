"""The path sanitiser: what would leave its folder, or not exist on some system, is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.core.names import file_name_from, is_safe_part, path_inside, safe_relative_path

HOSTILE = [
    "",
    ".",
    "..",
    "/",
    "../x",
    "../../etc/passwd",
    "a/../b",
    "a/../../b",
    "./a",
    "a/./b",
    "a//b",
    "a/",
    "/etc/passwd",
    "//server/share/x",
    "\\\\server\\share\\x",
    "..\\x",
    "a\\..\\..\\b",
    "\\x",
    "C:x",
    "C:\\x",
    "C:/x",
    "c:",
    "\\\\?\\C:\\x",
    "\\\\.\\pipe\\x",
    "a.gguf:evil",
    "a:$DATA",
    "CON",
    "con",
    "con.gguf",
    "Con .txt",
    "PRN.txt",
    "aux",
    "AUX.tar.gz",
    "nul",
    "NUL.safetensors",
    "folder/nul",
    "COM1",
    "com9.bin",
    "com¹",
    "LPT1",
    "lpt9.x",
    "CONIN$",
    "conout$.txt",
    "name.",
    "name..",
    "name ",
    " name",
    "folder /x",
    "folder./x",
    "a<b",
    "a>b",
    'a"b',
    "a|b",
    "a?b",
    "a*b",
    "a\x00b",
    "a\nb",
    "a\rb",
    "a\x1bb",
    "a\x7fb",
    "a\x85b",
    "model\u202egfug.exe",
    "a\u200bb",
    "a\u2028b",
    "a\ufeffb",
    "a\u2066b",
    "\ue000",
    "a\ud800b",
    "cafe\u0301",
    "x" * 201,
    "é" * 101,
]
HARMLESS = [
    "model.safetensors",
    "model-00001-of-00002.safetensors",
    "Q4_K_M/Llama 3.1 (8B)-Q4_K_M.gguf",
    "...x",
    ".gitattributes",
    "console.log",
    "com10.txt",
    "null",
    "naïve.gguf",
    "模型.gguf",
    "übung/ß.json",
    "a+b,c;d=e@f#g$h%i&j'k!l~m{n}[o]",
    "x" * 200,
]
RESERVED = ["con", "PRN", "Aux", "nul", "CONIN$", "conout$"] + [
    f"{device}{digit}" for device in ("com", "LPT") for digit in "0123456789¹²³"
]
GENERATED = [
    form.format(name)
    for name in RESERVED
    for form in ("{}", "{}.gguf", "{} .txt", "{}.tar.gz", "folder/{}", "{}/model.gguf")
] + [
    form.format(character)
    for character in [*map(chr, range(32)), *'<>:"|?*\\\x7f']
    for form in ("{}model.gguf", "mod{}el.gguf", "model.gguf{}", "fol{}der/model.gguf")
]
"""Hundreds of names that Windows reserves, or that have a character it can't store."""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        path_inside(tmp_path, name)

    assert caught.value.code is ErrorCode.UNSAFE_NAME


def test_no_generated_name_is_let_through(tmp_path: Path) -> None:
    assert len(GENERATED) > 300
    for name in GENERATED:
        with pytest.raises(AppError):
            path_inside(tmp_path, name)
        assert is_safe_part(file_name_from(name))


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_name_stays_inside(name: str, tmp_path: Path) -> None:
    path = path_inside(tmp_path, name)

    assert path.is_relative_to(tmp_path)
    assert path.relative_to(tmp_path).as_posix() == name == str(safe_relative_path(name))


@pytest.mark.parametrize("name", [*HOSTILE, "a/b"])
def test_hostile_part_is_not_safe(name: str) -> None:
    assert not is_safe_part(name)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "way").symlink_to(outside, target_is_directory=True)

    with pytest.raises(AppError) as caught:
        path_inside(inside, "way/model.gguf")

    assert caught.value.code is ErrorCode.UNSAFE_NAME


@pytest.mark.parametrize("text", [*HOSTILE, "My model: the 2nd/best?", "日本語 モデル", "a" * 500])
def test_file_name_made_of_any_text_is_safe(text: str) -> None:
    assert is_safe_part(file_name_from(text))


def test_file_name_keeps_what_is_safe() -> None:
    assert file_name_from("SmolLM2 135M: Instruct") == "SmolLM2-135M-Instruct"
    assert file_name_from("???", fallback="chat") == "chat"
