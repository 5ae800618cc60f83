"""The verb `convert` on weights that are published in MXFP4 or NVFP4: kept, or lost by consent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.errors import ErrorCode, NoticeCode
from app.core.events import LevelPlanned, NoticeReported
from tests.support.checkpoints.block_checkpoints import make_gpt_oss, make_nvfp4, make_nvfp4_experts
from tests.support.engine.llama_cpp_tools import converted_by_llama_cpp, quantized_by_llama_cpp
from tests.support.machine.verbs import run_verb, sentence_of, started

pytestmark = pytest.mark.slow

Make = Callable[[Path], Path]
_MAKE: dict[str, Make] = {
    "gpt-oss": make_gpt_oss,
    "modelopt": lambda folder: make_nvfp4("modelopt", folder),
    "compressed-tensors": lambda folder: make_nvfp4("compressed-tensors", folder),
    "experts": lambda folder: make_nvfp4_experts("modelopt", folder),
}
_LOSSLESS = {name: ["BF16", "F32", "COPY"] for name in _MAKE}
_LOSSLESS["gpt-oss"] = ["BF16", "F32", "MXFP4_MOE", "COPY"]
_LOSSY = ("Q4_K_M", "Q8_0", "F16")


@pytest.fixture(autouse=True)
def _converter(converter: Path) -> Path:
    return converter


def options_for(levels: list[str], to: Path) -> list[str]:
    return [word for level in levels for word in ("--level", level)] + ["--to", str(to)]


@pytest.mark.parametrize("kind", _MAKE)
def test_what_is_published_in_blocks_is_kept_as_llama_cpp_lays_it_out(
    kind: str, tmp_path: Path, converter: Path
) -> None:
    source, made = _MAKE[kind](tmp_path / "model"), tmp_path / "made"
    with started("convert", str(source), "--dry-run") as child:
        assert child.end() == 0
    planned = {one.level: one.size_bytes for one in child.events if isinstance(one, LevelPlanned)}
    assert list(planned) == _LOSSLESS[kind]
    notices = {one.code: one for one in child.events if isinstance(one, NoticeReported)}
    notice = notices[NoticeCode.LEVELS_LOSE_TWICE]
    assert set(_LOSSY) < set(str(notice.details["levels"]).split(", "))

    levels = [level for level in planned if level != "F32"]
    ended = run_verb("convert", str(source), *options_for(levels, made))
    assert ended.status == 0, ended.complaints
    reference = converted_by_llama_cpp(source, converter, "auto", tmp_path)
    for level in levels:
        content = (made / f"model-{level}.gguf").read_bytes()
        assert content == quantized_by_llama_cpp(reference, level, allow_requantize=True), level
        assert len(content) == planned[level]
    ended = run_verb("convert", str(reference), *options_for(["COPY"], tmp_path / "copy.gguf"))
    assert ended.status == 0, ended.complaints
    assert (tmp_path / "copy.gguf").read_bytes() == (made / "model-COPY.gguf").read_bytes()


@pytest.mark.parametrize("kind", ["gpt-oss", "modelopt"])
def test_they_lose_again_with_consent_alone(kind: str, tmp_path: Path, converter: Path) -> None:
    source, made = _MAKE[kind](tmp_path / "model"), tmp_path / "made"
    ended = run_verb("convert", str(source), *options_for(["Q4_K_M"], made))
    assert ended.status == 1
    assert sentence_of(ErrorCode.WEIGHTS_QUANTIZED_ALREADY).fullmatch(ended.complaints[-1])
    assert "--requantize" in ended.complaints[-1]
    assert not made.exists()
    ended = run_verb("convert", str(source), *options_for([*_LOSSY], made), "--requantize")
    assert ended.status == 0, ended.complaints
    reference = converted_by_llama_cpp(source, converter, "auto", tmp_path)
    for level in _LOSSY:
        content = (made / f"model-{level}.gguf").read_bytes()
        assert content == quantized_by_llama_cpp(reference, level, allow_requantize=True), level
