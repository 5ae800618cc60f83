"""The verb `convert` with a size instead of a level, and with corrected rounding."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from app.core import paths
from app.core.compared_words import divergence_figure
from app.gguf_file.header_reader import read_header
from app.gguf_file.tensor_types import TENSOR_TYPES, TYPE_NUMBERS, type_name
from app.library.conversion_records import ConversionRecords
from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.continuous import documentation
from tests.support.checkpoints.other_sources import make_seeing_gemma, without_gradients
from tests.support.checkpoints.quantized_checkpoints import make_quantized
from tests.support.machine.verbs import ROOT, files_below, run_verb

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _converter(converter: Path) -> Path:
    return converter


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_text(documentation()[:60_000], encoding="utf-8")
    return file


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_tiny_checkpoint(tmp_path / "source", layers=2)


def converted(source: Path, target: Path, text: Path, *options: str) -> list[str]:
    words = ("--calibration", str(text), "--to", str(target), "--overwrite")
    ended = run_verb("convert", str(source), *options, *words)
    assert ended.status == 0, ended.complaints
    return ended.lines


def types_in(file: Path) -> dict[str, str]:
    return {tensor.name: type_name(tensor.type_number) for tensor in read_header(file).tensors}


def tensor_in(file: Path, name: str) -> bytes:
    header = read_header(file)
    (tensor,) = (tensor for tensor in header.tensors if tensor.name == name)
    with file.open("rb") as opened:
        opened.seek(header.data_offset + tensor.offset)
        return opened.read(tensor.size_bytes)


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_file_has_at_most_the_size_and_exactly_the_planned_one(
    source: Path, tmp_path: Path, text: Path
) -> None:
    planned = converted(source, tmp_path, text, "--target-size", "1MB", "--dry-run")
    assert not list(tmp_path.glob("*.gguf"))
    lines = converted(source, tmp_path, text, "--target-size", "1MB")
    file = Path(lines[-1])
    size = next(line for line in planned if line.startswith("this file"))
    assert int(re.findall(r"[\d,]{7,}", size)[0].replace(",", "")) == file.stat().st_size
    assert 900_000 < file.stat().st_size <= 1_000_000
    assert re.fullmatch(r"source-\d\.\d\dbpw-Q\w+\.gguf", file.name)
    assert len({kind for name, kind in types_in(file).items() if "norm" not in name}) > 1


def test_what_was_measured_stays_with_the_file_even_if_its_name_changes(
    source: Path, tmp_path: Path, text: Path
) -> None:
    file = tmp_path / "made.gguf"
    lines = converted(source, file, text, "--target-bits", "4.5")
    record = ConversionRecords().of(file)
    assert record is not None
    assert record.compared is not None
    assert record.compared.file.size_bytes == file.stat().st_size
    figures = (divergence_figure(record.compared.file.divergence), "KL divergence")
    assert any(all(words in line for words in figures) for line in lines)
    assert run_verb("models", "edit", str(file), "--name", "Grain of another name").status == 0
    inspected = run_verb("models", "inspect", str(file)).lines
    assert "Quality" in inspected
    figures = (divergence_figure(record.compared.plain.divergence), "KL divergence")
    assert any(all(words in line for words in figures) for line in inspected)
    document = json.loads("".join(run_verb("models", "inspect", str(file), "--json").lines))
    assert document["compared"]["level"] == record.compared.level
    plain = tmp_path / "plain.gguf"
    assert run_verb("convert", str(source), "--level", "Q4_0", "--to", str(plain)).status == 0
    assert "Quality" not in run_verb("models", "inspect", str(plain)).lines


def test_all_that_this_machine_holds_is_the_largest_type_for_a_small_model(
    source: Path, tmp_path: Path, text: Path
) -> None:
    lines = converted(source, tmp_path, text, "--fits", "--context", "512")
    assert Path(lines[-1]).name.endswith("-Q8_0.gguf")
    matrices = {kind for name, kind in types_in(Path(lines[-1])).items() if "norm" not in name}
    assert matrices == {"q8_0"}


def test_a_target_in_bits_is_an_average_over_all_tensors(
    source: Path, tmp_path: Path, text: Path
) -> None:
    target = tmp_path / "four.gguf"
    converted(source, target, text, "--target-bits", "4.5")
    tensors = read_header(target).tensors
    weights = sum(tensor.size_bytes for tensor in tensors)
    count = 0
    for tensor in tensors:
        product = 1
        for length in tensor.shape:
            product *= length
        count += product
    assert 4.4 < 8 * weights / count <= 4.5


def test_a_small_file_has_types_of_few_bits_and_loads(
    source: Path, tmp_path: Path, text: Path
) -> None:
    target = tmp_path / "small.gguf"
    words = ("--target-bits", "2.4", "--calibration", str(text), "--to", str(target))
    planned = run_verb("convert", str(source), *words, "--dry-run")
    assert run_verb("convert", str(source), *words).status == 0
    size = next(line for line in planned.lines if line.startswith("this file"))
    assert int(re.findall(r"[\d,]{6,}", size)[0].replace(",", "")) == target.stat().st_size
    assert any("matrices get types such as iq" in line for line in planned.complaints)
    kinds = types_in(target)
    assert any(kind.startswith("iq2_") for name, kind in kinds.items() if name.startswith("blk."))
    assert kinds["token_embd.weight"].endswith("_K")
    assert kinds["output.weight"].endswith("_K")
    command = [sys.executable, "-m", "tests.support.engine.first_token", str(target)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stderr


def test_a_small_file_with_corrected_rounding_keeps_ggmls_bytes_of_types_of_few_bits(
    source: Path, tmp_path: Path, text: Path
) -> None:
    target = tmp_path / "small.gguf"
    lines = converted(source, target, text, "--target-bits", "2.4", "--correct")
    kinds = types_in(target)
    low = [name for name, kind in kinds.items() if re.match("iq[23]_", kind)]
    able = [name for name, kind in kinds.items() if name not in low and kind != "f32"]
    (said,) = (line for line in lines if line.startswith("Corrected"))
    _, tried = map(int, re.findall(r"\d+", said)[:2])
    assert low
    # The embedding is only looked up.
    assert tried == len(able) - 1


def test_experts_that_saw_no_tokens_get_no_type_that_needs_importance(
    tmp_path: Path, text: Path
) -> None:
    source = make_checkpoint("MixtralConfig", tmp_path / "source", num_experts_per_tok=1)
    options = ("--target-bits", "2.8")
    files = [tmp_path / "seen.gguf", tmp_path / "unseen.gguf"]
    converted(source, files[0], text, *options)
    _never_choose_the_first_expert(source)
    converted(source, files[1], text, *options)
    seen, unseen = (
        {kind for name, kind in types_in(file).items() if "_exps" in name} for file in files
    )
    assert any(TENSOR_TYPES[TYPE_NUMBERS[kind]].needs_importance for kind in seen)
    assert not any(TENSOR_TYPES[TYPE_NUMBERS[kind]].needs_importance for kind in unseen)


def _never_choose_the_first_expert(source: Path) -> None:
    file = source / "model.safetensors"
    tensors = load_file(file)
    for name, router in tensors.items():
        if name.endswith("gate.weight"):
            # One of two opposite scores is above zero.
            router[0], router[2] = 0, -router[1]
    save_file(tensors, file, metadata={"format": "pt"})


@pytest.mark.parametrize(
    "options",
    [
        ("--target-bits", "4"),
        ("--target-bits", "2.4"),
        ("--level", "Q4_K_M", "--correct"),
        ("--level", "Q2_K", "--correct", "--tune"),
    ],
)
def test_any_number_of_threads_makes_the_same_bytes(
    options: tuple[str, ...], source: Path, tmp_path: Path, text: Path
) -> None:
    files = [tmp_path / "one.gguf", tmp_path / "two.gguf"]
    for file, threads in zip(files, ("1", "3"), strict=True):
        # What was kept of the first measurement must not answer for the second.
        for kept in files_below(Path.home() / "sensitivities"):
            kept.unlink()
        converted(source, file, text, *options, "--threads", threads)
    assert digest(files[0]) == digest(files[1])


def test_corrected_rounding_keeps_types_and_size_and_differs_from_the_plain_level(
    source: Path, tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    plain, corrected = tmp_path / "plain.gguf", tmp_path / "corrected.gguf"
    assert run_verb("convert", str(source), "--level", "Q3_K_M", "--to", str(plain)).status == 0
    lines = converted(source, corrected, text, "--level", "Q3_K_M", "--correct")
    # A mark in the header says how it was made.
    assert 0 <= corrected.stat().st_size - plain.stat().st_size <= 64
    assert types_in(corrected) == types_in(plain)
    assert digest(corrected) != digest(plain)
    (said,) = (line for line in lines if line.startswith("Corrected"))
    accepted, tried = map(int, re.findall(r"\d+", said)[:2])
    assert 0 < accepted <= tried
    assert not list(temporary.iterdir())


def test_a_type_that_the_user_names_is_kept(source: Path, tmp_path: Path, text: Path) -> None:
    target = tmp_path / "named.gguf"
    converted(source, target, text, "--target-bits", "4", "--type", "ffn_down=q6_k")
    kinds = {kind for name, kind in types_in(target).items() if "ffn_down" in name}
    assert kinds == {"q6_K"}


def test_a_size_that_is_too_small_names_the_smallest_and_leaves_nothing(
    source: Path, tmp_path: Path, text: Path
) -> None:
    target = tmp_path / "small.gguf"
    words = ("--calibration", str(text), "--to", str(target))
    ended = run_verb("convert", str(source), "--target-size", "100kB", *words)
    assert ended.status == 1
    assert "smallest file of this model" in ended.complaints[-1]
    assert not target.exists()


def test_the_plain_level_that_was_measured_is_predicted_as_it_was_found(
    source: Path, tmp_path: Path, text: Path
) -> None:
    lines = converted(source, tmp_path / "a.gguf", text, "--target-bits", "4")
    said = "\n".join(lines)
    ((level, found),) = re.findall(r"Plain (\w+) .*KL divergence ([\d.]+)", said)
    (predicted,) = re.findall(rf"^{level} .*B +([\d.]+)$", said, re.MULTILINE)
    assert float(predicted) == pytest.approx(float(found), rel=0.06)


def test_a_text_that_repeats_itself_tells_nothing(source: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.txt"
    again.write_text("The same sentence stands here once more. " * 5000, encoding="utf-8")
    words = ("--target-bits", "4", "--calibration", str(again), "--to", str(tmp_path / "a.gguf"))
    ended = run_verb("convert", str(source), *words)
    assert ended.status == 1
    assert "repeats itself" in ended.complaints[-1]


@pytest.mark.parametrize("options", [("--target-bits", "6"), ("--level", "Q4_K_M", "--correct")])
def test_a_file_that_can_not_be_written_is_refused_before_anything_is_measured(
    options: tuple[str, ...], source: Path, tmp_path: Path, text: Path
) -> None:
    target = tmp_path / "here.gguf"
    target.write_bytes(b"mine")
    for place, refused in (
        (target, "already exists"),
        (Path("/proc/a.gguf"), "no files can be made there"),
    ):
        if place.parent.is_dir():
            words = ("--calibration", str(text), "--to", str(place))
            ended = run_verb("convert", str(source), *options, *words)
            assert ended.status == 1
            assert refused in ended.complaints[-1]
    assert target.read_bytes() == b"mine"
    assert not list(paths.sensitivities_folder().glob("*"))


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        (("--target-size", "1MB", "--level", "Q4_K_M"), "--level can't be combined with a size"),
        (("--level", "Q4_K_M", "--correct", "--imatrix", "a"), "--imatrix can't be combined"),
        (("--target-size", "1MB", "--target-bits", "4"), "not allowed with argument"),
        (("--target-size", "lots"), "“lots” is no size"),
        (("--target-bits", "40"), "“40” is not a number from 1 to 9"),
    ],
)
def test_flags_that_contradict_each_other_are_wrong_usage(
    options: tuple[str, ...], refused: str, source: Path
) -> None:
    ended = run_verb("convert", str(source), *options)
    assert ended.status == 2
    assert refused in ended.complaints[-1]


def test_a_level_that_can_not_be_corrected_is_refused(
    source: Path, tmp_path: Path, text: Path
) -> None:
    words = ("--calibration", str(text), "--to", str(tmp_path / "file.gguf"))
    ended = run_verb("convert", str(source), "--level", "F16", "--correct", *words)
    assert ended.status == 1
    assert "can't be corrected at F16" in ended.complaints[-1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--target-bits", "4"), "with 4,096, types would be chosen more reliably"),
        (
            ("--level", "Q4_K_M", "--correct"),
            "columns of a matrix; 12,288 tokens would give better",
        ),
    ],
)
def test_a_text_that_is_enough_but_little_is_told(
    options: tuple[str, ...], told: str, source: Path, tmp_path: Path
) -> None:
    little = tmp_path / "little.txt"
    little.write_text(documentation()[:11_000], encoding="utf-8")
    words = ("--calibration", str(little), "--to", str(tmp_path / "a.gguf"), "--dry-run")
    ended = run_verb("convert", str(source), *options, *words)
    assert ended.status == 0, ended.complaints
    assert any(told in line for line in ended.complaints)


def test_a_short_text_says_how_much_is_needed(source: Path, tmp_path: Path) -> None:
    text = tmp_path / "short.txt"
    text.write_text("The miller opens the gate.\n" * 20, encoding="utf-8")
    words = ("--calibration", str(text), "--to", str(tmp_path / "file.gguf"))
    ended = run_verb("convert", str(source), "--target-bits", "4", *words)
    assert ended.status == 1
    assert "7,168 are needed" in ended.complaints[-1]


def test_a_model_without_gradients_is_measured_by_the_engine(
    source: Path, tmp_path: Path, text: Path
) -> None:
    without_gradients(source)
    first, second = tmp_path / "first.gguf", tmp_path / "second.gguf"
    words = ("--calibration", str(text), "--target-bits", "5")
    ended = run_verb("convert", str(source), *words, "--to", str(first))
    assert ended.status == 0, ended.complaints
    assert any("llama.cpp measures groups of tensors" in line for line in ended.complaints)
    assert any(line.startswith("This file (") and ": KL divergence" in line for line in ended.lines)
    assert len({kind for name, kind in types_in(first).items() if "norm" not in name}) > 1
    converted(source, second, text, "--target-bits", "5")
    assert digest(first) == digest(second)


def test_rounding_is_not_corrected_without_gradients(
    source: Path, tmp_path: Path, text: Path
) -> None:
    without_gradients(source)
    target = tmp_path / "file.gguf"
    words = ("--calibration", str(text), "--target-bits", "5", "--correct", "--to", str(target))
    ended = run_verb("convert", str(source), *words)
    assert ended.status == 1
    assert "gradients can't be computed" in ended.complaints[-1]
    assert "without corrected rounding" in ended.complaints[-1]
    assert not target.exists()


def test_weights_that_are_quantized_already_are_measured_by_the_engine(
    tmp_path: Path, text: Path
) -> None:
    source, target = make_quantized("fp8", tmp_path / "source"), tmp_path / "file.gguf"
    words = ("--calibration", str(text), "--target-bits", "5", "--to", str(target))
    ended = run_verb("convert", str(source), *words)
    assert ended.status == 0, ended.complaints
    assert any("its weights are quantized already" in line for line in ended.complaints)
    assert target.exists()


def test_the_language_model_of_one_that_sees_is_measured(tmp_path: Path, text: Path) -> None:
    source = make_seeing_gemma(tmp_path / "source")
    target = tmp_path / "file.gguf"
    lines = converted(source, target, text, "--target-bits", "5")
    assert any(line.startswith("This file (") and ": KL divergence" in line for line in lines)
    assert target.exists()


def test_experts_are_measured_and_corrected_one_by_one(tmp_path: Path, text: Path) -> None:
    source = make_checkpoint("MixtralConfig", tmp_path / "source")
    target = tmp_path / "file.gguf"
    lines = converted(source, target, text, "--target-bits", "4", "--correct")
    (said,) = (line for line in lines if line.startswith("Corrected"))
    _, tried = map(int, re.findall(r"\d+", said)[:2])
    # In each of two layers four matrices of the attention, and three of each of four experts.
    assert tried == 2 * (4 + 3 * 4) + 1
    kinds = types_in(target)
    experts = [kinds[f"blk.{layer}.ffn_up_exps.weight"] for layer in range(2)]
    assert all(kind.startswith(("q", "iq")) for kind in experts)
    assert run_verb("measure", str(target), "--text", str(text), "--chunks", "1").status == 0


@pytest.mark.parametrize("kind", ["Gemma3TextConfig", "Phi3Config"])
def test_other_architectures_are_corrected_as_well(kind: str, tmp_path: Path, text: Path) -> None:
    source = make_checkpoint(kind, tmp_path / "source")
    target = tmp_path / "file.gguf"
    lines = converted(source, target, text, "--target-bits", "5", "--correct")
    assert any(line.startswith("Corrected") for line in lines)
    assert target.exists()


def test_a_large_vocabulary_is_measured_as_well(tmp_path: Path, text: Path) -> None:
    source = make_checkpoint("Qwen3Config", tmp_path / "source")
    target = tmp_path / "file.gguf"
    lines = converted(source, target, text, "--target-bits", "5")
    assert any(re.fullmatch(r"This takes about .* in all\.", line) for line in lines)
    assert target.exists()


def test_tuned_scales_keep_the_size_and_change_the_norms(
    source: Path, tmp_path: Path, text: Path
) -> None:
    corrected, tuned = tmp_path / "corrected.gguf", tmp_path / "tuned.gguf"
    converted(source, corrected, text, "--level", "Q2_K", "--correct")
    lines = converted(source, tuned, text, "--level", "Q2_K", "--correct", "--tune")
    assert types_in(tuned) == types_in(corrected)
    assert 0 <= tuned.stat().st_size - corrected.stat().st_size <= 64
    (said,) = (line for line in lines if line.startswith("Tuned scales and norms"))
    before, after = map(float, re.findall(r"\d\.\d+", said))
    assert after < before
    assert tensor_in(tuned, "output_norm.weight") != tensor_in(corrected, "output_norm.weight")


def test_tuning_without_corrected_rounding_is_wrong_usage(source: Path) -> None:
    ended = run_verb("convert", str(source), "--target-bits", "4", "--tune")
    assert ended.status == 2
    assert "--tune has no effect without --correct" in ended.complaints[-1]
