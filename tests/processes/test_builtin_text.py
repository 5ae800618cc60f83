"""The built-in text and hostile texts of users, in conversions and measurements."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.builtin_text import BUILTIN_DATASET
from app.core.errors import ErrorCode, NoticeCode
from app.core.events import Finished, LevelPlanned, NoticeReported, Progressed
from app.gguf_file.model import read_model
from app.jobs.outcome import EXIT_FAILED
from app.library.conversion_records import ConversionRecords
from app.measurement.store import stored_measurement
from app.measurement.texts.builtin_mix import builtin_parts
from app.measurement.texts.passage_rendering import rendered_for
from app.measurement.texts.text_length import MOST_TOKENS
from app.native.importance_matrix import read_importance_matrix
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import run_verb, sentence_of, started

TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
CHUNK = 512


def test_a_conversion_is_calibrated_with_the_builtin_text(tmp_path: Path, converter: Path) -> None:
    checkpoint = make_tiny_checkpoint(tmp_path / "tiny")
    made = tmp_path / "made"
    arguments = (str(checkpoint), "--level", "IQ2_XXS", "--calibration", "builtin")
    with started("convert", *arguments, "--to", str(made)) as child:
        assert child.end() == 0, child.log()
    file, matrix_file = made / "tiny-IQ2_XXS.gguf", made / "tiny.imatrix.gguf"
    assert child.events[-1] == Finished((str(file),))
    assert not any(isinstance(event, NoticeReported) for event in child.events)

    matrix = read_importance_matrix(matrix_file)
    assert matrix.datasets == (BUILTIN_DATASET,)
    assert matrix.chunk_size == CHUNK
    # With 512 tokens in the vocabulary, the text has more than is ever needed.
    assert matrix.chunk_count == MOST_TOKENS // CHUNK
    metadata = read_model(file).headers[0].metadata
    assert metadata["quantize.imatrix.dataset"] == BUILTIN_DATASET
    assert metadata["quantize.imatrix.chunks_count"] == matrix.chunk_count
    planned = [event for event in child.events if isinstance(event, LevelPlanned)]
    assert planned[-1].size_bytes == file.stat().st_size
    record = ConversionRecords().of(file)
    assert record is not None
    assert record.command[-2:] == ("--calibration", "builtin")


def test_a_model_is_measured_on_the_held_out_part(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=2048, template=TEMPLATE)
    ended = run_verb("measure", str(model), "--context", "128", "--chunks", "2", "--json")
    assert ended.status == 0, ended.complaints
    stored = stored_measurement(model)
    assert stored is not None
    expected = rendered_for(read_model(model), builtin_parts().held_out, lambda _: None)
    assert len(expected.templated) > 10
    digest = hashlib.sha256(expected.text.encode()).hexdigest()
    text = stored.text
    assert (text.name, text.sha256, text.chunks) == (BUILTIN_DATASET, digest, 2)


def not_utf8(folder: Path) -> Path:
    (folder / "text.txt").write_bytes("Mühle".encode("latin-1"))
    return folder / "text.txt"


def empty(folder: Path) -> Path:
    (folder / "text.txt").write_bytes(b"\n\n")
    return folder / "text.txt"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "text.txt")
    return folder / "text.txt"


HOSTILE = [
    not_utf8,
    empty,
    pytest.param(
        pipe, marks=pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders")
    ),
]


@pytest.mark.parametrize("spoil", HOSTILE)
@pytest.mark.parametrize("options", [(), ("--dry-run",)], ids=["convert", "dry run"])
def test_a_text_that_is_none_is_refused_before_anything_is_made(
    spoil: Callable[[Path], Path], options: tuple[str, ...], tmp_path: Path
) -> None:
    checkpoint = make_tiny_checkpoint(tmp_path / "tiny")
    text, made = spoil(tmp_path), tmp_path / "made"
    arguments = (str(checkpoint), "--level", "Q4_K_M", "--to", str(made), *options)
    ended = run_verb("convert", *arguments, "--calibration", str(text))
    assert_refused(ended.status, ended.complaints, ErrorCode.TEXT_UNUSABLE)
    assert not made.exists()


@pytest.mark.parametrize("spoil", HOSTILE)
def test_nothing_is_measured_on_it(spoil: Callable[[Path], Path], tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    ended = run_verb("measure", str(model), "--text", str(spoil(tmp_path)))
    assert_refused(ended.status, ended.complaints, ErrorCode.TEXT_UNUSABLE)


def test_nothing_is_downloaded_for_it(hub: LocalHub, tmp_path: Path) -> None:
    hub.add_repository("owner/Tiny", make_tiny_checkpoint(tmp_path / "tiny"))
    for verb in ("get", "convert"):
        level = ("owner/Tiny", "--level", "Q4_K_M")
        ended = run_verb(verb, *level, "--calibration", str(tmp_path / "absent.txt"))
        assert_refused(ended.status, ended.complaints, ErrorCode.FILE_UNREADABLE)
    assert hub.requests == []


def assert_refused(status: int, complaints: list[str], code: ErrorCode) -> None:
    assert status == EXIT_FAILED
    (sentence,) = complaints
    assert sentence_of(code).fullmatch(sentence), sentence


def test_a_short_text_is_used_and_told(tmp_path: Path, converter: Path) -> None:
    checkpoint = make_tiny_checkpoint(tmp_path / "tiny")
    text = tmp_path / "text.txt"
    text.write_text("The mill turns and the stones grind the grain. " * 300)
    arguments = (str(checkpoint), "--level", "Q4_K_M", "--to", str(tmp_path / "made"))
    with started("convert", *arguments, "--calibration", str(text)) as child:
        assert child.end() == 0, child.log()
    (notice,) = [event for event in child.events if isinstance(event, NoticeReported)]
    assert notice.code is NoticeCode.TEXT_SHORT
    assert notice.details["needed"] == 8_192
    assert 1_024 <= int(notice.details["tokens"]) < 8_192
    steps = [event.step for event in child.events if isinstance(event, Progressed)]
    assert "calibrate" in steps
