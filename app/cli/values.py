"""Arguments that verbs share, and their types: a wrong value is a wrong usage, said in one line."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from app.core.addresses import is_host_and_port, is_web_origin
from app.core.errors import unreadable_file

LARGEST = 2**24
FEWEST_CHUNK_TOKENS = 16
_LARGEST_PORT = 65_535
_HIGHEST_TEMPERATURE = 5


def add_requantize_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the consent to losing twice."""
    parser.add_argument(
        "--requantize",
        action="store_true",
        help="quantize again what is quantized already (MXFP4, NVFP4, a GGUF file), which loses "
        "twice",
    )


def add_pickle_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the consent to weights in pickle files."""
    parser.add_argument(
        "--allow-pickle",
        action="store_true",
        help="take weights in pickle files (.bin) where there is no safetensors; they are read as "
        "weights alone, and code in them is refused",
    )


def add_worker_argument(parser: argparse.ArgumentParser) -> None:
    """Declare workers on other machines."""
    parser.add_argument(
        "--worker",
        action="append",
        type=address,
        metavar="HOST:PORT",
        help="a “gristmill worker” whose devices take layers, too; may repeat",
    )


def path(text: str) -> Path:
    """A path, with `~` for somebody's home folder."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"“{text}” is in no home folder of this system") from error


def read_text(file: Path) -> str:
    """The text in a file that an argument names.

    Raises:
        AppError: `file_unreadable`.
    """
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise unreadable_file(file, error) from error


def positive(text: str) -> int:
    """A whole number of at least 1."""
    return whole_number(text, 1, LARGEST)


def chunk_tokens(text: str) -> int:
    """A number of tokens that is enough for one half to say something about the other."""
    return whole_number(text, FEWEST_CHUNK_TOKENS, LARGEST)


def port_number(text: str) -> int:
    """A port, or 0 for a free one."""
    return whole_number(text, 0, _LARGEST_PORT)


def address(text: str) -> str:
    """A host and a port, as `host:port`."""
    if not is_host_and_port(text):
        raise argparse.ArgumentTypeError(f"“{text}” is not of the form HOST:PORT")
    return text


def web_origin(text: str) -> str:
    """The origin of a web page, such as `http://localhost:3000`."""
    if not is_web_origin(text):
        raise argparse.ArgumentTypeError(f"“{text}” is not of the form http://HOST:PORT")
    return text


def temperature(text: str) -> float:
    """A number from 0 to 5."""
    return number(text, 0, _HIGHEST_TEMPERATURE)


def number(text: str, least: float, most: float) -> float:
    """A number between two others, or one of them."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"“{text}” is not a number from {least} to {most}")
    return value


def whole_number(text: str, least: int, most: int) -> int:
    """A whole number between two others, or one of them."""
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"“{text}” is not a whole number from {least} to {most}")
    return int(text)


def existing_path(source: str) -> Path | None:
    """The file or folder that a person named, or None when nothing of that name is here."""
    try:
        place = Path(source).expanduser()
        return place if place.exists() else None
    except (OSError, RuntimeError, ValueError):
        # Too long for a name, or in nobody's home folder.
        return None
