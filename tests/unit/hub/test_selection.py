"""Which files of a repository are fetched."""

from __future__ import annotations

import pytest

from app.core.errors import AppError, ErrorCode
from app.hub.repository import RepositoryFile, RepositoryInfo
from app.hub.selection import files_to_fetch, gguf_models, gguf_projectors, level_of


def repository(*paths: str, sizes: dict[str, int] | None = None) -> RepositoryInfo:
    files = tuple(
        RepositoryFile(path, (sizes or {}).get(path, 1000 + number), "0" * 64, "0" * 40)
        for number, path in enumerate(paths)
    )
    return RepositoryInfo("owner/name", "0" * 40, gated=False, files=files)


def chosen(facts: RepositoryInfo, pattern: str | None = None) -> list[str]:
    return [file.path for file in files_to_fetch(facts, pattern).files]


def test_checkpoint_in_one_file() -> None:
    facts = repository(
        ".gitattributes",
        "LICENSE",
        "README.md",
        "chat_template.jinja",
        "config.json",
        "flax_model.msgpack",
        "generation_config.json",
        "merges.txt",
        "model.safetensors",
        "modeling_name.py",
        "onnx/config.json",
        "onnx/model.onnx",
        "original/consolidated.00.pth",
        "picture.png",
        "pytorch_model.bin",
        "rust_model.ot",
        "tf_model.h5",
        "tokenizer.json",
        "tokenizer.model",
        "training_args.pt",
        "vocab.json",
    )

    assert chosen(facts) == [
        "config.json",
        "LICENSE",
        "README.md",
        "chat_template.jinja",
        "generation_config.json",
        "merges.txt",
        "tokenizer.json",
        "tokenizer.model",
        "vocab.json",
        "model.safetensors",
    ]


def test_shards_come_with_their_index_and_without_their_twin() -> None:
    facts = repository(
        "config.json",
        "consolidated.safetensors",
        "consolidated.safetensors.index.json",
        "model-00002-of-00002.safetensors",
        "model-00001-of-00002.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin.index.json",
    )

    assert chosen(facts) == [
        "config.json",
        "model.safetensors.index.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ]


def test_one_file_is_taken_rather_than_shards_of_the_same() -> None:
    facts = repository(
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.fp16.safetensors",
        "model.safetensors",
        "model.safetensors.index.json",
    )

    assert chosen(facts) == ["config.json", "model.safetensors"]


def test_shards_of_any_name_that_an_index_may_name() -> None:
    facts = repository(
        "config.json",
        "layers-a.safetensors",
        "layers-b.safetensors",
        "model.safetensors.index.json",
    )

    assert chosen(facts)[2:] == ["layers-a.safetensors", "layers-b.safetensors"]


def test_weights_in_mistrals_own_layout_alone() -> None:
    facts = repository("params.json", "tekken.json", "consolidated.safetensors")

    assert chosen(facts) == ["params.json", "tekken.json", "consolidated.safetensors"]


def test_embedding_model_comes_with_its_pooling() -> None:
    facts = repository(
        "1_Pooling/config.json", "config.json", "model.safetensors", "modules.json", "data/x/y.json"
    )

    assert "1_Pooling/config.json" in chosen(facts)
    assert "data/x/y.json" not in chosen(facts)


@pytest.mark.parametrize(
    "paths",
    [
        (),
        ("README.md", "config.json"),
        ("adapter_config.json",),
        ("unet/diffusion_pytorch_model.safetensors",),
        ("mmproj-F16.gguf", "imatrix.gguf"),
        ("model-00001-of-00002.gguf",),
    ],
)
def test_repository_without_weights(paths: tuple[str, ...]) -> None:
    with pytest.raises(AppError) as caught:
        files_to_fetch(repository(*paths))

    assert caught.value.code is ErrorCode.REPOSITORY_WITHOUT_WEIGHTS
    assert caught.value.details == {"repository": "owner/name"}


def test_an_adapter_is_taken_where_there_is_no_model() -> None:
    facts = repository("README.md", "adapter_model.safetensors", "adapter_config.json")
    assert chosen(facts) == ["README.md", "adapter_config.json", "adapter_model.safetensors"]


_PICKLED = (
    "config.json",
    "pytorch_model-00002-of-00002.bin",
    "pytorch_model-00001-of-00002.bin",
    "pytorch_model.bin.index.json",
    "model.safetensors.index.json",
    "training_args.bin",
)


def test_pickles_are_named_and_not_taken() -> None:
    with pytest.raises(AppError) as caught:
        files_to_fetch(repository(*_PICKLED))

    assert caught.value.code is ErrorCode.PICKLE_WEIGHTS
    assert caught.value.details["folder"] == "owner/name"


def test_pickles_are_taken_with_consent_where_there_is_nothing_else() -> None:
    taken = files_to_fetch(repository(*_PICKLED), allows_pickle=True).files
    assert {file.path for file in taken} == set(_PICKLED[:4])
    both = files_to_fetch(repository(*_PICKLED, "model.safetensors"), allows_pickle=True).files
    assert [file.path for file in both] == ["config.json", "model.safetensors"]


GGUF = (
    "README.md",
    "config.json",
    "BF16/name-BF16-00001-of-00002.gguf",
    "BF16/name-BF16-00002-of-00002.gguf",
    "mmproj-BF16.gguf",
    "name-Q2_K.gguf",
    "name-Q4_K_M.gguf",
    "name-Q4_K_S.gguf",
    "name-UD-Q4_K_M.gguf",
    "name-UD-Q8_K_XL.gguf",
)
BF16 = ["BF16/name-BF16-00001-of-00002.gguf", "BF16/name-BF16-00002-of-00002.gguf"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("Q2_K", ["name-Q2_K.gguf"]),
        ("q4_k_m", ["name-Q4_K_M.gguf"]),
        ("UD-Q4_K_M", ["name-UD-Q4_K_M.gguf"]),
        ("name-Q4_K_S.gguf", ["name-Q4_K_S.gguf"]),
        ("BF16", BF16),
        ("BF16/name-BF16-00001-of-00002.gguf", BF16),
        ("q8_k", ["name-UD-Q8_K_XL.gguf"]),
        ("*q4_k_?.gguf", ["name-Q4_K_M.gguf", "name-Q4_K_S.gguf", "name-UD-Q4_K_M.gguf"]),
        ("bf16/*", BF16),
    ],
)
def test_pattern_chooses_among_gguf_files(pattern: str, expected: list[str]) -> None:
    assert chosen(repository(*GGUF), pattern) == expected


