"""Predicted speed compared with real speed.

Run: `python -m tests.benchmarks.speed_prediction [FOLDER [LAYERS]]`. Each file is loaded and timed
as by `gristmill measure`, with rates measured just before. Two models are made at some levels each:
the real SmolLM2 and a random Llama of 1.2 billion weights. That needs 10 GB of disk space; FOLDER
keeps the files for the next run. LAYERS are offloaded to devices, by default none; 999 means all.
The real speed is the best of some rounds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.core import paths
from app.core.load_options import LoadOptions
from app.estimation.predictions import predict_levels
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest
from app.measurement.chunk_reader import open_reader
from app.measurement.measured_speed import MeasuredSpeed, measure_speed
from app.measurement.measured_speed import MeasuredSpeed as Prediction
from app.profiling.collection import collect_profile
from app.profiling.dry_load import ContextSetup
from app.profiling.sizing import file_source
from app.profiling.speed_profile import with_speeds
from app.profiling.this_machine import read_hardware
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint, smollm2_checkpoint
from tests.support.machine.installed import lend_converter

LEVELS = ("Q2_K", "Q3_K_M", "Q4_K_M", "Q6_K", "Q8_0", "F16")
TOLERANCE = 0.25
CONTEXT = 1024
WRITTEN = 128
ROUNDS = 3


def main() -> None:
    """Print a table and the number of figures within the tolerance."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRISTMILL_HOME"] = home
        lend_converter(Path(home))
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else home)
        options = LoadOptions(
            context=CONTEXT, gpu_layers=int(sys.argv[2]) if len(sys.argv) > 2 else 0
        )
        ratios: dict[str, list[float]] = {"writing": [], "prompt": []}
        print(f"{'file':<22}" + "".join(f"{name:>10}{'real':>8}{'ratio':>7}" for name in ratios))
        for file in made(folder):
            predicted, real = predict(file, options), measure(file, options)
            assert predicted is not None
            ratios["writing"].append(predicted.generation_tokens_per_second / real.generation)
            ratios["prompt"].append(predicted.prompt_tokens_per_second / real.prompt)
            print(
                f"{file.stem:<22}{predicted.generation_tokens_per_second:>10.1f}"
                f"{real.generation:>8.1f}{ratios['writing'][-1]:>7.2f}"
                f"{predicted.prompt_tokens_per_second:>10.1f}{real.prompt:>8.1f}"
                f"{ratios['prompt'][-1]:>7.2f}",
                flush=True,
            )
        for name, found in ratios.items():
            close = sum(abs(ratio - 1) <= TOLERANCE for ratio in found)
            print(f"{name}: {close} of {len(found)} within {TOLERANCE:.0%}")


def made(folder: Path) -> Iterator[Path]:
    """Yield the files of both models in turn; make them if they are missing."""
    for model in ("smollm2-135m", "llama-1.2b"):
        files = [folder / f"{model}-{level}.gguf" for level in LEVELS]
        if not all(file.is_file() for file in files):
            with tempfile.TemporaryDirectory() as place:
                checkpoint = smollm2_checkpoint()
                if model == "llama-1.2b":
                    checkpoint = make_tiny_checkpoint(
                        Path(place) / model, width=2048, layers=28, vocabulary=32_000
                    )
                convert(checkpoint, folder, model)
        yield from files


def convert(checkpoint: Path, folder: Path, model: str) -> None:
    """Convert a model to all levels in one pass."""
    flags = [word for level in LEVELS for word in ("--level", level)]
    command = [sys.executable, "-m", "app", "convert", str(checkpoint), *flags]
    with tempfile.TemporaryDirectory(dir=folder) as place:
        subprocess.run([*command, "--to", place], check=True, capture_output=True)
        for level in LEVELS:
            (made,) = Path(place).glob(f"*-{level}.gguf")
            made.rename(folder / f"{model}-{level}.gguf")


def predict(file: Path, options: LoadOptions) -> Prediction | None:
    """Predict the speed of a file, with newly measured rates."""
    paths.rates_file().unlink(missing_ok=True)
    setup = ContextSetup()
    profile = collect_profile(file_source(read_model(file)), read_hardware(), options, setup)
    (row,) = predict_levels(with_speeds(profile, file, options, setup, lambda _: None), options)
    return row.speed


def measure(file: Path, options: LoadOptions) -> MeasuredSpeed:
    """Return the best speeds of some rounds."""
    request = LoadRequest(read_model(file), options)
    with open_reader(request, lambda _: None) as reader:
        speeds = [measure_speed(reader) for _ in range(ROUNDS)]
    return MeasuredSpeed(max(one.prompt for one in speeds), max(one.generation for one in speeds))


if __name__ == "__main__":
    main()
