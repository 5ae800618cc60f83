"""Recipes in files: lists of types, as llama-quantize reads them, and GGUF files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.core.sentences import describe_error
from app.gguf_file.header_reader import TensorInfo, read_header
from app.gguf_file.recipe_file import read_recipe, write_recipe
from app.gguf_file.type_patterns import escaped_name
from app.gguf_file.type_recipe import recipe_of
from tests.support.gguf.gguf_files import llama_file

RECIPE = ((r"^blk\.(?:0|3)\.ffn_down\.weight$", "q6_k"), (r"^token_embd\.weight$", "q4_k"))


def refused(path: Path) -> tuple[ErrorCode, str]:
    with pytest.raises(AppError) as caught:
        read_recipe(path)
    return caught.value.code, describe_error(caught.value.code, caught.value.details)


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "types.txt"
    write_recipe(file, RECIPE)
    assert file.read_bytes() == (
        b"^blk\\.(?:0|3)\\.ffn_down\\.weight$=q6_k\n^token_embd\\.weight$=q4_k\n"
    )
    assert read_recipe(file) == RECIPE


@pytest.mark.parametrize(
    "content",
    [
        b"attn_v=Q8_0 ffn_down=q5_K",
        b"\n\n  attn_v=q8_0\r\n\tffn_down=Q5_K\r\n",
        b"\xef\xbb\xbfATTN_V=q8_0\nffn_down=q5_k",
    ],
)
def test_a_list_is_read_as_llama_quantize_reads_it(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "named.gguf"
    file.write_bytes(content)
    assert read_recipe(file) == (("attn_v", "q8_0"), ("ffn_down", "q5_k"))


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    made = llama_file().write(tmp_path / "model.gguf")
    renamed = made.rename(tmp_path / "types.txt")
    recipe = read_recipe(renamed)
    assert recipe == recipe_of(read_header(renamed).tensors)
    assert recipe


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"attn_v=q8_0\nffn_down q5_k\n", "line 2, “ffn_down”: not in the form PATTERN=TYPE"),
        (b"attn_v=q8_0\n\n=q5_k\n", "line 3, “=q5_k”: not in the form"),
        (b"attn_v=\n", "line 1, “attn_v=”: not in the form"),
        (b"attn_v=q9\n", "line 1, “attn_v=q9”: ggml can't quantize to a type “q9”"),
        (b"attn_v=q8_k\n", "can't quantize to a type “q8_k”"),
        (b"ok=q8_0\nattn_(v=q8_0\n", "line 2, “attn_(v=q8_0”: not a valid pattern"),
        (b"(?i)x=q8_0\n", "groups of the kind (?i"),
        (b"a\0b=q8_0\n", "it is not text"),
        ("größe=q8_0\n".encode("latin-1"), "it is not UTF-8 text"),
        (b" \n", "it is empty"),
        (b"", "it is empty"),
        (b"attn_v=q8_0\n" * 400_000, "too long"),
        (b"x" * 1000, f"line 1, “{80 * 'x'}…”"),
    ],
)
def test_what_is_wrong_with_a_list_is_said_with_the_line_and_a_next_step(
    content: bytes, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "types.txt"
    file.write_bytes(content)
    code, sentence = refused(file)
    assert code is ErrorCode.TYPES_UNUSABLE
    assert sentence.startswith("types.txt is neither a GGUF file nor a list of types: ")
    assert words in sentence
    assert sentence.endswith("or name another file.")


def test_what_can_not_be_read_is_said(tmp_path: Path) -> None:
    assert refused(tmp_path / "absent")[0] is ErrorCode.FILE_UNREADABLE
    assert refused(tmp_path)[0] is ErrorCode.FILE_UNREADABLE


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert refused(pipe)[0] is ErrorCode.FILE_UNREADABLE


def test_a_list_is_not_written_into_a_folder(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        write_recipe(tmp_path, RECIPE)
    assert caught.value.code is ErrorCode.FOLDER_NOT_WRITABLE
    assert list(tmp_path.parent.glob("*.part")) == []


def test_odd_names_stay_one_entry_with_escapes_that_every_grammar_knows(tmp_path: Path) -> None:
    odd = "Blk.0.a-b #~&=c(d)+é.weight"
    assert escaped_name(odd) == r".lk\.0\.a-b.#~&.c\(d\)\+é\.weight"
    file = tmp_path / "types.txt"
    recipe = recipe_of([TensorInfo(odd, (256, 4), 12, "", 0, 0)])
    write_recipe(file, recipe)
    assert read_recipe(file) == recipe
    assert len(file.read_text("utf-8").split()) == 1
