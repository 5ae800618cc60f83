"""Headers as the converter's own writer makes them, with less ado."""

from __future__ import annotations

import io
from typing import Any

import gguf
import pytest
from gguf.gguf_writer import WriterState

from app.core.errors import AppError, ErrorCode
from app.gguf_file.header_writer import encoded, header_bytes, without_vocabulary


def metadata(**lists: list[Any]) -> dict[str, Any]:
    writer = gguf.GGUFWriter(None, "llama")
    for name, values in lists.items():
        writer.add_array(name, values)
    return dict(writer.kv_data[0])


def by_the_writer(values: dict[str, Any]) -> bytes:
    content = io.BytesIO()
    writer = gguf.GGUFWriter(None, "")
    writer.kv_data, writer.fout, writer.state = [values], [content], WriterState.HEADER
    writer.write_kv_data_to_file()
    return content.getvalue()


@pytest.mark.parametrize("count", [1, 1023, 1024, 5000])
def test_lists_are_as_the_writer_has_them(count: int) -> None:
    values = metadata(
        texts=[f"wörd {number}" for number in range(count)],
        bytes=[f"▁{number}".encode() for number in range(count)],
        mixed=[b"a", "b"] * count,
        numbers=list(range(-3, count)),
        scores=[number / 7 for number in range(count)],
        truths=[True, False] * count,
    )
    entries = encoded(values)
    assert entries.keys() == values.keys()
    assert b"".join(entries.values()) == by_the_writer(values)


@pytest.mark.parametrize("values", [[1, 2.5] * 1024, [2**40] * 2048])
def test_lists_that_the_writer_refuses_are_refused(values: list[Any]) -> None:
    with pytest.raises(AppError) as caught:
        encoded(metadata(values=values))
    assert caught.value.code is ErrorCode.CONVERTER_FAILED


def test_without_vocabulary_the_tokens_are_counted() -> None:
    writer = gguf.GGUFWriter(None, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"word {number}" for number in range(3000)])
    writer.add_token_merges(["a b"] * 2000)
    writer.add_bos_token_id(1)
    full = encoded(writer.kv_data[0])

    short = without_vocabulary("llama", full)

    expected = gguf.GGUFWriter(None, "llama")
    expected.add_tokenizer_model("no_vocab")
    expected.add_vocab_size(3000)
    assert short == {
        key: entry
        for key, entry in full.items()
        if key in ("general.architecture", "tokenizer.ggml.bos_token_id")
    } | encoded(
        {key: expected.kv_data[0][key] for key in ("tokenizer.ggml.model", "llama.vocab_size")}
    )
    assert len(header_bytes(short, [])) < 300


def test_without_tokens_nothing_is_left_out() -> None:
    full = encoded(metadata())
    assert without_vocabulary("llama", full) == full


def test_an_entry_that_can_not_be_written_is_named_as_in_config_json() -> None:
    writer = gguf.GGUFWriter(None, "llama")
    writer.add_embedding_length("wide")  # type: ignore[arg-type]
    with pytest.raises(AppError) as raised:
        encoded(writer.kv_data[0])
    assert raised.value.code is ErrorCode.CONVERTER_FAILED
    assert "the value of hidden_size" in str(raised.value.details["reason"])
