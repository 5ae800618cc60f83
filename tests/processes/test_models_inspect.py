"""The verbs `models inspect` and `models edit` as child processes."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from app.core.errors import ErrorCode
from app.core.event_lines import encode
from app.core.events import Begin, Failed, Finished
from app.core.inspection_events import ModelInspected, TemplateTried
from app.gguf_file.header_reader import read_header
from app.gguf_file.model_contents import ModelContents, type_shares
from tests.support.gguf.gguf_files import LLAMA_TENSORS, bad_files, llama_file
from tests.support.machine.verbs import run_verb, sentence_of, started

CHATML = """{% for message in messages %}
<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}
{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
ADDRESS = "{% for m in messages %}{{ m.content }} see https://example.com {% endfor %}"


def contents_of(path: Path) -> tuple[ModelContents, list[TemplateTried]]:
    with started("models", "inspect", str(path)) as child:
        assert child.end() == 0, child.log()
    (first, *rest) = child.events
    assert isinstance(first, ModelInspected)
    document = msgspec.json.decode(first.document, type=ModelContents)
    return document, [event for event in rest if isinstance(event, TemplateTried)]


def test_everything_in_a_file_is_told(tmp_path: Path) -> None:
    path = llama_file(tokenizer__chat_template=CHATML).write(tmp_path / "Little-Q4_K_M.gguf")
    contents, (tried,) = contents_of(path)
    assert (contents.name, contents.level, contents.architecture) == ("Little", "Q4_K_M", "llama")
    assert contents.size_bytes == path.stat().st_size
    assert [tensor.name for tensor in contents.tensors] == [tensor.name for tensor in LLAMA_TENSORS]
    assert contents.tensors[0].shape == (100, 256)
    assert contents.value("tokenizer.ggml.tokens").startswith("token 0, token 1, ")
    assert contents.value("tokenizer.ggml.tokens").endswith(", …")
    assert contents.value("llama.context_length") == "2048"
    assert (contents.begin, contents.end) == ("token 1", "token 2")
    assert [(share.type, share.tensors) for share in type_shares(contents.tensors)] == [
        ("q4_K", 2),
        ("f32", 1),
    ]
    assert tried.problem == ""
    assert tried.warnings == ()
    assert "<|im_start|>user" in tried.prompt


def test_a_terminal_shows_tables_and_what_is_odd_in_the_template(home: Path) -> None:
    template = ADDRESS + "\x1b[31m"
    llama_file(tokenizer__chat_template=template, general__name="\x1b]0;evil\x07").write(
        home / "models" / "Little-Q4_K_M.gguf"
    )
    ended = run_verb("models", "inspect", "little", "--tensors")
    assert ended.status == 0
    text = "\n".join(ended.lines)
    assert "\x1b" not in text
    assert "blk.0.attn_q.weight" in text
    assert "256 x 256" in text
    assert any(line.startswith("q4_K") and "tensors: 2" in line for line in ended.lines)
    assert any("contains a web address" in line for line in ended.complaints)
    ended = run_verb("models", "inspect", "little", "--json")
    assert json.loads(ended.lines[0])["tensors"][0]["type"] == "q4_K"


@pytest.mark.parametrize("name", ["empty", "duplicate_key", "data_missing", "five_dimensions"])
@pytest.mark.parametrize("verb", ["inspect", "edit"])
def test_damaged_files_end_with_their_sentence(name: str, verb: str, tmp_path: Path) -> None:
    content, code = bad_files()[name]
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    changes = ["--name", "x"] if verb == "edit" else []
    ended = run_verb("models", verb, str(path), *changes)
    assert ended.status == 1
    assert ended.lines == []
    (complaint,) = ended.complaints
    assert sentence_of(code).fullmatch(complaint)


def test_an_edit_changes_what_the_options_say(home: Path, tmp_path: Path) -> None:
    path = llama_file(general__tags=["a"], general__sampling__temp=1.0).write(
        home / "models" / "Little-Q4_K_M.gguf"
    )
    template = tmp_path / "template.jinja"
    template.write_bytes(CHATML.replace("\n", "\r\n").encode())
    ended = run_verb(
        *("models", "edit", "little", "--name", "Ünïcödé", "--author=-x", "--license", "mit"),
        *("--template", str(template), "--sampling", "temperature=0.3", "--sampling", "top_k=5"),
        *("--remove", "general.tags"),
    )
    assert ended.status == 0, ended.complaints
    assert ended.lines == [str(path)]
    metadata = read_header(path).metadata
    assert metadata["general.name"] == "Ünïcödé"
    assert metadata["general.author"] == "-x"
    assert metadata["general.license"] == "mit"
    assert metadata["tokenizer.chat_template"] == template.read_bytes().decode()
    assert metadata["general.sampling.temp"] == pytest.approx(0.3)
    assert metadata["general.sampling.top_k"] == 5
    assert "general.tags" not in metadata


def test_a_copy_can_be_written_instead(tmp_path: Path) -> None:
    path = llama_file().write(tmp_path / "a.gguf")
    with started(
        "models", "edit", str(path), "--name=B", "--to", str(tmp_path / "b.gguf")
    ) as child:
        assert child.end() == 0
    assert child.events[-1] == Finished((str(tmp_path / "b.gguf"),))
    assert read_header(path).metadata["general.name"] == "Little Llama"
    assert read_header(tmp_path / "b.gguf").metadata["general.name"] == "B"


def test_a_new_template_that_is_odd_is_written_and_told(tmp_path: Path) -> None:
    path = llama_file().write(tmp_path / "a.gguf")
    template = tmp_path / "t"
    template.write_text("{% for")
    ended = run_verb("models", "edit", str(path), "--template", str(template))
    assert ended.status == 0
    assert any("can't be used" in line for line in ended.complaints)
    assert read_header(path).metadata["tokenizer.chat_template"] == "{% for"
    template.write_bytes(b"\xff")
    ended = run_verb("models", "edit", str(path), "--template", str(template))
    assert ended.status == 1
    assert sentence_of(ErrorCode.FILE_UNREADABLE).fullmatch(ended.complaints[-1])


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ([], 2, "nothing to change"),
        (["--sampling", "heat=1"], 2, "NAME=VALUE"),
        (["--sampling", "temperature=9"], 1, "a number from 0 to 5"),
        (["--name", ""], 1, "remove the entry"),
        (["--remove", "llama.block_count"], 1, "depends on it"),
        (["--remove", "general.author"], 1, "has no entry"),
        (["--template", "absent.jinja"], 1, "absent.jinja"),
    ],
)
def test_what_can_not_be_done_is_said_and_nothing_changes(
    options: list[str], status: int, words: str, tmp_path: Path
) -> None:
    path = llama_file().write(tmp_path / "a.gguf")
    before = path.read_bytes()
    ended = run_verb("models", "edit", str(path), *options)
    assert ended.status == status
    assert words in ended.complaints[-1]
    assert path.read_bytes() == before


def test_the_window_can_try_one_template_after_the_other(tmp_path: Path) -> None:
    path = llama_file().write(tmp_path / "a.gguf")
    with started("preview-template", str(path)) as child:
        told = []
        for template in (CHATML, "{% for", "{{ 1 }}" + "{% for i in range(10**9) %}{% endfor %}"):
            child.stdin.write(encode(Begin(template)))
            child.stdin.flush()
            told.append(child.read_until(lambda event: isinstance(event, TemplateTried)))
    assert [bool(one.problem) for one in told] == [False, True, True]  # type: ignore[union-attr]
    assert not any(isinstance(event, Failed) for event in child.events)
