"""A model is opened once: each file's header is parsed once, however much is asked of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.core.load_options import LoadOptions
from app.gguf_file import model_info
from app.gguf_file.header_reader import Header, read_header
from app.gguf_file.model import read_model, read_sane_model
from app.inference.loading.load_memory import memory_of
from app.inference.loading.loaded_model import LoadRequest, opened_model
from app.native.load_log import LoadLog
from app.profiling.sizing import file_source
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.gguf.gguf_files import llama_file

EMBEDDING = "token_embd.weight"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file's header is parsed."""
    reads: Counter[str] = Counter()

    def counted(path: Path) -> Header:
        reads[path.name] += 1
        return read_header(path)

    monkeypatch.setattr(model_info, "read_header", counted)
    return reads


def shards(folder: Path) -> list[Path]:
    return [llama_file().write(folder / f"m-{number:05}-of-00002.gguf") for number in (1, 2)]


def test_a_model_has_the_headers_of_all_its_shards(tmp_path: Path) -> None:
    first, second = shards(tmp_path)
    model = read_model(second)
    assert (model.path, model.files) == (first, (first, second))
    assert model.info.size_bytes == first.stat().st_size + second.stat().st_size
    assert model.tensor_bytes(EMBEDDING) > 0
    assert model.tensor_bytes("no such tensor") == 0


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    first, second = shards(tmp_path)
    second.unlink()
    with pytest.raises(AppError) as raised:
        read_model(first)
    assert raised.value.code is ErrorCode.MISSING_SHARD


def test_each_header_is_read_once(tmp_path: Path, reads: Counter[str]) -> None:
    first, second = shards(tmp_path)
    model = read_model(first)
    file_source(model)
    load = LoadLog(("RPC0",), (EMBEDDING, EMBEDDING), (), {"CPU_Mapped": 10**9, "RPC0": 700})
    memory_of(load, ["RPC0"], model, 700)
    assert reads == {first.name: 1, second.name: 1}


@pytest.mark.slow
def test_a_load_reads_no_header_again(tmp_path: Path, reads: Counter[str]) -> None:
    model = read_sane_model(write_tiny_model(tmp_path / "tiny.gguf"))
    options = LoadOptions(context=256, threads=1, extra_buffers=False)
    with opened_model(LoadRequest(model, options), lambda _: None):
        assert reads == {"tiny.gguf": 1}
