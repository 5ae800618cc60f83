"""The verb `estimate`: exact sizes, memory as a load has it, and words for what is unknown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.core import paths
from app.core.errors import ErrorCode
from app.core.events import LevelPlanned
from app.core.levels import LEVELS
from app.core.load_options import CACHE_TYPES, LoadOptions
from app.estimation.model_profile import decode_profile
from app.estimation.predictions import predict_levels
from app.estimation.rates import MATRIX_TYPES
from app.gguf_file.model import read_model
from app.jobs.outcome import EXIT_FAILED, EXIT_USAGE
from app.profiling.collection import collect_profile
from app.profiling.dry_load import ContextSetup
from app.profiling.sizing import file_source
from app.profiling.this_machine import read_hardware
from tests.processes.working import working
from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.other_sources import make_adapter
from tests.support.checkpoints.vocabularies import vocabulary_file, write_windowed_model_on
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.gguf.gguf_files import bad_files, llama_file
from tests.support.machine.known_machine import MADE_UP_RATES, remember_machine
from tests.support.machine.verbs import run_verb, sentence_of, started

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _converter(converter: Path, known_machine: None) -> Path:
    return converter


def estimated(source: Path, *options: str) -> dict[str, Any]:
    ended = run_verb("estimate", str(source), "--json", *options)
    assert ended.status == 0, ended.complaints
    document: dict[str, Any] = json.loads("\n".join(ended.lines))
    return document


def test_every_level_has_the_size_that_the_conversion_plans(tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny", layers=2)
    with started("convert", str(source), "--dry-run") as child:
        child.end()
    planned = {e.level: e.size_bytes for e in child.events if isinstance(e, LevelPlanned)}
    assert len(planned) == len(LEVELS)
    found = estimated(source)
    assert {level["level"]: level["size_bytes"] for level in found["levels"]} == planned
    sizes = [level["size_bytes"] for level in found["levels"]]
    assert sizes == sorted(sizes)
    for level in found["levels"]:
        assert level["exact"] is True
        assert level["problem"] is None
        (memory,) = level["memory"]
        assert 0.7 * level["size_bytes"] < memory["weights_bytes"] < level["size_bytes"]
        assert level["fit"]["verdict"] == "on_processor"


@pytest.mark.parametrize("cache_type", CACHE_TYPES)
def test_keys_and_values_take_what_their_type_takes(tmp_path: Path, cache_type: str) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=8192)
    bits = {"f32": 32, "f16": 16, "bf16": 16, "q8_0": 8.5, "q5_1": 6, "q5_0": 5.5, "q4_1": 5}
    (level,) = estimated(model, "--kv", cache_type, "--context", "8192")["levels"]
    (memory,) = level["memory"]
    # One layer, 512 wide, keys and values.
    expected = 8192 * 512 * 2 * bits.get(cache_type, 4.5) / 8
    assert memory["kv_bytes"] == pytest.approx(expected, rel=0.01)


def test_a_gguf_file_has_its_own_size_and_no_more_context_than_it_knows(
    tmp_path: Path, converter: Path
) -> None:
    # What is quantized already needs no converter.
    converter.unlink()
    model = write_tiny_model(tmp_path / "tiny.gguf", context=512)
    found = estimated(model, "--context", "100000")
    (level,) = found["levels"]
    assert level["size_bytes"] == model.stat().st_size
    assert (found["context"], level["fit"]["largest_context"]) == (512, 512)


def test_layers_on_a_worker_take_their_memory_there(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=2048)
    with working() as (_, address):
        (level,) = estimated(model, "--worker", address)["levels"]
    memory = {part["device"]: part for part in level["memory"]}
    (device,) = memory.keys() - {"CPU"}
    assert level["fit"]["layers"] == {device: 2}
    assert memory[device]["kv_bytes"] > 0
    assert memory["CPU"]["kv_bytes"] == 0
    assert memory[device]["weights_bytes"] > memory["CPU"]["weights_bytes"] > 0


def test_a_16_bit_gguf_file_has_its_own_size_and_that_of_every_other_level(tmp_path: Path) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny")
    file = tmp_path / "tiny-F16.gguf"
    assert run_verb("convert", str(source), "--level", "F16", "--to", str(file)).status == 0
    levels = {level["level"]: level["size_bytes"] for level in estimated(file)["levels"]}
    assert levels.keys() == {level.name for level in LEVELS}
    assert levels["F16"] == file.stat().st_size
    from_source = {level["level"]: level["size_bytes"] for level in estimated(source)["levels"]}
    assert levels["Q4_K_M"] == from_source["Q4_K_M"]


def test_heads_that_differ_by_layer_count_in_a_folder_and_in_a_file(tmp_path: Path) -> None:
    source = make_checkpoint("Lfm2Config", tmp_path / "lfm2")
    file = tmp_path / "lfm2-F16.gguf"
    assert run_verb("convert", str(source), "--level", "F16", "--to", str(file)).status == 0
    found = [estimated(place, "--context", "512") for place in (source, file)]
    sizes, others = ({one["level"]: one["size_bytes"] for one in it["levels"]} for it in found)
    assert sizes == others
    assert others["F16"] == file.stat().st_size
    (memory,) = next(one["memory"] for one in found[1]["levels"] if one["level"] == "F16")
    # The one layer that attends: two heads of 64, keys and values in two bytes; and for each of
    # four replies two tokens of three convolutions, 256 wide in four bytes.
    assert memory["kv_bytes"] == pytest.approx(512 * 2 * 64 * 2 * 2 + 4 * 3 * 2 * 256 * 4, rel=0.05)


def test_a_window_is_worked_out_from_facts_as_a_load_tells(tmp_path: Path, converter: Path) -> None:
    vocabulary = vocabulary_file(converter, "llama-spm")
    model = write_windowed_model_on(vocabulary, tmp_path / "tiny.gguf", context=8192)
    source, setup = file_source(read_model(model)), ContextSetup(slots=4)
    known = collect_profile(source, read_hardware(), LoadOptions(), setup, is_wide=True)
    for options in (
        LoadOptions(micro_batch=128),
        LoadOptions(micro_batch=1024),
        LoadOptions(swa_full=True),
        LoadOptions(context=2048, cache_type_k="bf16"),
    ):
        tried = collect_profile(source, read_hardware(), options, setup)
        (worked_out,), (told,) = predict_levels(known, options), predict_levels(tried, options)
        assert worked_out.plan is not None
        assert told.plan is not None
        mine, its = worked_out.plan.memory["CPU"], told.plan.memory["CPU"]
        # Logged to a hundredth of a MiB.
        assert mine.kv_bytes == pytest.approx(its.kv_bytes, abs=30_000)
        # Between two micro-batches: masks have a row for each token, and here rows grow with them.
        assert mine.compute_bytes == pytest.approx(its.compute_bytes, rel=0.1)


def test_a_table_for_people(tmp_path: Path) -> None:
    ended = run_verb("estimate", str(write_tiny_model(tmp_path / "tiny.gguf")))
    assert ended.status == 0
    assert "256 tokens" in ended.lines[1]
    assert "In RAM: needs" in ended.lines[3]
    assert "unknown" in ended.lines[3]
    # Why something is unknown follows the table.
    assert "published for this level" in ended.lines[4]
    assert "fits in RAM" in ended.lines[-1]


def test_a_notice_leaves_the_json_alone(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    paths.settings_file().write_text("{broken")
    ended = run_verb("estimate", str(model), "--json")
    assert json.loads("\n".join(ended.lines))["levels"]
    assert sum("settings file could not be read" in line for line in ended.complaints) == 1


def test_speeds_from_disturbed_rates_say_so(tmp_path: Path) -> None:
    remember_machine(MADE_UP_RATES.as_disturbed())
    model = write_tiny_model(tmp_path / "tiny.gguf")
    # Two programs for each core, so that nothing is measured again.
    count = 2 * (os.cpu_count() or 1)
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        (level,) = estimated(model)["levels"]
        table = run_verb("estimate", str(model)).lines
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert level["tokens_per_second"] > 0
    assert "while other programs were busy" in level["speed_note"]
    assert "* " in table[3]
    assert any(line.startswith("* a rough figure") for line in table)


@pytest.mark.parametrize("fault", ["types", "refused"])
def test_nothing_is_null_without_a_reason(tmp_path: Path, fault: str) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    match fault:
        case "types":
            remember_machine(replace(MADE_UP_RATES, generation=dict.fromkeys(MATRIX_TYPES, 0.0)))
        case "refused":
            model = llama_file().write(tmp_path / "model.gguf")
    for level in estimated(model)["levels"]:
        unknown = [name for name, value in level.items() if value is None]
        assert bool(set(unknown) - {"speed_note", "problem"}) == (level["problem"] is not None)
        if fault == "types":
            assert "can't multiply" in level["problem"]


def test_what_the_engine_refuses_has_a_size_and_no_memory(tmp_path: Path) -> None:
    # Only a header: most of a Llama's tensors are missing.
    model = llama_file().write(tmp_path / "model.gguf")
    (level,) = estimated(model)["levels"]
    assert level["size_bytes"] == model.stat().st_size
    assert (level["memory"], level["fit"]) == (None, None)
    assert "unknown" in level["problem"]


def test_options_that_can_t_be_together_are_refused(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    ended = run_verb("estimate", str(model), "--kv", "q8_0", "--flash-attention", "off")
    assert ended.status == EXIT_FAILED
    sentence = sentence_of(ErrorCode.CACHE_NEEDS_FLASH_ATTENTION)
    assert sentence.fullmatch(ended.complaints[-1])


def test_nothing_there(tmp_path: Path) -> None:
    ended = run_verb("estimate", str(tmp_path / "nothing"))
    assert ended.status == EXIT_FAILED
    assert sentence_of(ErrorCode.SOURCE_NOT_FOUND).fullmatch(ended.complaints[-1])


@pytest.mark.parametrize("name", ["empty", "huge_tensor_count", "data_one_byte_short"])
def test_bad_files_are_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    content, code = bad_files()[name]
    file = tmp_path / "bad.gguf"
    file.write_bytes(content)
    ended = run_verb("estimate", str(file))
    assert ended.status == EXIT_FAILED
    assert ended.lines == []
    assert sentence_of(code).fullmatch(ended.complaints[-1])


def test_folders_without_a_model_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    make_adapter(tmp_path / "adapter", str(make_tiny_checkpoint(tmp_path / "tiny")))
    for name in ("empty", "adapter"):
        ended = run_verb("estimate", str(tmp_path / name))
        assert ended.status == EXIT_FAILED
        assert sentence_of(ErrorCode.NOT_A_CHECKPOINT).fullmatch(ended.complaints[-1])


@pytest.mark.parametrize("content", ["", "[]", '{"loads": [], "setup": {"slots": "x"}}'])
def test_loads_of_another_form_are_a_wrong_usage(tmp_path: Path, content: str) -> None:
    options = tmp_path / "options.json"
    options.write_text(content)
    model = write_tiny_model(tmp_path / "tiny.gguf")
    assert run_verb("dry-load", str(options), str(model)).status == EXIT_USAGE


@pytest.mark.parametrize("context", [512, 3000, 8192])
def test_what_is_worked_out_from_facts_is_what_a_load_tells(tmp_path: Path, context: int) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=8192)
    facts = decode_profile(run_verb("estimate", str(model), "--profile").lines[-1])
    (row,) = predict_levels(facts, LoadOptions(context=context))
    (level,) = estimated(model, "--context", str(context))["levels"]
    (memory,) = level["memory"]
    assert row.plan is not None
    worked_out = row.plan.memory["CPU"]
    assert worked_out.weights_bytes == memory["weights_bytes"]
    assert worked_out.kv_bytes == memory["kv_bytes"]
    assert worked_out.compute_bytes == pytest.approx(memory["compute_bytes"], rel=0.05)
