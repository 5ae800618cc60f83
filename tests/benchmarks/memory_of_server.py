"""Memory of a load compared with llama-server's.

Run: `python -m tests.benchmarks.memory_of_server [MODEL ...]`. The same model with the same
context, slots and micro-batch is estimated, loaded as by `serve`, and loaded by llama-server of the
same engine. A row shows weights, caches and compute buffers in MiB: ours / llama-server's /
estimated. The last line counts our figures within 2 % of llama-server's, and the estimates within 2
% of ours.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from app.core.device_memory import PROCESSOR, DeviceMemory
from app.core.load_options import LoadOptions
from app.estimation.predictions import predict_levels
from app.gguf_file.model import read_model
from app.inference.loading.load_memory import memory_of
from app.inference.loading.loaded_model import LoadRequest, opened_model
from app.inference.self_test.probe import working_options
from app.native.library import load_llama
from app.native.load_log import read_load_log
from app.profiling.collection import collect_profile, refine
from app.profiling.dry_load import ContextSetup
from app.profiling.sizing import file_source
from app.profiling.this_machine import read_hardware
from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import smollm2_gguf
from tests.support.engine.llama_cpp_programs import llama_server
from tests.support.machine.verbs import run_verb

TOLERANCE = 0.02
LOG_STEP_BYTES = 2 * 2**20 / 100
"""Sizes are logged to 0.01 MiB; a figure may be the sum of two."""
MEBIBYTE = 2**20
SMOLLM2 = "smollm2-135m"
LARGER = {"num_hidden_layers": 6, "max_position_embeddings": 32768}
RANDOM: dict[str, tuple[str, dict[str, object]]] = {
    "experts": ("MixtralConfig", LARGER),
    "shared-experts": ("Qwen2MoeConfig", LARGER),
    "sliding-window": (
        "Gemma3TextConfig",
        {"num_hidden_layers": 12, "max_position_embeddings": 131072, "sliding_window": 512},
    ),
    "recurrent": ("MambaConfig", {"num_hidden_layers": 6}),
    "hybrid": ("Lfm2Config", {"max_position_embeddings": 32768}),
    "large-vocabulary": ("Qwen3Config", {**LARGER, "vocab_size": 262_208}),
    "multi-query": ("FalconConfig", LARGER),
}
LEVEL = "Q8_0"
CASES = ((4096, 1, 512), (32768, 4, 512), (8192, 5, 128), (16384, 2, 2048))
"""Contexts, slots, micro-batches."""
_PREFIX = re.compile(r"^[\d.]+ [A-Z] ", re.MULTILINE)


class Figures(NamedTuple):
    """The RAM that one load uses, in bytes."""

    weights: int
    caches: int
    compute: int


def main() -> None:
    """Print a table and the number of close figures."""
    print(f"{'model':<18}{'context':>8}{'replies':>8}{'batch':>6}  ours / llama-server / estimated")
    ours_close = estimates_close = count = 0
    with tempfile.TemporaryDirectory() as folder:
        # Make all models first: the converter imports transformers without torch, which makes them.
        models = {name: made(name, Path(folder)) for name in sys.argv[1:] or (SMOLLM2, *RANDOM)}
        for name, model in models.items():
            for case in CASES:
                ours, server, estimated = compared(model, *case)
                beginning = f"{name:<18}{case[0]:>8}{case[1]:>8}{case[2]:>6}"
                print(f"{beginning}  {words(ours, server, estimated)}")
                count += len(ours)
                ours_close += sum(map(is_close, ours, server))
                estimates_close += sum(map(is_close, estimated, ours))
    print(
        f"of {count} figures {ours_close} are close to llama-server's, "
        f"{estimates_close} to the estimate"
    )


def made(name: str, folder: Path) -> Path:
    """Make the model with this name, as a GGUF file."""
    if name == SMOLLM2:
        return smollm2_gguf()
    configuration, changes = RANDOM[name]
    checkpoint = make_checkpoint(configuration, folder / name, **changes)
    target = folder / f"{name}.gguf"
    ended = run_verb("convert", str(checkpoint), "--level", LEVEL, "--to", str(target))
    assert ended.status == 0, ended.complaints
    return target


def compared(
    model: Path, context: int, slots: int, micro_batch: int
) -> tuple[Figures, Figures, Figures]:
    """Return the memory of our load, of llama-server's, and the estimate."""
    opened = read_model(model)
    options = LoadOptions(
        context=min(context, opened.info.context or context), micro_batch=micro_batch, gpu_layers=0
    )
    options = working_options(options, lambda _: None)
    load_request = LoadRequest(opened, options, slots=slots)
    with opened_model(load_request, lambda _: None) as loaded:
        ours = figures_of(loaded.memory[PROCESSOR])
        size_bytes = load_llama().llama_model_size(loaded.model)
    load = read_load_log(log_of_server(model, options, slots))
    server = figures_of(memory_of(load, [], opened, size_bytes)[PROCESSOR])
    return ours, server, figures_of(estimated_memory(model, options, slots))


def estimated_memory(model: Path, options: LoadOptions, slots: int) -> DeviceMemory:
    """Return the memory that `estimate` and the window predict for a load."""
    source, setup = file_source(read_model(model)), ContextSetup(slots)
    profile = refine(
        collect_profile(source, read_hardware(), options, setup), source, options, setup
    )
    (row,) = predict_levels(profile, options)
    assert row.plan is not None, row.problem
    return row.plan.memory[PROCESSOR]


def log_of_server(model: Path, options: LoadOptions, slots: int) -> str:
    """Return llama-server's log of its load."""
    arguments = (
        ("--ctx-size", options.context),
        ("--parallel", slots),
        ("--ubatch-size", options.micro_batch),
        ("--gpu-layers", 0),
        ("--fit", "off"),
        *(() if options.extra_buffers else (("--no-repack",),)),
        # The default of llama-server without a number of slots.
        ("--kv-unified",),
        ("--verbose",),
    )
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        words = [str(word) for pair in arguments for word in pair]
        with llama_server(model, *words, log=log):
            text = log.read_text(encoding="utf-8", errors="replace")
    return _PREFIX.sub("", text)


def figures_of(memory: DeviceMemory) -> Figures:
    """Return the three kinds of memory."""
    return Figures(memory.weights_bytes, memory.kv_bytes, memory.compute_bytes)


def is_close(one: int, other: int) -> bool:
    """Return whether two figures are within the tolerance, or differ by the rounding of a log."""
    return abs(one - other) <= max(TOLERANCE * other, LOG_STEP_BYTES)


def words(ours: Figures, server: Figures, estimated: Figures) -> str:
    """Format the figures on one line."""
    return "  ".join(
        f"{kind} " + " / ".join(f"{size / MEBIBYTE:.2f}" for size in sizes)
        for kind, *sizes in zip(Figures._fields, ours, server, estimated, strict=True)
    )


if __name__ == "__main__":
    main()
