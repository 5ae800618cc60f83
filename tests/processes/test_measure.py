"""`measure` as a child: its figures against the definition, bad input, and a cancel."""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from app.core.errors import ErrorCode
from app.core.events import Finished, Loading, Progressed
from app.core.settings import Settings, save_settings
from app.jobs.outcome import EXIT_CANCELED, EXIT_FAILED, EXIT_USAGE
from app.measurement.store import MeasuredText, measured_quality, stored_measurement
from tests.support.engine.llama_cpp_tools import quantized_by_llama_cpp
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.gguf.gguf_files import llama_file
from tests.support.machine.verbs import run_verb, sentence_of, started

CHUNK, CHUNKS = 128, 3
FIRST_BYTE_TOKEN = 3
ALWAYS = {
    "perplexity",
    "prompt_tokens_per_second",
    "generation_tokens_per_second",
    "peak_memory_bytes",
}
Doubles = npt.NDArray[np.float64]


@pytest.fixture(autouse=True)
def one_thread(home: Path) -> None:
    """On a busy machine, several threads would wait for each other at every step."""
    home.mkdir(parents=True, exist_ok=True)
    save_settings(Settings(threads=1))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny model in 16 bits, and in fewer."""
    folder = tmp_path_factory.mktemp("models")
    files = {"tiny": write_tiny_model(folder / "tiny.gguf", context=2048)}
    for level in ("F16", "Q8_0", "Q4_0"):
        content = quantized_by_llama_cpp(files["tiny"], level, allow_requantize=True)
        files[level] = folder / f"{level}.gguf"
        files[level].write_bytes(content)
    return files


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A little more than three chunks; every byte is a token."""
    file = tmp_path / "text.txt"
    file.write_bytes(text_bytes())
    return file


def text_bytes() -> bytes:
    return np.random.default_rng(1).integers(97, 123, CHUNK * CHUNKS + 50).astype("u1").tobytes()


def measured(model: Path, text: Path, *options: str) -> dict[str, Any]:
    ended = run_verb(
        *("measure", str(model), "--text", str(text), "--context", str(CHUNK), "--json", *options)
    )
    assert ended.status == 0, ended.complaints
    (line,) = ended.lines
    figures: dict[str, Any] = json.loads(line)
    return figures


