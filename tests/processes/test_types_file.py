"""Lists of types: from one model, through a file, to another model of the same shape."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.core.errors import ErrorCode
from app.gguf_file.header_reader import read_header
from app.gguf_file.tensor_types import type_name
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.continuous import documentation
from tests.support.machine.verbs import run_verb, sentence_of

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _converter(converter: Path) -> Path:
    return converter


@pytest.fixture
def checkpoints(tmp_path: Path) -> tuple[Path, Path]:
    """Two models of one shape with different weights."""
    one = make_tiny_checkpoint(tmp_path / "one", layers=2)
    return one, make_tiny_checkpoint(tmp_path / "two", layers=2, seed=7)


def types_in(file: Path) -> dict[str, str]:
    return {tensor.name: type_name(tensor.type_number) for tensor in read_header(file).tensors}


def converted(source: Path, to: Path, *options: str) -> list[str]:
    ended = run_verb("convert", str(source), "--to", str(to), *options)
    assert ended.status == 0, ended.complaints
    return ended.lines


@pytest.mark.parametrize("is_dry", [False, True])
def test_a_list_gives_another_model_of_the_shape_the_same_types(
    is_dry: bool, checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    one, two = checkpoints
    types, made, again = tmp_path / "types.txt", tmp_path / "one.gguf", tmp_path / "two.gguf"
    odd = ("--type", r"blk\.1\.ffn_down=iq4_nl", "--type", "attn_v=q5_1", "--level", "Q4_K_M")
    if is_dry:
        converted(one, made, *odd, "--types-to", str(types), "--dry-run")
        assert not made.exists()
        converted(one, made, *odd)
    else:
        converted(one, made, *odd, "--types-to", str(types))
    converted(two, again, "--level", "Q6_K", "--types-from", str(types))
    assert types_in(again) == types_in(made)
    assert {"iq4_nl", "q5_1"} < set(types_in(made).values())
    assert again.read_bytes() != made.read_bytes()


def test_the_types_of_a_measured_file_go_to_another_model(
    checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    one, two = checkpoints
    text = tmp_path / "text.txt"
    text.write_text(documentation()[:60_000], encoding="utf-8")
    types, made, again = tmp_path / "types.txt", tmp_path / "one.gguf", tmp_path / "two.gguf"
    measured = ("--target-bits", "4.6", "--calibration", str(text))
    converted(one, made, *measured, "--types-to", str(types))
    converted(two, again, "--level", "Q2_K", "--types-from", str(types))
    assert types_in(again) == types_in(made)


def test_the_types_of_a_file_are_written_by_inspect(
    checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    one, two = checkpoints
    types, made, again = tmp_path / "types.txt", tmp_path / "one.gguf", tmp_path / "two.gguf"
    converted(one, made, "--level", "Q3_K_L")
    ended = run_verb("models", "inspect", str(made), "--types-to", str(types))
    assert (ended.status, ended.lines) == (0, [str(types)]), ended.complaints
    converted(two, again, "--level", "Q8_0", "--types-from", str(types))
    assert types_in(again) == types_in(made)
    ended = run_verb("models", "inspect", str(made), "--types-to", "-")
    assert (ended.status, ended.lines) == (0, types.read_text("utf-8").splitlines())
    ended = run_verb("models", "inspect", str(made), "--types-to", str(types))
    assert ended.status == 1
    assert any("already exists" in line for line in ended.complaints)


def test_an_existing_list_is_replaced_or_kept_only_as_the_user_says(
    checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    source, types, made = checkpoints[0], tmp_path / "types.txt", tmp_path / "made.gguf"
    types.write_text("mine", encoding="utf-8")
    options = ("--level", "Q4_0", "--dry-run", "--types-to", str(types))
    ended = run_verb("convert", str(source), *options)
    assert ended.status == 1
    assert any("--overwrite" in line for line in ended.complaints)
    converted(source, made, *options, "--keep-both")
    assert types.read_text("utf-8") == "mine"
    assert "=q4_0" in (tmp_path / "types-2.txt").read_text("utf-8")
    converted(source, made, *options, "--overwrite")
    assert "=q4_0" in types.read_text("utf-8")


def test_a_list_is_of_one_file(checkpoints: tuple[Path, Path], tmp_path: Path) -> None:
    types = tmp_path / "types.txt"
    ended = run_verb("convert", str(checkpoints[0]), "--dry-run", "--types-to", str(types))
    assert ended.status == 1
    assert any("A list of types describes a single file." in line for line in ended.complaints)
    assert not types.exists()


def test_a_faulty_list_ends_the_conversion_before_it_begins(
    checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    types = tmp_path / "types.txt"
    types.write_text("attn_v=q8_0\nffn_down\n", encoding="utf-8")
    made = tmp_path / "made.gguf"
    ended = run_verb(
        *("convert", str(checkpoints[0]), "--level", "Q4_0"),
        *("--to", str(made), "--types-from", str(types)),
    )
    assert ended.status == 1
    assert any("line 2, “ffn_down”" in line for line in ended.complaints)
    assert not made.exists()


def test_types_of_all_tensors_need_no_level_and_name_the_file_by_its_bits(
    checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    one, two = checkpoints
    made, folder = tmp_path / "one.gguf", tmp_path / "made"
    folder.mkdir()
    odd = ("--type", "attn_v=q8_0", "--type", "ffn_down=q6_k")
    converted(one, made, "--level", "Q3_K_M", *odd)
    listed = converted(two, folder, "--types-from", str(made), "--dry-run")
    (row,) = (line for line in listed if "bits per weight" in line)
    converted(two, folder, "--types-from", str(made))
    (file,) = folder.iterdir()
    bits = re.search(r"([\d.]+) bits per weight", row)
    assert bits is not None
    assert file.name == f"two-{bits[1]}bpw-{row.split()[0]}.gguf"
    assert types_in(file) == types_in(made)
    named = run_verb("convert", str(two), "--to", str(folder), "--types-from", str(made))
    assert named.status == 1
    assert "already exists" in named.complaints[-1]


def test_types_of_some_tensors_need_a_level_for_the_others(
    checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    types, made = tmp_path / "types.txt", tmp_path / "made.gguf"
    types.write_text("attn_v=q8_0\n", encoding="utf-8")
    options = ("--to", str(made), "--types-from", str(types))
    listed = run_verb("convert", str(checkpoints[0]), *options, "--dry-run").lines
    assert sum("bits per weight" in line for line in listed) > 10
    written = tmp_path / "written.txt"
    ended = run_verb(
        "convert", str(checkpoints[0]), *options, "--dry-run", "--types-to", str(written)
    )
    assert ended.status == 1
    assert "A list of types describes a single file." in ended.complaints[-1]
    assert not written.exists()
    ended = run_verb("convert", str(checkpoints[0]), *options)
    assert ended.status == 2
    assert "No level was chosen." in ended.complaints[-1]
    assert not made.exists()


def test_types_that_need_an_importance_matrix_say_so_themselves(
    checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    types = tmp_path / "types.txt"
    types.write_text("ffn_up=iq2_s\n.=q4_0\n", encoding="utf-8")
    ended = run_verb("convert", str(checkpoints[0]), "--dry-run", "--types-from", str(types))
    assert ended.status == 1
    code = ErrorCode.TYPE_NEEDS_IMPORTANCE_MATRIX
    sentence = sentence_of(code, type="iq2_s", tensor="blk.0.ffn_up.weight")
    assert sentence.fullmatch(ended.complaints[-1])


def test_a_pattern_that_matches_nothing_is_told_before_anything_is_written(
    checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    types, made = tmp_path / "types.txt", tmp_path / "made.gguf"
    types.write_text("attn_v=q8_0\nlisted=q4_0\n", encoding="utf-8")
    options = ("--level", "Q4_0", "--type", "typed=q4_0", "--type", "attn_k=q5_1")
    told = "change nothing: typed, listed."
    for dry in (("--dry-run",), ()):
        words = (*options, "--types-from", str(types), "--to", str(made), *dry)
        ended = run_verb("convert", str(checkpoints[0]), *words)
        assert ended.status == 0, ended.complaints
        assert [line for line in ended.complaints if line.endswith(told)]
    assert {"q8_0", "q5_1"} < set(types_in(made).values())


def test_a_list_for_another_model_is_refused(
    checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    types, made = tmp_path / "types.txt", tmp_path / "made.gguf"
    types.write_text("one=q8_0\ntwo=q4_0\n", encoding="utf-8")
    options = ("--types-from", str(types), "--type", "attn_v=q8_0", "--to", str(made))
    ended = run_verb("convert", str(checkpoints[0]), *options)
    assert ended.status == 1
    sentence = "types.txt has types for another model: none of its 2 patterns matches a tensor."
    assert sentence in ended.complaints[-1]
    assert not made.exists()


@pytest.mark.parametrize(
    ("options", "is_said"),
    [
        (("--type", "attn_q=q6_K", "--level", "F16", "--level", "Q4_K_M"), True),
        (("--type", "attn_q=q6_K", "--level", "Q4_K_M"), False),
        (("--type", "attn_q=q6_K", "--dry-run"), False),
    ],
)
def test_patterns_without_effect_are_told_of_levels_that_the_user_chose(
    options: tuple[str, ...], *, is_said: bool, checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    ended = run_verb("convert", str(checkpoints[0]), "--to", str(tmp_path / "made"), *options)
    assert ended.status == 0, ended.complaints
    said = [line for line in ended.complaints if "change nothing" in line]
    assert len(said) == is_said, ended.complaints
    assert all("at F16. Choose a quantized level" in line for line in said)


def test_a_list_of_all_types_has_effect_without_a_level(
    checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    types = tmp_path / "types.txt"
    types.write_text(".=q6_K\n", encoding="utf-8")
    made = str(tmp_path / "made")
    ended = run_verb("convert", str(checkpoints[0]), "--to", made, "--types-from", str(types))
    assert ended.status == 0, ended.complaints
    assert not any("change nothing" in line for line in ended.complaints)
