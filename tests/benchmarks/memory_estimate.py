"""Estimated memory compared with actual memory.

Run: `python -m tests.benchmarks.memory_estimate [MODEL ...]`. After its estimate, each model is
loaded with layers on the machine's devices, or on a worker on loopback if there are none. The
buffers in llama.cpp's log are compared: weights, caches and compute buffers, each summed for the
CPU and for a device. The models are real or hollow, since the values of weights don't matter.
A row shows each estimate in MB with its ratio to the real figure; both are rounded to 0.01 MiB.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.core.device_memory import PROCESSOR, DeviceMemory
from app.core.load_options import CacheType, LoadOptions
from app.core.settings import Settings
from app.estimation.predictions import effective_options, predict_levels
from app.inference.loading.engine_parameters import model_parameters
from app.native.devices import Pointers, devices
from app.native.library import load_llama, log
from app.native.load_log import LoadLog, by_device, read_load_log
from app.native.rpc import add_workers
from app.profiling.collection import collect_profile, refine
from app.profiling.dry_load import ContextSetup, context_of
from app.profiling.sizing import SizedLevel, SizedSource, size_source
from app.profiling.this_machine import read_hardware
from tests.processes.working import working
from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import smollm2_gguf
from tests.support.checkpoints.hollow_checkpoints import HOLLOW_MODELS, make_hollow_checkpoint

TOLERANCE = 0.05
LOG_STEP_BYTES = 2**20 / 100
Case = tuple[int, CacheType, int, int]
CASES: tuple[Case, ...] = (
    (512, "f16", 0, 512),
    (4096, "q8_0", 1, 512),
    (32768, "q4_0", 0, 128),
    (8192, "f16", 2, 2048),
    (2048, "q4_0", 999, 256),
    (32768, "f16", 999, 512),
)
"""Contexts, KV cache types, layers on devices, micro-batches."""
HOLLOW = ("qwen3-0.6b", "gemma-3-4b-it")
RANDOM = ("MixtralConfig", "Qwen2MoeConfig", "Gemma3TextConfig", "MambaConfig", "FalconConfig")
LARGER = {"num_hidden_layers": 6, "max_position_embeddings": 32768}
LEVEL = "Q4_K_M"
SMOLLM2 = "smollm2-135m"
MODELS = (SMOLLM2, *HOLLOW, *RANDOM)


@dataclass(frozen=True)
class Compared:
    """An estimated figure and the logged one, in bytes."""

    name: str
    estimated: int
    real: int

    @property
    def ratio(self) -> float:
        """Ratio of the estimate to the real figure; 1 if both are close to zero."""
        if abs(self.estimated - self.real) <= LOG_STEP_BYTES:
            return 1.0
        return self.estimated / self.real if self.real else float("inf")


def main() -> None:
    """Print a table and the worst row."""
    rows = 0
    ratios: list[float] = []
    columns = f"{'model':<20}{'context':>8} {'keys':<6}{'layers':>7}{'batch':>6}"
    print(f"{columns}   estimated MB (ratio to real)")
    with opened_devices() as (workers, pointers), tempfile.TemporaryDirectory() as folder:
        # Make all models first: the converter imports transformers without torch, which makes them.
        places = {name: made(name, Path(folder)) for name in sys.argv[1:] or MODELS}
        for name, place in places.items():
            source = size_source(place, Settings(), allows_pickle=False)
            for case in CASES:
                compared = list(compare(source, case, workers, pointers))
                rows += 1
                context, keys, layers, batch = case
                beginning = f"{name:<20}{context:>8} {keys:<6}{layers:>7}{batch:>6}"
                print(f"{beginning}   {words(compared)}")
                ratios += [one.ratio for one in compared]
    close = sum(abs(ratio - 1) <= TOLERANCE for ratio in ratios)
    print(
        f"{rows} loads, {close} of {len(ratios)} figures within {TOLERANCE:.0%}; ratios from ",
        end="",
    )
    print(f"{min(ratios):.4f} to {max(ratios):.4f}")


@contextmanager
def opened_devices() -> Iterator[tuple[tuple[str, ...], Pointers | None]]:
    """Yield workers and what `add_workers` returns for them; none if the machine has devices."""
    if any(device.is_gpu for device in devices()):
        yield (), None
        return
    with working() as (_, address):
        yield (address,), add_workers([address])


def made(name: str, folder: Path) -> Path:
    """Make the model with this name."""
    if name == SMOLLM2:
        return smollm2_gguf()
    if name in HOLLOW_MODELS:
        return make_hollow_checkpoint(HOLLOW_MODELS[name], folder / name)
    return make_checkpoint(name, folder / name, **LARGER)


def compare(
    source: SizedSource,
    case: Case,
    workers: tuple[str, ...],
    pointers: Pointers | None,
) -> Iterator[Compared]:
    """Estimate and load one level; return the figures of each device."""
    context, cache_type, layers, micro_batch = case
    level = next((level for level in source.levels if level.level == LEVEL), source.levels[0])
    setup = ContextSetup(workers=workers, single_batch=not source.is_causal)
    one = SizedSource(source.shape, source.is_causal, (level,))
    options = LoadOptions(
        context=context,
        cache_type_k=cache_type,
        cache_type_v=cache_type,
        gpu_layers=layers,
        micro_batch=micro_batch,
    )
    hardware = read_hardware()
    profile = refine(collect_profile(one, hardware, options, setup), one, options, setup)
    (row,) = predict_levels(profile, options)
    assert row.plan is not None, row.problem
    real = real_load(
        level, effective_options(profile, options), row.plan.gpu_layers, setup, pointers
    )
    names = [device.name for device in hardware.devices]
    weights, caches, compute = (
        by_device(buffers, names)
        for buffers in (real.model_buffers, real.cache_buffers, real.compute_buffers)
    )
    for device in (PROCESSOR, *names):
        memory = row.plan.memory.get(device, DeviceMemory(0, 0, 0))
        for what, estimated, found in (
            ("weights", memory.weights_bytes, weights),
            ("caches", memory.kv_bytes, caches),
            ("compute", memory.compute_bytes, compute),
        ):
            if estimated or found.get(device):
                yield Compared(f"{device} {what}", estimated, found.get(device, 0))


def real_load(
    level: SizedLevel,
    options: LoadOptions,
    gpu_layers: int,
    setup: ContextSetup,
    pointers: Pointers | None,
) -> LoadLog:
    """Load with memory, and return the parsed log."""
    llama = load_llama()
    # The size of a mapped buffer includes gaps between its tensors, although they are never read.
    parameters = model_parameters(options, gpu_layers, 0, pointers, is_mapped=False)
    with level.opened() as path, log.recording() as pieces:
        model = llama.llama_model_load_from_file(os.fsencode(path), parameters.structure)
        context = llama.llama_init_from_model(model, context_of(options, setup))
        assert context, log.reason()
        llama.llama_free(context)
        llama.llama_model_free(model)
    return read_load_log("".join(pieces))


def words(compared: list[Compared]) -> str:
    """Format the figures on one line."""
    parts = [f"{one.name} {one.estimated / 1e6:.2f} ({one.ratio:.3f})" for one in compared]
    return "  ".join(parts)


if __name__ == "__main__":
    main()
