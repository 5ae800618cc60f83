"""Looking through folders: what is listed, what is left out, and which file a name means."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.gguf_file.model_info import read_model_info
from app.library.index import find_model, scan
from app.library.removal import plan_removal
from tests.support.gguf.gguf_files import (
    UINT16,
    GgufFile,
    Tensor,
    Typed,
    llama_file,
    llama_metadata,
)


def write_shards(folder: Path, *, missing: int | None = None) -> list[Path]:
    paths = [folder / f"big-{number:05}-of-00003.gguf" for number in (1, 2, 3)]
    for number, path in enumerate(paths):
        split = {"split.no": Typed(UINT16, number), "split.count": Typed(UINT16, 3)}
        metadata = llama_metadata(general__name="Big") | split if number == 0 else split
        tensors = [Tensor(f"blk.{number}.ffn.weight", (256, 4))]
        if number + 1 != missing:
            GgufFile(metadata, tensors).write(path)
    return paths


def listed(*folders: Path) -> dict[str, ErrorCode | None]:
    return {model.name: model.problem for model in scan(folders)}


def test_a_model_is_listed_with_its_facts(tmp_path: Path) -> None:
    path = llama_file().write(tmp_path / "deep" / "deeper" / "x.GGUF")
    (model,) = scan([tmp_path])
    assert model.path == str(path)
    assert (model.name, model.level, model.architecture) == ("x", "Q4_K_M", "llama")
    assert (model.size_bytes, model.context) == (path.stat().st_size, 2048)
    assert model.parameters == 256 * 100 + 256 * 256 + 256
    facts = read_model_info(path)
    assert (facts.layers, facts.width, facts.vocabulary) == (1, 256, 100)
    assert facts.chat_template == "{{ messages }}"


def test_only_models_are_listed(tmp_path: Path) -> None:
    llama_file().write(tmp_path / "good.gguf")
    llama_file().write(tmp_path / "unfinished.gguf.part")
    llama_file().write(tmp_path / "mmproj-good-f16.gguf")
    llama_file(general__architecture="clip").write(tmp_path / "vision.gguf")
    llama_file(general__type="adapter").write(tmp_path / "lora.gguf")
    (tmp_path / "notes.txt").write_text("grain")
    assert listed(tmp_path) == {"good": None}


def test_a_bad_file_is_listed_with_its_problem(tmp_path: Path) -> None:
    content = llama_file().to_bytes()
    (tmp_path / "cut.gguf").write_bytes(content[:-1])
    (tmp_path / "foreign.gguf").write_bytes(b"PK\3\4")
    llama_file(llama__block_count=0).write(tmp_path / "insane.gguf")
    llama_file().write(tmp_path / "good-Q4_K_M.gguf")
    assert listed(tmp_path) == {
        "cut": ErrorCode.GGUF_TRUNCATED,
        "foreign": ErrorCode.NOT_GGUF,
        "insane": ErrorCode.GGUF_DAMAGED,
        "good": None,
    }
    cut = next(model for model in scan([tmp_path]) if model.name == "cut")
    assert cut.size_bytes == len(content) - 1
    assert cut.details["needed_bytes"] == len(content)


def test_shards_are_one_model(tmp_path: Path) -> None:
    paths = write_shards(tmp_path)
    (model,) = scan([tmp_path])
    assert model.path == str(paths[0])
    assert model.problem is None
    assert model.size_bytes == sum(path.stat().st_size for path in paths)
    assert model.parameters == 3 * 256 * 4
    assert read_model_info(paths[2]).name == "big"


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_missing_shard_is_said_once(missing: int, tmp_path: Path) -> None:
    write_shards(tmp_path, missing=missing)
    (model,) = scan([tmp_path])
    assert model.problem is ErrorCode.MISSING_SHARD
    assert model.name == "big"
    assert model.details["file"] == f"big-{missing:05}-of-00003.gguf"


def test_a_shard_that_is_cut_off_is_said(tmp_path: Path) -> None:
    last = write_shards(tmp_path)[2]
    last.write_bytes(last.read_bytes()[:-1])
    (model,) = scan([tmp_path])
    assert (model.problem, model.details["file"]) == (ErrorCode.GGUF_TRUNCATED, last.name)


def test_an_absurd_number_of_shards_is_no_split(tmp_path: Path) -> None:
    llama_file().write(tmp_path / "many-00001-of-99999.gguf")
    (model,) = scan([tmp_path])
    assert model.problem is None


def test_folders_that_overlap_or_lead_in_circles_are_seen_once(tmp_path: Path) -> None:
    llama_file().write(tmp_path / "a" / "x.gguf")
    try:
        (tmp_path / "a" / "round").symlink_to(tmp_path, target_is_directory=True)
    except OSError:
        pytest.skip("links can't be made here")
    assert len(list(scan([tmp_path, tmp_path / "a", tmp_path / "absent"]))) == 1


def test_a_file_can_be_named_beside_folders(tmp_path: Path) -> None:
    path = llama_file().write(tmp_path / "a" / "x.gguf")
    alone = llama_file(general__name="Alone").write(tmp_path / "b" / "y.gguf")
    llama_file(general__name="Not named").write(tmp_path / "b" / "z.gguf")
    shards = write_shards(tmp_path / "b")
    models = scan([tmp_path / "a", path, alone, shards[1]])
    assert [model.path for model in models] == [str(path), str(alone), str(shards[0])]


def test_a_linked_file_is_listed(tmp_path: Path) -> None:
    llama_file().write(tmp_path / "elsewhere" / "blob")
    (tmp_path / "models").mkdir()
    try:
        (tmp_path / "models" / "x.gguf").symlink_to(tmp_path / "elsewhere" / "blob")
        (tmp_path / "models" / "dangling.gguf").symlink_to(tmp_path / "nowhere")
    except OSError:
        pytest.skip("links can't be made here")
    assert listed(tmp_path / "models") == {
        "x": None,
        "dangling": ErrorCode.FILE_UNREADABLE,
    }


def test_a_model_is_found_by_path_file_name_and_name(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    path = llama_file().write(folder / "Tiny-Q4.gguf")
    llama_file(general__name="Other").write(folder / "other-file.gguf")
    leveled = llama_file().write(folder / "deep" / "Plain-Q4_K_M.gguf")
    assert find_model("plain", [folder]) == leveled
    first = write_shards(folder)[0]
    for text in (str(path), "Tiny-Q4.gguf", "tiny-q4", "TINY-Q4.GGUF"):
        assert find_model(text, [folder]) == path
    for text in ("big", first.name, str(first).replace("00001-of", "00002-of")):
        assert find_model(text, [folder]) == first


def test_a_name_of_none_or_several_is_said(tmp_path: Path) -> None:
    paths = [llama_file().write(tmp_path / name / "Twin-Q4_K_M.gguf") for name in ("a", "b")]
    with pytest.raises(AppError) as caught:
        find_model("twin", [tmp_path])
    assert caught.value.code is ErrorCode.MODEL_AMBIGUOUS
    assert all(str(path) in str(caught.value.details["files"]) for path in paths)
    for text in ("absent", "", "starter"):
        with pytest.raises(AppError) as caught:
            find_model(text, [tmp_path])
        assert caught.value.code is ErrorCode.MODEL_NOT_FOUND


def test_the_starter_is_found_by_its_word(home: Path) -> None:
    file = home / "models" / "starter" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    llama_file().write(file)
    assert find_model("starter", []) == file


def test_removal_takes_all_shards_and_nothing_else(tmp_path: Path) -> None:
    paths = write_shards(tmp_path)
    other = llama_file().write(tmp_path / "other.gguf")
    plan = plan_removal(paths[1])
    assert plan.files == tuple(paths)
    assert plan.size_bytes == sum(path.stat().st_size for path in paths)
    plan.execute()
    assert set(tmp_path.glob("*.gguf")) == {other}
    with pytest.raises(AppError) as caught:
        plan_removal(paths[0])
    assert caught.value.code is ErrorCode.MODEL_NOT_FOUND


def test_headers_that_take_much_memory_have_a_reason(tmp_path: Path) -> None:
    """Text that is decoded takes up to four times its size; no real header has 16 MB of it."""
    note = "🌾" + "x" * (2**20 - 4)
    metadata = llama_metadata() | {f"general.note{number}": note for number in range(16)}
    GgufFile(metadata, [Tensor("output.weight")]).write(tmp_path / "wide.gguf")
    (model,) = scan([tmp_path])
    assert model.details["reason"] == "its metadata has more than 16 MB of text"


def test_shards_can_t_have_large_headers_each(tmp_path: Path) -> None:
    note = {"general.note": b"x" * (36 * 2**20)}
    split = {"split.count": Typed(UINT16, 2)}
    for number in (0, 1):
        metadata = llama_metadata() | note | split | {"split.no": Typed(UINT16, number)}
        file = GgufFile(metadata, [Tensor(f"blk.{number}.ffn.weight", (256, 4))])
        file.write(tmp_path / f"big-{number + 1:05}-of-00002.gguf")
    (model,) = scan([tmp_path])
    assert model.problem is ErrorCode.GGUF_DAMAGED
    assert "larger than 64 MB" in str(model.details["reason"])
