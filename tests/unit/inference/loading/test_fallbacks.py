"""Which loads are tried when memory is short, and in which order."""

from __future__ import annotations

import pytest

from app.core.load_options import LoadOptions
from app.inference.loading.fallbacks import LoadStep, load_steps

AUTOMATIC = LoadOptions()


def tried(
    options: LoadOptions,
    layers: int,
    context: int = 4096,
    planned: LoadStep | None = None,
    *,
    has_device: bool = True,
    shrinks_context: bool = False,
) -> list[tuple[int, int, int]]:
    steps = load_steps(
        options,
        layers,
        context,
        planned,
        has_device=has_device,
        shrinks_context=shrinks_context,
    )
    return [(step.gpu_layers, step.experts_on_cpu, step.context) for step in steps]


@pytest.mark.parametrize(
    ("layers", "planned", "steps"),
    [
        (30, None, [31, 27, 23, 19, 15, 11, 7, 3, 0]),
        (80, None, [81, 71, 61, 51, 41, 31, 21, 11, 1, 0]),
        (7, None, [8, 7, 6, 5, 4, 3, 2, 1, 0]),
        (1, None, [2, 1, 0]),
        (0, None, [1, 0]),
        (30, 12, [12, 8, 4, 0]),
        (30, 3, [3, 0]),
        (30, 0, [0]),
    ],
)
def test_layers_go_down_by_about_an_eighth(
    layers: int, planned: int | None, steps: list[int]
) -> None:
    first = None if planned is None else LoadStep(planned, 0, 4096)
    assert tried(AUTOMATIC, layers, planned=first) == [(count, 0, 4096) for count in steps]


@pytest.mark.parametrize("chosen", [0, 12, 31, 999])
def test_a_number_that_was_chosen_is_tried_alone(chosen: int) -> None:
    options = LoadOptions(gpu_layers=chosen, experts_on_cpu=2)
    assert tried(options, 30, shrinks_context=True) == [(chosen, 2, 4096)]


def test_without_devices_nothing_lies_there_whatever_was_chosen() -> None:
    options = LoadOptions(gpu_layers=12)
    assert tried(options, 30, has_device=False) == [(0, 0, 4096)]


@pytest.mark.parametrize(
    ("context", "contexts"),
    [
        (16_384, [16_384, 8192, 4096, 2048]),
        (3000, [3000, 2048]),
        (2048, [2048]),
        (512, [512]),
    ],
)
def test_the_context_is_halved_but_a_chat_keeps_some_room(
    context: int, contexts: list[int]
) -> None:
    steps = tried(AUTOMATIC, 30, context, has_device=False, shrinks_context=True)
    assert steps == [(0, 0, tokens) for tokens in contexts]


def test_layers_first_then_the_context_then_nothing_on_devices() -> None:
    planned = LoadStep(6, 0, 8192)
    steps = tried(AUTOMATIC, 30, 8192, planned, shrinks_context=True)
    assert steps == [
        (6, 0, 8192),
        (2, 0, 8192),
        (2, 0, 4096),
        (2, 0, 2048),
        (0, 0, 8192),
        (0, 0, 4096),
        (0, 0, 2048),
    ]


def test_experts_move_before_layers_do() -> None:
    planned = LoadStep(17, 9, 4096)
    steps = tried(AUTOMATIC, 16, planned=planned)
    assert steps[:7] == [
        (17, 9, 4096),
        (17, 11, 4096),
        (17, 13, 4096),
        (17, 15, 4096),
        (17, 16, 4096),
        (15, 16, 4096),
        (13, 16, 4096),
    ]
    assert steps[-1] == (0, 0, 4096)


def test_experts_that_were_chosen_stay_where_they_are() -> None:
    options = LoadOptions(experts_on_cpu=4)
    planned = LoadStep(9, 4, 4096)
    assert {experts for _, experts, _ in tried(options, 16, planned=planned)} == {4}
