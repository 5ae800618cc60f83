"""The verb `convert` as a child process: llama.cpp's own bytes, or nothing at all."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from app.core.errors import ErrorCode
from app.core.events import Event, Failed, Finished, LevelPlanned, Progressed
from app.core.levels import LEVELS, level_named
from app.gguf_file.header_reader import read_header
from app.gguf_file.validation import require_sane
from app.inference.sampling.parameters import SamplingParameters, default_sampling
from app.jobs.outcome import EXIT_CANCELED, EXIT_FAILED
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint, smollm2_checkpoint
from tests.support.engine.llama_cpp_tools import converted_by_llama_cpp, quantized_by_llama_cpp
from tests.support.gguf.kills import MOST_EVENTS, kill_conversion, leftovers
from tests.support.machine.verbs import ROOT, Child, files_below, run_verb, started

pytestmark = pytest.mark.slow

END_SECONDS = 1
LAY_OUT = """
import json, sys
from pathlib import Path
from app.conversion.converter.bridge import lay_out
from app.conversion.converter.converter_process import activate_converter
activate_converter(Path(sys.argv[1]))
lay_out(Path(sys.argv[2]))
print(json.dumps(list(sys.modules)))
"""
ALL_LEVELS = [level.name for level in LEVELS]


@pytest.fixture(autouse=True)
def _converter(converter: Path) -> Path:
    return converter


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        is_thorough = metafunc.config.option.markexpr == "slow"
        metafunc.parametrize("seed", range(10 if is_thorough else 3))


def convert(source: Path, target: Path, levels: Sequence[str], *options: str) -> list[Event]:
    chosen = [word for level in levels for word in ("--level", level)]
    with started("convert", str(source), *chosen, "--to", str(target), *options) as child:
        status = child.end()
    assert status == (EXIT_FAILED if isinstance(child.events[-1], Failed) else 0), child.events
    return child.events


def planned_sizes(events: list[Event]) -> dict[str, int]:
    planned = [event for event in events if isinstance(event, LevelPlanned)]
    return {event.level: event.size_bytes for event in planned}


def is_converting(event: Event) -> bool:
    return isinstance(event, Progressed) and event.step == "convert"


def test_models_of_transformers_are_not_imported(tmp_path: Path, converter: Path) -> None:
    # They, and what torch compiles for them, would take longer than all the rest.
    (version,) = converter.iterdir()
    source = make_tiny_checkpoint(tmp_path / "tiny")
    arguments = [sys.executable, "-c", LAY_OUT, str(version), str(source)]
    child = subprocess.run(arguments, cwd=ROOT, check=True, capture_output=True, encoding="utf-8")
    imported = json.loads(child.stdout)
    assert "transformers.models.llama.configuration_llama" in imported
    assert "transformers.core_model_loading" not in imported


def test_all_levels_have_the_promised_size_and_the_bytes_of_llama_cpp(
    tmp_path: Path, target: Path, converter: Path
) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    dry = convert(source, target, [], "--dry-run")
    assert not target.exists()

    events = convert(source, target, ALL_LEVELS)

    paths = [target / f"tiny-{name}.gguf" for name in ALL_LEVELS]
    assert events[-1] == Finished(tuple(map(str, paths)))
    sizes = dict(zip(ALL_LEVELS, (path.stat().st_size for path in paths), strict=True))
    assert planned_sizes(dry) == planned_sizes(events) == sizes
    progress = [event for event in events if is_converting(event)]
    assert progress[-1].done_bytes == progress[-1].total_bytes > 0
    reference = converted_by_llama_cpp(source, converter, "bf16", tmp_path)
    for level, path in zip(LEVELS, paths, strict=True):
        assert path.read_bytes() == quantized_by_llama_cpp(reference, level.name), level.name
        require_sane(read_header(path))


@pytest.mark.parametrize(
    ("dtype", "outtype", "shards", "tied"),
    [("float32", "f32", 1, True), ("float16", "f16", 3, False), ("bfloat16", "bf16", 2, True)],
)
def test_checkpoints_of_every_type_have_the_bytes_of_llama_cpp(
    dtype: str, outtype: str, shards: int, tied: bool, tmp_path: Path, target: Path, converter: Path
) -> None:
    source = make_tiny_checkpoint(
        tmp_path / "tiny", layers=2, vocabulary=640, dtype=dtype, shards=shards, tied=tied
    )
    convert(source, target, ["Q4_K_M", "IQ4_XS", "Q8_0"])
    reference = converted_by_llama_cpp(source, converter, outtype, tmp_path)
    for name in ("Q4_K_M", "IQ4_XS", "Q8_0"):
        made = (target / f"tiny-{name}.gguf").read_bytes()
        assert made == quantized_by_llama_cpp(reference, name), name


def test_a_real_model_has_the_bytes_of_llama_cpp(
    tmp_path: Path, target: Path, converter: Path
) -> None:
    source = smollm2_checkpoint()
    levels = ["Q4_K_M", "Q6_K", "Q8_0"]
    events = convert(source, target, levels)
    reference = converted_by_llama_cpp(source, converter, "bf16", tmp_path)
    for name in levels:
        made = target / f"{source.name}-{name}.gguf"
        assert made.stat().st_size == planned_sizes(events)[name]
        assert made.read_bytes() == quantized_by_llama_cpp(reference, name), name


def interrupt(child: Child) -> None:
    child.process.send_signal(signal.SIGINT)


def leave_alone(child: Child) -> None:
    child.stdin.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("stop", [Child.cancel, interrupt, leave_alone])
@pytest.mark.parametrize("step", ["checks", "convert"])
def test_stopped_it_leaves_at_once_and_leaves_nothing(
    stop: Callable[[Child], None],
    step: str,
    tmp_path: Path,
    target: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    source = make_tiny_checkpoint(tmp_path / "tiny", layers=24)
    arguments = ("--level", "Q4_K_M", "--level", "Q8_0", "--to", str(target))
    with started("convert", str(source), *arguments) as child:
        child.read_until(is_converting if step == "convert" else lambda _: True)
        assert child.process.poll() is None
        stop(child)
        assert child.process.wait(END_SECONDS) == EXIT_CANCELED
    assert not list(target.glob("*"))
    assert not list((home / "unfinished").glob("*"))
    assert not list(temporary.glob("gristmill-*"))


def test_killed_anywhere_it_leaves_nothing_that_looks_finished(
    seed: int, tmp_path: Path, target: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    source = make_tiny_checkpoint(tmp_path / "tiny", layers=24)
    kill_conversion(source, target, random.Random(seed).randrange(MOST_EVENTS))

    for file in target.glob("*.gguf"):
        require_sane(read_header(file))
    assert run_verb("models", "list", str(target)).status == 0
    assert not leftovers(target, home, temporary)


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path: Path, target: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny", layers=24)
    target.mkdir()
    old = target / "tiny-Q8_0.gguf"
    old.write_bytes(b"old")
    arguments = ("--level", "Q8_0", "--to", str(target), "--overwrite")
    with started("convert", str(source), *arguments) as child:
        child.read_until(is_converting)
        child.process.kill()
        child.process.wait()
    assert old.read_bytes() == b"old"

    convert(source, target, ["Q8_0"], "--overwrite")

    assert files_below(target) == {"tiny-Q8_0.gguf": old.stat().st_size}
    require_sane(read_header(old))


def test_a_new_file_takes_a_free_name_if_both_are_to_be_kept(tmp_path: Path, target: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    target.mkdir()
    for name in ("tiny-Q8_0.gguf", "tiny-Q8_0-2.gguf"):
        (target / name).write_bytes(b"old")

    events = convert(source, target, ["Q4_0", "Q8_0"], "--keep-both")

    made = tuple(str(target / name) for name in ("tiny-Q4_0.gguf", "tiny-Q8_0-3.gguf"))
    assert events[-1] == Finished(made)
    assert (target / "tiny-Q8_0.gguf").read_bytes() == b"old"
    assert read_header(target / "tiny-Q8_0-3.gguf").size_bytes == planned_sizes(events)["Q8_0"]


def test_one_file_can_be_named(tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    file = tmp_path / "some where" / "Grist é.GGUF"
    events = convert(source, file, ["q4_k_m", "Q4_K_M"])
    assert events[-1] == Finished((str(file),))
    assert read_header(file).metadata["general.file_type"] == level_named("Q4_K_M").ftype


def test_recommended_sampling_is_kept(tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    recommended = {"temperature": 0.5, "top_k": 20, "top_p": 0.75, "repetition_penalty": 1.25}
    (source / "generation_config.json").write_text(json.dumps(recommended))
    first, again = tmp_path / "first.gguf", tmp_path / "again.gguf"
    convert(source, first, ["Q8_0"])
    convert(first, again, ["Q4_0"], "--requantize")
    for file in (first, again):
        assert default_sampling(read_header(file).metadata) == SamplingParameters(
            temperature=0.5, top_k=20, top_p=0.75, repeat_penalty=1.25
        )


def test_two_jobs_for_one_file_get_into_no_quarrel(tmp_path: Path, target: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny", layers=24)
    arguments = ("--level", "Q8_0", "--to", str(target))
    with started("convert", str(source), *arguments) as first:
        first.read_until(is_converting)
        events = convert(source, target, ["Q8_0"])
        assert isinstance(events[-1], Failed)
        assert events[-1].code is ErrorCode.FILE_BUSY
        assert first.end() == 0
    require_sane(read_header(target / "tiny-Q8_0.gguf"))
