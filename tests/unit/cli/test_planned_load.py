"""Advice when the layers that the user chose don't fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.planned_load import with_advice, with_fitting_layers, with_plan
from app.core.errors import AppError, ErrorCode
from app.core.load_options import LoadOptions
from app.estimation.compute_buffers import ComputeBuffers
from app.estimation.fit import Plan, Verdict
from app.estimation.hardware import Hardware
from app.estimation.placement import Need, Placement
from app.estimation.weights import Weights
from app.gguf_file.header_reader import Header
from app.gguf_file.model import Model
from app.inference.loading.loaded_model import LoadRequest

HEADER = Header(
    path=Path("/m.gguf"),
    version=3,
    metadata={
        "general.architecture": "llama",
        "llama.block_count": 30,
        "llama.context_length": 8192,
    },
    value_types={},
    arrays={},
    entries={},
    tensors=(),
    tensor_list=range(0),
    data_offset=0,
    alignment=32,
    size_bytes=0,
)
MODEL = Model((HEADER,))
ERROR = AppError(ErrorCode.OUT_OF_MEMORY, model="m.gguf", context=4096)


def load_request(gpu_layers: int | None) -> LoadRequest:
    return LoadRequest(MODEL, LoadOptions(gpu_layers=gpu_layers))


def plan(gpu_layers: int, verdict: Verdict = "shared") -> Plan:
    need = Need(Weights(0, (), (), 0, 0), (), ComputeBuffers(1, {}), 0)
    machine, placement = Hardware(1, 1, 0, 0), Placement((), 0, True)
    return Plan(verdict, gpu_layers, {}, 0, True, {}, "", need, machine, placement)


def test_the_layers_that_would_fit_are_named() -> None:
    error = with_fitting_layers(ERROR, load_request(31), plan(12))
    assert error.code is ErrorCode.LAYERS_OUT_OF_MEMORY
    assert error.details == {
        "model": "m.gguf",
        "layers": 31,
        "fitting": 12,
        "total": 31,
        "context": 4096,
    }


@pytest.mark.parametrize("said", [plan(31), plan(20), plan(0, "too_large")])
def test_a_plan_that_was_wrong_or_finds_nothing_is_no_advice(said: Plan) -> None:
    assert with_fitting_layers(ERROR, load_request(20), said) is ERROR


@pytest.mark.parametrize(
    ("error", "chosen"),
    [
        (ERROR, None),
        (ERROR, 0),
        (AppError(ErrorCode.MODEL_REJECTED, model="m.gguf", reason="?"), 31),
    ],
)
def test_nothing_is_looked_up_where_no_layers_were_chosen_or_memory_was_enough(
    error: AppError, chosen: int | None
) -> None:
    assert with_advice(error, load_request(chosen)) is error


def test_a_number_that_was_chosen_needs_no_plan() -> None:
    chosen = load_request(12)
    assert with_plan(chosen) == (chosen, None)
