from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from app.cli import convert, get
from app.cli.conversion_command import remember_conversion, source_repository
from app.library.conversion_records import ConversionRecords
from app.library.download_record import DownloadRecord, VerifiedFile, record_store
from tests.support.gguf.gguf_files import llama_file

Q4, Q8 = 15, 7


def arguments(verb: str, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.set_defaults(verb=verb)
    {"convert": convert, "get": get}[verb].add_arguments(parser)
    return parser.parse_args(words)


def command_for(file: Path, given: argparse.Namespace, repository: str = "bolt/Grain") -> str:
    remember_conversion([file], repository, Path("/data/Grain"), given)
    record = ConversionRecords().of(file)
    assert record is not None
    assert record.repository == repository
    return " ".join(record.command)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return llama_file(general__file_type=Q4).write(tmp_path / "Grain-Q4_K_M.gguf")


def test_the_command_has_what_decides_about_the_bytes(file: Path) -> None:
    given = arguments(
        "convert",
        "bolt/Grain",
        *("--level", "Q4_K_M", "--level", "Q8_0", "--threads", "3", "--overwrite"),
        *("--to", "/data/out", "--imatrix", "/data/wiki.dat", "--types-from", "/data/b.gguf"),
        *("--type", "attn_q=q8_0", "--output-type", "f16", "--requantize"),
    )
    assert command_for(file, given) == (
        "gristmill convert bolt/Grain --level Q4_K_M --output-type f16 --imatrix wiki.dat "
        "--types-from b.gguf --type attn_q=q8_0 --requantize"
    )


def test_the_revision_of_a_repository_is_there(file: Path) -> None:
    given = arguments("get", "bolt/Grain", "--revision", "v2", "--level", "Q4_K_M")
    assert command_for(file, given) == "gristmill get bolt/Grain --level Q4_K_M --revision v2"


def test_without_a_repository_the_folder_is_named_alone(file: Path) -> None:
    given = arguments("convert", "/data/Grain", "--level", "Q4_K_M")
    assert command_for(file, given, "") == "gristmill convert Grain --level Q4_K_M"


@pytest.mark.parametrize(
    ("levels", "expected"), [(("COPY",), "COPY"), (("COPY", "F16"), "COPY"), (("F16",), "F16")]
)
def test_a_copy_states_the_level_of_its_source(
    file: Path, levels: tuple[str, ...], expected: str
) -> None:
    words = [word for level in levels for word in ("--level", level)]
    given = arguments("convert", "/data/Grain", *words)
    assert command_for(file, given, "").endswith(f"--level {expected}")


def test_a_download_tells_its_repository(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert source_repository(tmp_path) == ""
    verified = VerifiedFile("bolt/Grain", "c" * 40, 2, "0" * 40, 1)
    record_store(tmp_path).write(DownloadRecord(files={"config.json": verified}))
    assert source_repository(tmp_path) == "bolt/Grain"


def test_a_size_takes_the_place_of_the_level(file: Path) -> None:
    given = arguments("convert", "bolt/Grain", "--target-size", "4.2GB", "--correct")
    command = "gristmill convert bolt/Grain --target-size 4200000000 --correct"
    assert command_for(file, given) == command
    given = arguments("convert", "bolt/Grain", "--target-bits", "4.25")
    assert command_for(file, given) == "gristmill convert bolt/Grain --target-bits 4.25"
    given = arguments("convert", "bolt/Grain", "--fits")
    size = file.stat().st_size
    assert command_for(file, given) == f"gristmill convert bolt/Grain --target-size {size}"
