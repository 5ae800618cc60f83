"""The whole estimate of a source: size, memory and fit of each level."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.core.sentences import describe_error
from app.estimation.facts import Hardware, ModelShape
from app.estimation.fit import Need, Plan, Wishes, plan_fit
from app.estimation.memory import Weights, by_device, weights_of
from app.estimation.sizing import SizedLevel, SizedSource
from app.estimation.trial import LoadManner, Trial, try_loads
from app.estimation.trial_log import LoadLog

_MOST_ROUNDS = 3
_LARGEST_CONTEXT = 2**20
"""Some models claim ten times as many tokens; llama.cpp's table of cells has memory even so."""
_UNKNOWN = "The engine can't load this model, so its memory is unknown."


@dataclass(frozen=True)
class LevelEstimate:
    """What is known of a level; None is unknown, and `problem` says why."""

    level: str
    size_bytes: int | None
    bits_per_weight: float | None
    plan: Plan | None = None
    problem: str = ""


@dataclass(frozen=True)
class Estimate:
    """An estimate for a context of `context` tokens, with the facts that it was made from."""

    context: int
    cache_type: str
    hardware: Hardware
    shape: ModelShape
    levels: tuple[LevelEstimate, ...]


def estimate(
    source: SizedSource, hardware: Hardware, wishes: Wishes, manner: LoadManner
) -> Estimate:
    """Try loads without allocation, and plan what fits, until the plan is the load that was tried.

    A context beyond the trained one is cut to it, as a load does.

    Raises:
        AppError: what `try_loads` raises.
    """
    trained = source.shape.trained_context
    wishes = replace(wishes, context=min(wishes.context, trained or wishes.context))
    manner = replace(manner, reads_at_once=not source.is_causal)
    with ExitStack() as files:
        rows = [_Row(level) for level in source.levels]
        known = [row for row in rows if row.sized.file is not None]
        # Without devices nothing but the weights depends on the level.
        tried = known if hardware.devices else known[:1]
        for row in tried:
            row.enter(files)
            row.gpu_layers = _first_layers(source.shape, hardware, wishes)
        for _ in range(_MOST_ROUNDS):
            unsettled = [row for row in tried if not row.is_settled]
            _try(unsettled, source.shape, wishes, manner)
            for row in unsettled:
                row.settle(source.shape, hardware, wishes)
        for row in known[len(tried) :]:
            row.loads = tried[0].loads
            row.settle(source.shape, hardware, wishes)
    levels = tuple(row.estimate() for row in rows)
    return Estimate(wishes.context, manner.cache_type, hardware, source.shape, levels)


@dataclass
class _Row:
    """A level on its way: the loads tried for it, at the context wished for and at the largest."""

    sized: SizedLevel
    path: Path = field(default_factory=Path)
    gpu_layers: int = 0
    loads: tuple[LoadLog, LoadLog] | None = None
    plan: Plan | None = None
    is_settled: bool = False

    def enter(self, files: ExitStack) -> None:
        """Have a file that loads as the level would."""
        if self.sized.file is not None:
            self.path = files.enter_context(self.sized.file())

    def settle(self, shape: ModelShape, hardware: Hardware, wishes: Wishes) -> None:
        """Plan with what the loads told; settled when they were of the plan's layers."""
        self.is_settled = True
        if self.loads is None:
            return
        weights = weights_of(self.sized.tensors, self.loads[0])
        need = _need(weights, self.loads, _contexts(shape, wishes), shape)
        self.plan = plan_fit(need, hardware, wishes)
        if self.plan.gpu_layers != self.gpu_layers:
            self.gpu_layers = self.plan.gpu_layers
            self.is_settled = False

    def estimate(self) -> LevelEstimate:
        """What is known in the end."""
        problem = self.sized.problem
        words = describe_error(problem.code, problem.facts) if problem else ""
        return LevelEstimate(
            level=self.sized.level,
            size_bytes=self.sized.size_bytes,
            bits_per_weight=self.sized.bits_per_weight,
            plan=self.plan,
            problem=words or ("" if self.plan else _UNKNOWN),
        )


def _try(rows: Sequence[_Row], shape: ModelShape, wishes: Wishes, manner: LoadManner) -> None:
    contexts = _contexts(shape, wishes)
    trials = [Trial(row.path, row.gpu_layers, context) for row in rows for context in contexts]
    logs = try_loads(trials, manner)
    for place, row in enumerate(rows):
        load, largest = logs[2 * place : 2 * place + 2]
        row.loads = (load, largest) if load and largest else None


def _first_layers(shape: ModelShape, hardware: Hardware, wishes: Wishes) -> int:
    whole = shape.layers + 1 if hardware.devices else 0
    return whole if wishes.gpu_layers is None else min(wishes.gpu_layers, whole)


def _contexts(shape: ModelShape, wishes: Wishes) -> tuple[int, int]:
    """The context wished for, and the largest, where caches with a window are full."""
    return wishes.context, max(wishes.context, min(shape.trained_context, _LARGEST_CONTEXT))


def _need(
    weights: Weights, loads: tuple[LoadLog, LoadLog], contexts: tuple[int, int], shape: ModelShape
) -> Need:
    compute = {
        context: by_device(tried.compute_buffers, tried.layer_devices)
        for context, tried in zip(contexts, loads, strict=True)
    }
    return Need(
        weights=weights,
        caches=loads[-1].caches,
        kv_heads=shape.kv_heads,
        compute=tuple(compute.items()),
        largest_context=min(shape.trained_context, contexts[-1]),
    )
