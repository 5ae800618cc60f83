"""One checkpoint through llama.cpp's converter and ours: compared, loaded, and sizes predicted."""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.conversion.converter.transformers_choice import Transformers, transformers_for
from app.core.errors import NoticeCode
from app.core.notices import NOTICE_SENTENCES
from tests.support.checkpoints.registered_architectures import registered_checkpoint
from tests.support.engine.llama_cpp_tools import run_script
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.installed import lend_converter
from tests.support.machine.prepared_processes import PreparedProcess, Run

LEVELS = ("Q2_K", "Q4_K_M", "Q8_0", "BF16")
VERSIONS: tuple[Transformers, ...] = ("pinned", "own")
YES, NOT_MADE = "yes", "not made"
_IMPORT_OURS = """
import sys
import app.cli.convert, app.conversion.pipeline, app.streaming.streamed_conversion, torch
import tests.support.checkpoints.outlines
from app.conversion.converter.converter_process import import_converter
from app.conversion.converter.installation import converter_folder
from app.core.settings import Settings
import_converter(converter_folder(Settings()), sys.argv[2])
"""
_IMPORT_ENGINE = "import llama_cpp.llama_cpp, tests.support.gguf.level_comparison"
_THEIRS_FAILS = "llama.cpp's file does not load"
_KEPT = NOTICE_SENTENCES[NoticeCode.CHECKPOINT_KEPT].partition("{")[0]
_READ_WITH = re.compile(r"transformers (\d\S*?)(?:,|\s|$)")


@dataclass(frozen=True)
class Row:
    """The outcome of a checkpoint: `yes` or the problem of each step; sizes as bytes off."""

    architecture: str
    saved_by: Transformers
    theirs: str = NOT_MADE
    ours: str = "-"
    read_with: str = "-"
    equal: str = "-"
    loads: str = "-"
    local: str = "-"
    remote: str = "-"
    streamed: str = "-"

    @property
    def outcome(self) -> str:
        """Kind of the row."""
        if self.theirs == NOT_MADE:
            return NOT_MADE
        if self.theirs != YES:
            return "both refuse" if self.ours != YES else "only ours converts"
        if self.ours != YES:
            return "only llama.cpp converts" if self.loads == YES else "converts, does not load"
        if self.equal == _THEIRS_FAILS:
            return "only ours loads"
        is_exact = (self.local, self.remote) == ("0", "0")
        is_equal = (self.equal, self.streamed) == (YES, YES)
        return "equal" if is_equal and is_exact else "different"


