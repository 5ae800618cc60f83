"""The planned types of real models, at every level, against llama.cpp's own snapshots of them."""

from __future__ import annotations

import ctypes
import math
import mmap
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

from app.core.levels import LEVELS, SPECIAL_LEVELS
from app.gguf_file.header_writer import ALIGNMENT, padded
from tests.support.checkpoints.hollow_checkpoints import (
    HOLLOW_MODELS,
    make_hollow_checkpoint,
    tensor_shapes,
)
from tests.support.checkpoints.planned_tensors import PlannedLevel, PlannedTensor, planned_levels

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("converter"),
    pytest.mark.skipif(sys.platform == "win32", reason="its files have no holes by themselves"),
]

# Levels of the snapshots that Gristmill does not offer.
_NOT_OFFERED = {"TQ1_0", "TQ2_0", "MXFP4_MOE"}
_FREE_LEVELS = [*(level.name for level in LEVELS), "IQ3_S", "IQ3_M"]
_BOUND_LEVELS = [level.name for level in SPECIAL_LEVELS if level.name not in _FREE_LEVELS]
"""Levels that llama.cpp makes only with an importance matrix."""
_SMALLEST = "qwen3-0.6b"
_SIZE_NAMES = {
    "n_embd": "hidden_size",
    "n_ff": "intermediate_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_head_kv": "num_key_value_heads",
}
_SIZE = re.compile(r"(\w+)=(\d+)")
_SECTION = re.compile(r"\[(\w+)\] (\w+)")
# The system reads on for a bit when a header is read.
_LOOK_AHEAD_BYTES = 2**20

Types = dict[str, str]


@dataclass(frozen=True)
class Section:
    """The types at one level: a rule, and its exceptions."""

    default: str
    exceptions: Types = field(default_factory=dict)

    def types(self, tensors: dict[str, PlannedTensor]) -> Types:
        """The type of each tensor; a snapshot leaves out those that are never quantized."""
        return {
            name: self.exceptions.get(name, self.default) if len(tensor.shape) > 1 else "f32"
            for name, tensor in tensors.items()
        }


@dataclass(frozen=True)
class Snapshot:
    """llama.cpp's snapshot of a model (tests/test-quant-type-selection.cpp): sizes and types.

    It was taken of a published GGUF file, without an importance matrix.
    """

    sizes: dict[str, int]
    sections: dict[str, Section]


def read_snapshot(name: str, converter: Path) -> Snapshot:
    (file,) = converter.glob(f"*/tests/snapshots/{name}.schema")
    sizes: dict[str, int] = {}
    sections: dict[str, Section] = {}
    for line in filter(None, file.read_text().splitlines()):
        if line.startswith("#"):
            sizes |= {size: int(value) for size, value in _SIZE.findall(line)}
        elif match := _SECTION.fullmatch(line):
            section = sections[match[1]] = Section(match[2])
        else:
            tensor, kind = line.split()
            section.exceptions[tensor] = kind
    return Snapshot(sizes, sections)


def with_importance(level: str, section: Section) -> Section:
    """The section as it would be with an importance matrix (src/llama-quant.cpp).

    Of the levels that need one, only IQ3_XXS has other types then: without one, llama.cpp would
    give more bits to two kinds of tensors.
    """
    if level != "IQ3_XXS":
        return section
    kept = {
        tensor: kind
        for tensor, kind in section.exceptions.items()
        if "ffn_down" not in tensor and ("attn_v" not in tensor or kind != "iq3_s")
    }
    return replace(section, exceptions=kept)


def with_tied_embedding(section: Section) -> Section:
    """The section of a model whose embedding is its output matrix too: that decides its type."""
    kept = {name: kind for name, kind in section.exceptions.items() if name != "output.weight"}
    kept["token_embd.weight"] = section.exceptions.get("output.weight", section.default)
    return replace(section, exceptions=kept)


def differences(planned: dict[str, PlannedLevel], wanted: dict[str, Section]) -> list[str]:
    return [
        f"{level} {name}: {plan.tensors[name].type_name} planned, {kind} in the snapshot"
        for level, plan in planned.items()
        for name, kind in wanted[level].types(plan.tensors).items()
        if plan.tensors[name].type_name != kind.lower()
    ]


def unplanned(planned: dict[str, PlannedLevel], wanted: dict[str, Section]) -> set[str]:
    """Return the tensors in the snapshot that are missing from the plan."""
    return {
        name
        for level, plan in planned.items()
        for name in wanted[level].exceptions.keys() - plan.tensors.keys()
    }


def assert_as_in(planned: dict[str, PlannedLevel], wanted: dict[str, Section]) -> None:
    assert all(plan.tensors for plan in planned.values())
    assert not unplanned(planned, wanted)
    assert not differences(planned, wanted)


