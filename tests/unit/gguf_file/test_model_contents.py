"""The contents of a file as shown: bounded, even if the file is hostile."""

from __future__ import annotations

from pathlib import Path

import msgspec

from app.core.errors import AppError, ErrorCode
from app.gguf_file.header_reader import read_header
from app.gguf_file.metadata_edit import edit_metadata
from app.gguf_file.model import read_model
from app.gguf_file.model_contents import ModelContents, StoredTensor, contents_of, type_shares
from tests.support.gguf.gguf_files import (
    ARRAY,
    UINT8,
    Typed,
    llama_file,
    mutations,
)

REFUSALS = {ErrorCode.NOT_GGUF, ErrorCode.GGUF_DAMAGED, ErrorCode.GGUF_TRUNCATED}


def test_values_are_shortened_and_all_kinds_are_told(tmp_path: Path) -> None:
    path = llama_file(
        general__description="x" * 10_000,
        general__huge="y" * (2**20 + 1),
        general__yes=True,
        general__share=0.1,
        general__none=Typed(ARRAY, []),
        general__bytes=[Typed(UINT8, number) for number in range(200)],
        tokenizer__ggml__bos_token_id=2**32 - 1,
    ).write(tmp_path / "a.gguf")
    contents = contents_of(read_model(path))
    assert len(contents.value("general.description")) == 2000
    assert contents.value("general.huge") == "(longer than 1 MB)"
    assert contents.value("general.yes") == "yes"
    assert contents.value("general.share") == "0.1"
    assert contents.value("general.none") == ""
    assert contents.value("general.bytes") == "…"
    types = {entry.key: entry.type for entry in contents.metadata}
    assert types["general.bytes"] == "200 × uint8"
    assert types["tokenizer.ggml.tokens"] == "100 × string"
    assert (contents.begin, contents.end) == ("", "token 2")


def test_shares_are_by_size() -> None:
    tensors = [StoredTensor("a", (2, 3), "f32", 24), StoredTensor("b", (100,), "q8_0", 108)]
    first, second = type_shares([*tensors, tensors[0]])
    assert (first.type, first.weights, first.size_bytes) == ("q8_0", 100, 108)
    assert (second.type, second.tensors, second.weights) == ("f32", 2, 12)


def test_a_hostile_header_is_told_or_refused_and_an_edit_keeps_its_rest(tmp_path: Path) -> None:
    good = llama_file()
    path, copy = tmp_path / "a.gguf", tmp_path / "b.gguf"
    told = 0
    for content in mutations(good.to_bytes(), 300, 14, len(good.header())):
        path.write_bytes(content)
        copy.unlink(missing_ok=True)
        try:
            contents = contents_of(read_model(path))
            edit_metadata(path, {"general.name": "Another name"}, copy, lambda _: None)
        except AppError as error:
            assert error.code in REFUSALS  # noqa: PT017 - some are refused, some are not
            assert not copy.exists()
            continue
        told += 1
        line = msgspec.json.encode(contents)
        assert msgspec.json.decode(line, type=ModelContents) == contents
        before, after = read_header(path), read_header(copy)
        assert after.metadata["general.name"] == "Another name"
        assert after.tensors == before.tensors
        assert content[before.data_offset :] == copy.read_bytes()[after.data_offset :]
    assert told > 10
