from __future__ import annotations

from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.gguf_file.header_reader import read_header
from app.publishing.machine_paths import names_path, require_no_paths
from tests.support.gguf.gguf_files import llama_file

PATHS = (
    "/data/imatrix/wiki.dat",
    "/model.gguf",
    "~/models/a.gguf",
    r"C:\Users\anna\wiki.txt",
    r"D:\imatrix.dat",
    "C:/Users/anna/wiki.txt",
    r"\\server\share\wiki.txt",
    "file:///srv/wiki.txt",
    "made from /mnt/models/grain on a Sunday",
    r"made with E:\models\grain.gguf",
    "see “/home/anna/grain”",
)
NO_PATHS = (
    "wiki.test.raw",
    "imatrix/wiki.dat",
    "../models/wiki.dat",
    "https://huggingface.co/bolt/grain/blob/main/LICENSE",
    "bolt/grain",
    "and/or",
    "1/2/3",
    "a 50/50 split, 24/7",
    "ratio 3:4",
    "Q: What? A: That.",
    "/",
    "",
)


@pytest.mark.parametrize("text", PATHS)
def test_a_path_is_recognized(text: str) -> None:
    assert names_path("quantize.imatrix.file", text)


@pytest.mark.parametrize("text", NO_PATHS)
def test_other_texts_are_not_taken_for_paths(text: str) -> None:
    assert not names_path("general.description", text)


@pytest.mark.parametrize(
    "template",
    [
        r"{{ '</s>' }}{{ 'Q:\nWhat?\nA:' }}{% if x %}/no_think{% endif %}",
        "{# tools: /search, /usr/bin/python #}",
        "[INST] {{ message }} [/INST]",
    ],
)
def test_the_code_of_a_template_is_none(template: str) -> None:
    assert not names_path("tokenizer.chat_template", template)


@pytest.mark.parametrize("path", ["/home/anna/x.jinja", "/Users/anna/x", r"C:\Users\anna\x.jinja"])
def test_a_template_may_not_name_a_home_either(path: str) -> None:
    assert names_path("tokenizer.chat_template", f"{{# from {path} #}}")


def test_the_own_home_is_recognized_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(Path("/persons/anna")))
    assert names_path("tokenizer.chat_template", f"from {Path('/persons/anna')} with love")
    assert not names_path("tokenizer.chat_template", "from /persons/annabel")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("quantize.imatrix.file", "/data/imatrix.dat"),
        ("general.datasets", ["wiki", "/data/wiki.txt"]),
        ("general.datasets", [*(f"wiki {number}" for number in range(100)), "/data/wiki.txt"]),
    ],
    ids=["text", "short-array", "long-array"],
)
def test_the_entry_is_named(key: str, value: object, tmp_path: Path) -> None:
    file = llama_file(**{key.replace(".", "__"): value}).write(tmp_path / "a.gguf")
    with pytest.raises(AppError) as raised:
        require_no_paths(read_header(file))
    assert raised.value.code is ErrorCode.PATH_IN_METADATA
    assert raised.value.details["key"] == key
    assert raised.value.details["file"] == "a.gguf"


def test_tokens_may_be_anything(tmp_path: Path) -> None:
    file = llama_file(tokenizer__ggml__tokens=["/home/anna", "C:\\Users\\anna\\"])
    require_no_paths(read_header(file.write(tmp_path / "a.gguf")))