def assert_sizes_add_up(planned: dict[str, PlannedLevel]) -> None:
    """Every level has the same metadata and the same names, so that its header is as long."""
    header_sizes = set()
    for level, plan in planned.items():
        by_type = {name: size_by_type(tensor) for name, tensor in plan.tensors.items()}
        assert {name: one.size_bytes for name, one in plan.tensors.items()} == by_type, level
        header_sizes.add(plan.size_bytes - sum(padded(size) for size in by_type.values()))
    (header_size,) = header_sizes
    assert header_size % ALIGNMENT == 0
    assert header_size > max(tensor_list_size(plan.tensors) for plan in planned.values())


def size_by_type(tensor: PlannedTensor) -> int:
    weights, size_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[tensor.type_name.upper()]]
    return math.prod(tensor.shape) // weights * size_bytes


def tensor_list_size(tensors: dict[str, PlannedTensor]) -> int:
    """The bytes that a GGUF header needs to name the tensors."""
    return sum(24 + len(name) + 8 * len(tensor.shape) for name, tensor in tensors.items())


def resident_bytes(file: Path) -> int:
    """Return the bytes of a file in the page cache: those read lately, or more."""
    library = ctypes.CDLL(None, use_errno=True)
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as mapped:
        pages = (ctypes.c_ubyte * -(-len(mapped) // mmap.PAGESIZE))()
        start = ctypes.c_char.from_buffer(mapped)
        size = ctypes.c_size_t(len(mapped))
        status = library.mincore(ctypes.c_void_p(ctypes.addressof(start)), size, pages)
        del start
    assert status == 0, ctypes.get_errno()
    return mmap.PAGESIZE * sum(page & 1 for page in pages)


def look_at_the_end(file: Path, size: int) -> None:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[-size:] == bytes(size)


@pytest.mark.parametrize("name", HOLLOW_MODELS)
def test_the_hollow_checkpoint_is_as_large_as_the_published_one(name: str, converter: Path) -> None:
    model = HOLLOW_MODELS[name]
    assert sum(math.prod(shape) for shape in tensor_shapes(model).values()) == model.parameters
    sizes = read_snapshot(name, converter).sizes
    assert {size: model.decoder[key] for size, key in _SIZE_NAMES.items()} == {
        size: sizes[size] for size in _SIZE_NAMES
    }


@pytest.mark.parametrize("name", HOLLOW_MODELS)
def test_types_and_sizes_are_those_of_the_snapshot(
    name: str, tmp_path: Path, converter: Path
) -> None:
    model = HOLLOW_MODELS[name]
    sections = read_snapshot(name, converter).sections
    assert sections.keys() - {*_FREE_LEVELS, *_BOUND_LEVELS} == _NOT_OFFERED
    checkpoint = make_hollow_checkpoint(model, tmp_path / "model")
    free = planned_levels(checkpoint, _FREE_LEVELS)
    assert_as_in(free, sections)
    text = tmp_path / "text.txt"
    text.write_text("A dry run reads no more than this of it.\n", encoding="utf-8")
    bound = planned_levels(checkpoint, _BOUND_LEVELS, text)
    assert_as_in(bound, {name: with_importance(name, one) for name, one in sections.items()})
    assert_sizes_add_up(free)
    # They name the importance matrix as well.
    assert_sizes_add_up(bound)


def test_a_tied_embedding_has_the_type_of_the_output(tmp_path: Path, converter: Path) -> None:
    model = replace(HOLLOW_MODELS[_SMALLEST], has_head=False)
    checkpoint = make_hollow_checkpoint(model, tmp_path / "model")
    sections = read_snapshot(_SMALLEST, converter).sections
    assert_as_in(
        planned_levels(checkpoint, _FREE_LEVELS),
        {level: with_tied_embedding(section) for level, section in sections.items()},
    )


def test_planning_leaves_the_weights_alone(tmp_path: Path) -> None:
    model = HOLLOW_MODELS[_SMALLEST]
    weights = make_hollow_checkpoint(model, tmp_path / "model") / "model.safetensors"
    before = weights.stat()
    header_size = before.st_size - 2 * model.parameters
    assert planned_levels(weights.parent, ["Q8_0"])["Q8_0"].size_bytes > model.parameters
    after = weights.stat()
    assert (after.st_size, after.st_blocks) == (before.st_size, before.st_blocks)
    if sys.platform == "linux":
        assert resident_bytes(weights) <= header_size + _LOOK_AHEAD_BYTES
        look_at_the_end(weights, 4 * _LOOK_AHEAD_BYTES)
        assert resident_bytes(weights) >= 4 * _LOOK_AHEAD_BYTES