class Trials:
    """The processes that do the work, in one data folder."""

    def __init__(self, home: Path, hub: LocalHub, levels: Sequence[str] = LEVELS) -> None:
        self._home = home
        self._hub = hub
        self._levels = levels
        self._converter = lend_converter(home)
        places = {"GRISTMILL_HOME": str(home), "HF_ENDPOINT": hub.endpoint}
        self._ours = {
            version: PreparedProcess(_IMPORT_OURS, os.environ | places, (version,))
            for version in VERSIONS
        }
        self._engine = PreparedProcess(_IMPORT_ENGINE)
        self._lock = threading.Lock()

    def row(self, architecture: str, saved_by: Transformers) -> Row:
        """Run all steps with the checkpoint of one architecture, on any thread."""
        source = registered_checkpoint(architecture, saved_by)
        if source is None:
            return Row(architecture, saved_by)
        return self.row_of(source, saved_by)

    def row_of(self, source: Path, saved_by: Transformers) -> Row:
        """Run all steps with a checkpoint."""
        with tempfile.TemporaryDirectory(dir=self._home) as folder:
            reference = Path(folder) / "reference.gguf"
            theirs = self._converted_by_llama_cpp(source, reference)
            row = Row(source.name, saved_by, _words_of(theirs))
            return self._ours_beside(row, source, Path(folder), reference)

    def _converted_by_llama_cpp(self, source: Path, file: Path) -> Run:
        arguments = (str(source), "--outtype", _outtype_of(source), "--outfile", str(file))
        script = "convert_hf_to_gguf.py"
        return run_script(script, self._converter, arguments, transformers_for(source))

    def _ours_beside(self, row: Row, source: Path, folder: Path, reference: Path) -> Row:
        levels = [word for level in self._levels for word in ("--level", level)]
        ours = self._ours[transformers_for(source)]
        converted = ours.run(
            "app", "convert", str(source), *levels, "--to", str(folder / "made"), "--verbose"
        )
        used = _READ_WITH.findall(converted.output)
        row = replace(row, ours=_words_of(converted), read_with=used[-1] if used else "-")
        files = [folder / "made" / f"{source.name}-{level}.gguf" for level in self._levels]
        is_there = row.theirs == YES
        if row.ours != YES:
            return replace(row, loads=self._loads(reference) if is_there else "-")
        published = self._published(source, row.saved_by)
        local, remote = (
            _off(ours.run("tests.support.checkpoints.outlines", place), files)
            for place in (str(source), published)
        )
        streamed = ours.run("app", "get", published, *levels, "--to", str(folder / "streamed"))
        return replace(
            row,
            equal=self._equal(reference, files) if is_there else "-",
            loads=self._loads(files[0]),
            local=local,
            remote=remote,
            streamed=_difference(streamed, files, folder / "streamed"),
        )

    def _equal(self, reference: Path, files: list[Path]) -> str:
        run = self._engine.run(
            "tests.support.gguf.level_comparison", str(reference), *map(str, files)
        )
        if run.status != 0:
            return _last_words(run)
        differences = {words for words in json.loads(run.output.splitlines()[-1]).values() if words}
        if differences and self._loads(reference) != YES:
            return _THEIRS_FAILS
        return "; ".join(sorted(differences)) or YES

    def _loads(self, file: Path) -> str:
        run = self._engine.run("tests.support.engine.first_token", str(file))
        return "aborts" if run.status < 0 else _words_of(run)

    def _published(self, source: Path, saved_by: Transformers) -> str:
        name = f"{saved_by}/{source.name}"
        with self._lock:
            self._hub.add_repository(name, source, lfs_above_bytes=100_000)
        return name


def _difference(streamed: Run, files: list[Path], folder: Path) -> str:
    """Return the faults of the files that were converted while their weights arrived."""
    if streamed.status != 0:
        return _last_words(streamed)
    if _KEPT in streamed.output:
        return "not streamed"
    different = [
        file.name for file in files if (folder / file.name).read_bytes() != file.read_bytes()
    ]
    return f"differs: {', '.join(different)}" if different else YES


def _off(run: Run, files: list[Path]) -> str:
    """Return the bytes that predicted sizes are off, over all levels."""
    if run.status != 0:
        return _last_words(run)
    (sizes,) = json.loads(run.output.splitlines()[-1])
    real = {file.stem.rpartition("-")[2]: file.stat().st_size for file in files}
    # Special levels are not estimated.
    told = {level: sizes[level] or 0 for level in real if level in sizes}
    return str(sum(abs(real[level] - size) for level, size in told.items()))


def _outtype_of(source: Path) -> str:
    """Return the type that keeps every matrix as it is."""
    from safetensors import safe_open

    kinds = set()
    for file in source.glob("*.safetensors"):
        with safe_open(file, "pt") as weights:
            slices = [weights.get_slice(name) for name in weights.keys()]  # noqa: SIM118
        kinds |= {one.get_dtype() for one in slices if len(one.get_shape()) > 1}
    return "bf16" if kinds == {"BF16"} else "f32"


def _words_of(run: Run) -> str:
    return YES if run.status == 0 else _last_words(run)


def _last_words(run: Run) -> str:
    lines = [line for line in run.output.splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"status {run.status}"