def test_default_among_gguf_files() -> None:
    assert chosen(repository(*GGUF, sizes={"name-UD-Q4_K_M.gguf": 5000})) == ["name-Q4_K_M.gguf"]


def test_smallest_where_the_default_level_is_missing() -> None:
    sizes = {"a-Q8_0.gguf": 900, "a-F16-00001-of-00002.gguf": 600, "a-F16-00002-of-00002.gguf": 600}

    assert chosen(repository(*sizes, sizes=sizes)) == ["a-Q8_0.gguf"]


def test_a_projector_is_taken_by_its_full_name_and_never_as_a_model() -> None:
    facts = repository("a-Q4_K_M.gguf", "a-Q4_K_M.imatrix.gguf", "mmproj-a-F16.gguf")
    assert [model[0].path for model in gguf_models(facts.files)] == ["a-Q4_K_M.gguf"]
    assert [model[0].path for model in gguf_projectors(facts.files)] == ["mmproj-a-F16.gguf"]
    assert chosen(facts, "mmproj-a-F16.gguf") == ["mmproj-a-F16.gguf"]


@pytest.mark.parametrize(
    ("path", "level"),
    [("a-Q4_K_M.gguf", "Q4_K_M"), ("Q4_0/a-Q4_0-00001-of-00002.gguf", "Q4_0"), ("a.gguf", "")],
)
def test_the_level_in_a_name(path: str, level: str) -> None:
    assert level_of(repository(path).files) == level


def test_pattern_that_matches_nothing_names_what_there_is() -> None:
    with pytest.raises(AppError) as caught:
        files_to_fetch(repository(*GGUF), "Q5_K_M")

    assert caught.value.code is ErrorCode.PATTERN_WITHOUT_MATCH
    assert "name-Q2_K.gguf" in str(caught.value.details["files"])


def test_checkpoint_is_taken_where_there_are_both() -> None:
    facts = repository("config.json", "model.safetensors", "name-Q4_K_M.gguf")

    assert chosen(facts) == ["config.json", "model.safetensors"]
    assert chosen(facts, "Q4_K_M") == ["name-Q4_K_M.gguf"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("../model.gguf", ErrorCode.UNSAFE_NAME),
        ("/model.gguf", ErrorCode.UNSAFE_NAME),
        ("a\\..\\b.gguf", ErrorCode.UNSAFE_NAME),
        ("a\\b.gguf", ErrorCode.NEEDED_NAME),
        ("C:model.gguf", ErrorCode.NEEDED_NAME),
        ("which?.gguf", ErrorCode.NEEDED_NAME),
        ("nul.gguf/x.gguf", ErrorCode.NEEDED_NAME),
        ("a\u202eb.gguf", ErrorCode.NEEDED_NAME),
    ],
)
def test_weights_of_an_odd_name_are_refused(path: str, code: ErrorCode) -> None:
    with pytest.raises(AppError) as caught:
        files_to_fetch(repository(path))

    assert (caught.value.code, caught.value.details) == (code, {"name": path})


@pytest.mark.parametrize("path", ["model?.safetensors", "which?.model", "a:b.tiktoken"])
def test_what_a_checkpoint_needs_is_refused_under_an_odd_name(path: str) -> None:
    with pytest.raises(AppError) as caught:
        files_to_fetch(
            repository("config.json", "model.safetensors.index.json", path, "a.safetensors")
        )

    assert caught.value.code is ErrorCode.NEEDED_NAME


@pytest.mark.parametrize(
    "path",
    [
        "is this needed?.txt",
        "Config.json",
        "notes: the first.json",
        "aux.txt",
        "a\\..\\b.json",
        "ends with a space .json ",
        "re\u0301sume\u0301.txt",
        "TOKENIZER.model",
        f"{'long' * 60}.txt",
    ],
)
def test_a_companion_of_an_odd_name_is_left_out(path: str) -> None:
    others = ("config.json", "tokenizer.model", "model.safetensors")

    files, left_out = files_to_fetch(repository(path, *others))

    assert {file.path for file in files} == set(others)
    assert left_out == ((path,) if path.strip() == path else ())


def test_of_names_that_differ_only_in_case_the_lower_one_is_taken() -> None:
    facts = repository("1_Pooling/config.json", "1_pooling/config.json", "model.safetensors")

    assert files_to_fetch(facts).left_out == ("1_Pooling/config.json",)


def test_weights_that_differ_only_in_case_are_refused() -> None:
    with pytest.raises(AppError) as caught:
        files_to_fetch(repository("config.json", "own.safetensors", "Own.safetensors"))

    assert caught.value.code is ErrorCode.NEEDED_NAME


def test_names_of_our_own_files_are_left_out() -> None:
    facts = repository(
        ".gristmill.json", "config.json", "model.safetensors.part.json", "model.safetensors"
    )

    assert chosen(facts) == ["config.json", "model.safetensors"]
