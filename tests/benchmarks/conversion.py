"""Time to convert 1.2 billion weights to Q4_K_M, compared with llama.cpp's converter and quantizer.

Run: `python -m tests.benchmarks.conversion [LEVEL]` after `make setup`; needs 10 GB of disk space.
Both sides use the same engine build, number of threads and files; the results are compared byte by
byte.
"""

from __future__ import annotations

import filecmp
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from app.conversion.converter.installation import converter_folder
from app.core.levels import DEFAULT_LEVEL, level_named
from app.core.settings import Settings
from app.machine.cores import usable_threads

_MAKE = """
import sys, pathlib
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
make_tiny_checkpoint(pathlib.Path(sys.argv[1]), width=2048, layers=28, vocabulary=32_000)
"""
_QUANTIZE = """
import sys
import llama_cpp.llama_cpp as llama
parameters = llama.llama_model_quantize_default_params()
parameters.ftype, parameters.nthread = int(sys.argv[3]), int(sys.argv[4])
sys.exit(llama.llama_model_quantize(sys.argv[1].encode(), sys.argv[2].encode(), parameters))
"""


@dataclass(frozen=True)
class Cost:
    """The cost of a command: seconds of wall time, and peak resident memory in bytes."""

    seconds: float
    peak_bytes: int


def run(*command: str) -> Cost:
    """Run a command to its end and measure it."""
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    return Cost(time.monotonic() - began, used.ru_maxrss * 1024)


def main() -> None:
    """Print a table."""
    level = level_named(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_LEVEL)
    threads = str(usable_threads())
    converter = converter_folder(Settings())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = str(folder / "model")
        # In a separate process, since the peak of a child starts with the memory of its parent.
        run(sys.executable, "-c", _MAKE, source)
        middle, theirs, ours = (str(folder / f"{it}.gguf") for it in ("bf16", "theirs", "ours"))
        script = str(converter / "convert_hf_to_gguf.py")
        converted = run(sys.executable, script, source, "--outtype", "bf16", "--outfile", middle)
        arguments = (middle, theirs, str(level.ftype), threads)
        quantized = run(sys.executable, "-c", _QUANTIZE, *arguments)
        command = (sys.executable, "-m", "app", "convert", source, "--to", ours)
        grist = run(*command, "--level", level.name, "--threads", threads)
        is_same = filecmp.cmp(theirs, ours, shallow=False)
        Path(ours).unlink()
        shares = (sys.executable, "-m", "tests.benchmarks.conversion_shares")
        told = subprocess.check_output(
            (*shares, source, ours, level.name, threads), stderr=subprocess.DEVNULL, text=True
        )
    total = converted.seconds + quantized.seconds
    print(f"{level.name}, {threads} threads; files {'equal' if is_same else 'DIFFERENT'}")
    print(f"{'':<36}{'seconds':>9}{'ratio':>8}{'peak memory':>14}")
    for label, cost in (
        ("convert_hf_to_gguf.py to BF16", converted),
        ("llama_model_quantize", quantized),
        ("both", Cost(total, max(converted.peak_bytes, quantized.peak_bytes))),
        ("gristmill convert", grist),
    ):
        ratio = f"{total / cost.seconds:.1f}x"
        print(f"{label:<36}{cost.seconds:>9.1f}{ratio:>8}{cost.peak_bytes / 1e9:>11.2f} GB")
    print(told, end="")


if __name__ == "__main__":
    main()
