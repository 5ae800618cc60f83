"""From a layout to files: the sizes that were planned, whole or absent, broken weights named."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.conversion.layout.layout import FLOAT32, Layout
from app.conversion.layout.stored_rows import StoredRows
from app.conversion.loadability import require_loadable
from app.conversion.type_choices import NO_CHOICES
from app.conversion.type_plan import TypePlan, hollow_file, plan_types
from app.conversion.writer import QuantizationOptions, write_models
from app.core.errors import AppError, ErrorCode
from app.core.events import Event, Progressed
from app.core.files import PART_SUFFIX
from app.core.levels import LEVELS, level_named
from app.core.sentences import describe_error
from app.gguf_file.header_reader import read_header
from app.gguf_file.header_writer import metadata_for, padded
from app.gguf_file.validation import require_sane
from tests.unit.conversion.conftest import Weights

LayOut = Callable[..., Layout]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def plan(layout: Layout, *names: str) -> list[TypePlan]:
    with hollow_file(layout) as hollow:
        require_loadable(hollow.path)
        return [plan_types(layout, hollow, level_named(name), NO_CHOICES) for name in names]


def write(layout: Layout, folder: Path, *names: str) -> tuple[list[Path], list[Event]]:
    plans = {folder / f"{one.level.name}.gguf": one for one in plan(layout, *names)}
    events: list[Event] = []
    write_models(layout, plans, QuantizationOptions(threads=2), events.append)
    return list(plans), events


def refused(act: Callable[[], object]) -> AppError:
    with pytest.raises(AppError) as caught:
        act()
    assert "?" not in describe_error(caught.value.code, caught.value.details)
    return caught.value


@pytest.mark.parametrize(("size", "expected"), [(0, 0), (1, 32), (32, 32), (33, 64)])
def test_tensors_begin_at_multiples_of_32(size: int, expected: int) -> None:
    assert padded(size) == expected


def test_every_level_is_as_large_as_planned_and_whole(lay_out: LayOut, target: Path) -> None:
    names = [level.name for level in LEVELS]
    files, events = write(lay_out(), target, *names)
    sizes = [one.size_bytes for one in plan(lay_out(), *names)]
    assert [file.stat().st_size for file in files] == sizes
    assert not list(target.glob(f"*{PART_SUFFIX}"))
    for level, file in zip(LEVELS, files, strict=True):
        header = read_header(file)
        require_sane(header)
        assert header.metadata["general.file_type"] == level.ftype
    progress = [event for event in events if isinstance(event, Progressed)]
    assert len(progress) == len(events)
    assert progress[-1].done_bytes == progress[-1].total_bytes
    assert [one.done_bytes for one in progress] == sorted(one.done_bytes for one in progress)


def test_the_weights_of_float32_are_written_as_they_are(
    lay_out: LayOut, weights: Weights, target: Path
) -> None:
    (file,), _ = write(lay_out(), target, "F32")
    content = file.read_bytes()
    for values in weights.values():
        assert values.tobytes() in content


def test_bits_per_weight_count_what_is_stored(lay_out: LayOut, weights: Weights) -> None:
    f32, q8_0 = plan(lay_out(), "F32", "Q8_0")
    assert f32.bits_per_weight == 32
    assert 8.5 < q8_0.bits_per_weight < 8.6
    assert f32.weights_bytes == sum(values.nbytes for values in weights.values())


def test_the_file_type_stands_last_and_once(lay_out: LayOut) -> None:
    keys = list(metadata_for(lay_out().metadata, 15, {}))
    assert keys[-2:] == ["general.quantization_version", "general.file_type"]
    assert len(keys) == len(set(keys)) == len(lay_out().metadata)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["blk.0.ffn_up.weight", "output_norm.weight"])
def test_a_broken_weight_is_named_and_nothing_is_left(
    name: str, value: float, lay_out: LayOut, weights: Weights, target: Path
) -> None:
    weights[name].flat[77] = value
    error = refused(lambda: write(lay_out(), target, "Q8_0", "F32"))
    assert (error.code, error.details["tensor"]) == (ErrorCode.WEIGHTS_NOT_FINITE, name)
    assert not list(target.iterdir())


def test_a_reader_that_fails_leaves_nothing(lay_out: LayOut, target: Path) -> None:
    def fail() -> None:
        raise OSError("the disk is gone")

    layout = lay_out()
    failing = tuple(
        replace(one, load=fail) if one.name == "blk.0.ffn_up.weight" else one
        for one in layout.tensors
    )
    threads = threading.active_count()
    # What the error still holds on to shows a thread that only the garbage collector would end.
    with pytest.raises(OSError, match="the disk is gone") as caught:
        write(replace(layout, tensors=failing), target, "Q8_0")
    assert threading.active_count() == threads, caught
    assert not list(target.iterdir())


def on_the_disk(layout: Layout, weights: Weights, file: Path) -> Layout:
    """A layout whose matrices are never loaded whole."""
    tensors = []
    with file.open("wb") as written:
        for tensor in layout.tensors:
            *outer, width = tensor.shape
            rows = StoredRows(file, written.tell(), math.prod(outer), width, FLOAT32)
            written.write(weights[tensor.name].tobytes())
            known = {"load": never, "stored": (rows,), "is_as_stored": True} if outer else {}
            tensors.append(replace(tensor, **known))
    return replace(layout, tensors=tuple(tensors))


def never() -> object:
    raise AssertionError("nothing is read whole")


def test_rows_read_a_few_at_a_time_make_the_same_files(
    lay_out: LayOut, weights: Weights, target: Path, tmp_path: Path
) -> None:
    levels = ("F32", "BF16", "Q8_0", "Q4_K_M")
    files, _ = write(lay_out(), target, *levels)
    others, _ = write(on_the_disk(lay_out(), weights, tmp_path / "rows"), tmp_path / "b", *levels)
    for file, other in zip(files, others, strict=True):
        assert file.read_bytes() == other.read_bytes()


def test_weights_that_are_cut_off_meanwhile_leave_nothing(
    lay_out: LayOut, weights: Weights, target: Path, tmp_path: Path
) -> None:
    layout = on_the_disk(lay_out(), weights, tmp_path / "rows")
    with (tmp_path / "rows").open("r+b") as file:
        file.truncate(file.seek(0, 2) // 2)
    error = refused(lambda: write(layout, target, "Q8_0"))
    assert (error.code, error.details["file"]) == (ErrorCode.FILE_UNREADABLE, "rows")
    assert not list(target.iterdir())


def test_two_writers_of_one_file_get_into_no_quarrel(lay_out: LayOut, target: Path) -> None:
    target.mkdir()
    (target / f"Q8_0.gguf{PART_SUFFIX}").write_bytes(b"another's")
    error = refused(lambda: write(lay_out(), target, "Q8_0"))
    assert error.code is ErrorCode.FILE_BUSY
    assert (target / f"Q8_0.gguf{PART_SUFFIX}").read_bytes() == b"another's"


def remove(weights: Weights) -> None:
    del weights["blk.0.ffn_up.weight"]


def reshape(weights: Weights) -> None:
    weights["blk.0.ffn_up.weight"] = weights["blk.0.ffn_up.weight"][:100]


def empty(weights: Weights) -> None:
    weights["blk.0.ffn_up.weight"] = weights["blk.0.ffn_up.weight"][:0]


@pytest.mark.parametrize("spoil", [remove, reshape, empty])
def test_weights_that_do_not_fit_are_named_before_any_is_read(
    spoil: Callable[[Weights], None], lay_out: LayOut, weights: Weights
) -> None:
    spoil(weights)
    error = refused(lambda: plan(lay_out(), "Q8_0"))
    assert error.code is ErrorCode.CHECKPOINT_REJECTED
    assert "blk.0.ffn_up.weight" in str(error.details["reason"])


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("llama__block_count", 0, "0 layers"),
        ("llama__block_count", 4_000_000_000, "4,000,000,000 layers"),
        ("llama__attention__head_count", 0, "no attention heads"),
        ("llama__embedding_length", 4096, "token_embd.weight"),
        ("tokenizer__ggml__tokens", ["same"] * 300, "“same” is in its vocabulary twice"),
    ],
)
def test_metadata_that_llama_cpp_would_abort_on_is_named(
    key: str, value: object, reason: str, lay_out: LayOut
) -> None:
    error = refused(lambda: plan(lay_out(**{key: value}), "Q8_0"))
    assert error.code is ErrorCode.CHECKPOINT_REJECTED
    assert reason in str(error.details["reason"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("llama__block_count", "many"),
        ("llama__block_count", -1),
        ("llama__block_count", None),
        ("llama__attention__layer_norm_rms_epsilon", "small"),
        ("general__name", 7),
    ],
)
def test_metadata_that_gguf_has_no_place_for_is_an_expected_error(
    key: str, value: object, lay_out: LayOut
) -> None:
    error = refused(lambda: lay_out(**{key: value}))
    assert error.code is ErrorCode.CONVERTER_FAILED


def test_an_architecture_that_llama_cpp_does_not_know_is_named(lay_out: LayOut) -> None:
    error = refused(lambda: plan(lay_out("millstone"), "Q8_0"))
    assert error.code is ErrorCode.CHECKPOINT_REJECTED