def logarithms_by_definition(model: Path) -> tuple[Doubles, Doubles]:
    """Log probabilities of all tokens, and of those that came, in the second halves of chunks."""
    from llama_cpp import Llama

    letters = [FIRST_BYTE_TOKEN + byte for byte in text_bytes()]
    space = FIRST_BYTE_TOKEN + ord(" ")
    rows, came = [], []
    llama = Llama(str(model), n_ctx=CHUNK, logits_all=True, flash_attn=True, verbose=False)
    # SentencePiece begins with the begin token and a space, which stands for bytes here.
    tokens = [1, *llama.tokenize(text_bytes(), add_bos=False)]
    assert tokens[-len(letters) :] == letters
    assert space not in letters
    for start in range(0, CHUNK * CHUNKS, CHUNK):
        chunk = [1, *tokens[start + 1 : start + CHUNK]]
        llama.reset()
        llama.eval(chunk)
        logits = llama.scores[CHUNK // 2 : CHUNK - 1].astype(np.float64)
        logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        rows.append(logs)
        came.append(logs[range(len(logs)), chunk[CHUNK // 2 + 1 :]])
    llama.close()
    return np.concatenate(rows), np.concatenate(came)


def test_the_figures_are_those_of_the_definition(models: dict[str, Path], text: Path) -> None:
    figures = measured(models["Q4_0"], text, "--reference", str(models["F16"]))
    logs, came = logarithms_by_definition(models["Q4_0"])
    expected, _ = logarithms_by_definition(models["F16"])
    divergences = (np.exp(expected) * (expected - logs)).sum(1)
    assert len(divergences) == CHUNKS * (CHUNK // 2 - 1)
    assert figures.keys() == ALWAYS | {"kl_divergence", "top_token_agreement"}
    assert figures["perplexity"] == pytest.approx(np.exp(-came.mean()), rel=1e-3)
    assert figures["kl_divergence"] == pytest.approx(
        {
            "mean": divergences.mean(),
            "median": np.median(divergences),
            "p999": np.percentile(divergences, 99.9),
        },
        rel=0.01,
    )
    agreement = (logs.argmax(1) == expected.argmax(1)).mean()
    assert figures["top_token_agreement"] == pytest.approx(agreement, abs=0.01)
    assert 0 < agreement < 1


def test_more_bits_are_nearer_to_the_reference(models: dict[str, Path], text: Path) -> None:
    reference = ("--reference", str(models["F16"]))
    four, eight, same = (
        measured(models[level], text, *reference)["kl_divergence"]["mean"]
        for level in ("Q4_0", "Q8_0", "F16")
    )
    assert four > 5 * eight > 5 * same
    assert same == 0


def test_without_a_reference(models: dict[str, Path], text: Path) -> None:
    figures = measured(models["Q8_0"], text, "--chunks", "1")
    _, came = logarithms_by_definition(models["Q8_0"])
    of_first = came[: CHUNK // 2 - 1]
    assert figures.keys() == ALWAYS
    assert figures["perplexity"] == pytest.approx(np.exp(-of_first.mean()), rel=1e-3)
    assert figures["prompt_tokens_per_second"] > figures["generation_tokens_per_second"] > 1
    assert models["Q8_0"].stat().st_size < figures["peak_memory_bytes"] < 2**30


def test_the_table(models: dict[str, Path], text: Path) -> None:
    model, reference = str(models["Q8_0"]), str(models["F16"])
    ended = run_verb(
        "measure", model, "--text", str(text), "--context", "64", "--reference", reference
    )
    assert ended.status == 0, ended.complaints
    assert [line[:34].strip() for line in ended.lines] == [
        "perplexity",
        "KL divergence, mean",
        "KL divergence, median",
        "KL divergence, 99.9th percentile",
        "same most likely token",
        "prompt, tokens per second",
        "generation, tokens per second",
        "peak memory",
    ]
    # Others may keep the processors busy.
    words = {line.partition(" ")[0] for line in ended.complaints}
    assert words - {"Other"} == {"Timing", "Measuring"}


def test_the_events(models: dict[str, Path], text: Path) -> None:
    arguments = (str(models["Q8_0"]), "--text", str(text), "--context", str(CHUNK))
    with started("measure", *arguments, "--reference", str(models["F16"])) as child:
        assert child.end() == 0, child.log()
    finished = child.events[-1]
    assert isinstance(finished, Finished)
    assert set(finished.details) == ALWAYS | {
        *("kl_divergence.mean", "kl_divergence.median", "kl_divergence.p999"),
        "top_token_agreement",
    }
    progress = [event for event in child.events if isinstance(event, Progressed)]
    assert [event.step for event in progress] == ["speed", *["measure"] * (CHUNKS + 1)]
    size = len(text_bytes())
    assert [event.done_bytes for event in progress[1:]] == [0, size // 3, size * 2 // 3, size]
    assert sum(event == Loading(1) for event in child.events) == 2


def test_the_figures_are_kept_until_the_file_changes(
    models: dict[str, Path], text: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copy(models["Q8_0"], tmp_path / "model.gguf"))
    assert stored_measurement(model) is None
    figures = measured(model, text, "--reference", str(models["F16"]))
    kept, quality = stored_measurement(model), measured_quality(model)
    assert kept is not None
    assert kept.comparison is not None
    assert quality is not None
    digest = hashlib.sha256(text_bytes()).hexdigest()
    assert kept.text == kept.comparison.text == MeasuredText("text.txt", digest, CHUNKS, CHUNK)
    assert kept.comparison.reference == "F16.gguf"
    assert figures == {
        "perplexity": kept.perplexity,
        "kl_divergence": {
            "mean": kept.comparison.mean,
            "median": kept.comparison.median,
            "p999": kept.comparison.p999,
        },
        "top_token_agreement": kept.comparison.top_token_agreement,
        "prompt_tokens_per_second": kept.prompt_tokens_per_second,
        "generation_tokens_per_second": kept.generation_tokens_per_second,
        "peak_memory_bytes": kept.peak_memory_bytes,
    }
    assert quality.kl_divergence == kept.comparison.mean
    assert "F16.gguf" in quality.source
    assert "text.txt" in quality.source
    with model.open("ab") as file:
        file.write(bytes(32))
    assert measured_quality(model) is None


def test_each_part_can_be_measured_alone(
    models: dict[str, Path], text: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "library"
    folder.mkdir()
    model = Path(shutil.copy(models["Q8_0"], folder / "model-Q8_0.gguf"))
    speed = run_verb("measure", str(model), "--only", "speed", "--json")
    assert speed.status == 0, speed.complaints
    first = json.loads(speed.lines[0])
    assert first.keys() == ALWAYS - {"perplexity"}
    kept = stored_measurement(model)
    assert kept is not None
    assert (kept.text, kept.perplexity, kept.comparison) == (None, None, None)
    assert kept.date == datetime.datetime.now(datetime.UTC).date().isoformat()
    options = ("--reference", str(models["F16"]), "--only", "quality")
    second = measured(model, text, *options)
    assert second.keys() == {"perplexity", "kl_divergence", "top_token_agreement"}
    (listed,) = listed_at(folder)
    known = listed["measured"]
    assert known["perplexity"] == second["perplexity"]
    assert known["divergence"] == second["kl_divergence"]["mean"]
    assert known["tokens_per_second"] == first["generation_tokens_per_second"]
    assert known["peak_memory_bytes"] == first["peak_memory_bytes"]
    assert known["reference"] == "F16.gguf"
    assert known["is_current"]
    assert not listed["header"]["has_measured_types"]
    with model.open("ab") as file:
        file.write(bytes(32))
    (listed,) = listed_at(folder)
    assert not listed["measured"]["is_current"]


def test_a_file_whose_types_were_measured_is_listed_as_one(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "library" / "ours.gguf", types_from="measured")
    (listed,) = listed_at(tmp_path / "library")
    assert listed["header"]["has_measured_types"]


def listed_at(folder: Path) -> list[dict[str, Any]]:
    """The models that the library lists in a folder of the settings."""
    save_settings(Settings(threads=1, added_models=(str(folder),)))
    ended = run_verb("models", "list", "--json")
    assert ended.status == 0, ended.complaints
    return [one for one in json.loads("\n".join(ended.lines)) if one["type"] == "model"]


def test_figures_that_cannot_be_kept_are_told_all_the_same(
    models: dict[str, Path], text: Path, home: Path
) -> None:
    (home / "measurements").write_bytes(b"no folder")
    options = ("--text", str(text), "--context", str(CHUNK), "--chunks", "1")
    ended = run_verb("measure", str(models["Q8_0"]), *options)
    assert ended.status == 0, ended.complaints
    assert len(ended.lines) == 4
    assert any("could not be saved" in complaint for complaint in ended.complaints)


def test_a_cancel_ends_it_at_once(models: dict[str, Path], tmp_path: Path) -> None:
    text = tmp_path / "long.txt"
    text.write_bytes(text_bytes() * 1000)
    with started("measure", str(models["Q8_0"]), "--text", str(text)) as child:
        child.read_until(lambda event: isinstance(event, Progressed))
        child.cancel()
        assert child.end() == EXIT_CANCELED
    assert not any(isinstance(event, Finished) for event in child.events)


def no_text(folder: Path) -> tuple[ErrorCode, list[str]]:
    return ErrorCode.FILE_UNREADABLE, ["--text", str(folder / "absent.txt")]


def folder_as_text(folder: Path) -> tuple[ErrorCode, list[str]]:
    return ErrorCode.FILE_UNREADABLE, ["--text", str(folder)]


def short_text(folder: Path) -> tuple[ErrorCode, list[str]]:
    (folder / "short.txt").write_text("too short")
    return ErrorCode.TEXT_SHORT, ["--text", str(folder / "short.txt")]


def absent_reference(folder: Path) -> tuple[ErrorCode, list[str]]:
    return ErrorCode.MODEL_NOT_FOUND, ["--reference", str(folder / "absent.gguf")]


def other_reference(folder: Path) -> tuple[ErrorCode, list[str]]:
    other = llama_file().write(folder / "other.gguf")
    return ErrorCode.VOCABULARY_MISFIT, ["--reference", str(other)]


def text_as_reference(folder: Path) -> tuple[ErrorCode, list[str]]:
    (folder / "words.gguf").write_text("words, no weights")
    return ErrorCode.NOT_GGUF, ["--reference", str(folder / "words.gguf")]


def broken_reference(folder: Path) -> tuple[ErrorCode, list[str]]:
    broken = write_tiny_model(folder / "broken.gguf", with_numbers=False)
    return ErrorCode.MODEL_REJECTED, ["--reference", str(broken)]


BAD = [
    *(no_text, folder_as_text, short_text),
    *(absent_reference, other_reference, text_as_reference, broken_reference),
]


@pytest.mark.parametrize("spoil", BAD)
def test_bad_input_is_one_sentence(
    spoil: Callable[[Path], tuple[ErrorCode, list[str]]],
    models: dict[str, Path],
    text: Path,
    tmp_path: Path,
) -> None:
    code, options = spoil(tmp_path)
    arguments = (str(models["tiny"]), "--text", str(text), "--context", "64")
    ended = run_verb("measure", *arguments, *options)
    assert_refused(ended.status, ended.lines, ended.complaints, code)


def test_weights_that_are_not_numbers(text: Path, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "broken.gguf", with_numbers=False)
    ended = run_verb("measure", str(model), "--text", str(text), "--context", "64")
    assert_refused(ended.status, ended.lines, ended.complaints, ErrorCode.MODEL_REJECTED)


def assert_refused(status: int, lines: list[str], complaints: list[str], code: ErrorCode) -> None:
    assert status == EXIT_FAILED
    assert lines == []
    assert sentence_of(code).fullmatch(complaints[-1]), complaints
    words = {line.partition(" ")[0] for line in complaints[:-1]}
    assert words <= {"Timing", "Measuring", "Other"}


@pytest.mark.parametrize(
    "options",
    [["--chunks", "0"], ["--text", "a.txt", "--context", "15"], ["--only", "memory"]],
)
def test_wrong_usage(options: list[str]) -> None:
    assert run_verb("measure", "starter", *options).status == EXIT_USAGE
