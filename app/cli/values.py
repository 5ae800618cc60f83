"""Arguments shared by verbs, and their types, which reject invalid values with one line."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

from app.core.addresses import is_host_and_port, is_web_origin
from app.core.language import tr
from app.core.load_options import MAX_THREADS
from app.core.sizes import GIGABYTE, KILOBYTE, MEGABYTE

LARGEST = 2**24
MIN_CHUNK_TOKENS = 16
STANDARD_OUTPUT = "-"
"""The name that stands for standard output where a verb can write to it."""
_LARGEST_PORT = 65_535
_HIGHEST_TEMPERATURE = 5
_UNITS = {"": 1, "k": KILOBYTE, "m": MEGABYTE, "g": GIGABYTE, "t": 1000 * GIGABYTE}
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kmgt]?)b?", re.IGNORECASE)
_FEWEST_BITS, _MOST_BITS = 1, 9


def add_requantize_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the consent to quantize weights that are already quantized."""
    parser.add_argument(
        "--requantize",
        action="store_true",
        help=tr(
            "allow quantizing weights that are already quantized (MXFP4, NVFP4, GGUF), which loses "
            "quality twice"
        ),
    )


def add_pickle_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the consent to read weights in pickle files."""
    parser.add_argument(
        "--allow-pickle",
        action="store_true",
        help=tr(
            "allow weights in pickle files (.bin) if there are no safetensors; only the weights "
            "are read, and files that contain code are refused"
        ),
    )


def add_files_json_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the option for verbs that end with the files they made."""
    parser.add_argument(
        "--json",
        dest="files_as_json",
        action="store_true",
        help=tr(
            "print one JSON object with the paths of the files and what is known of them; progress "
            "goes to stderr"
        ),
    )


def add_worker_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the option for workers on other machines."""
    parser.add_argument(
        "--worker",
        action="append",
        type=address,
        metavar="HOST:PORT",
        help=tr("a “gristmill worker” to offload layers to; repeatable"),
    )


def path(text: str) -> Path:
    """Parse a path, expanding `~` to the home folder."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        message = tr("“{value}” names a user without a home folder on this system", value=text)
        raise argparse.ArgumentTypeError(message) from error


def output_path(text: str) -> Path:
    """Parse the path of a result; `-` is none, since a result is not written to standard output."""
    if text == STANDARD_OUTPUT:
        raise argparse.ArgumentTypeError(
            tr("“-” means standard output, which this can't be written to; give a path, or “./-”")
        )
    return path(text)


def positive(text: str) -> int:
    """Parse a whole number of at least 1."""
    return whole_number(text, 1, LARGEST)


def chunk_tokens(text: str) -> int:
    """Parse a chunk's size in tokens: its first half must be enough context for the second."""
    return whole_number(text, MIN_CHUNK_TOKENS, LARGEST)


def thread_count(text: str) -> int:
    """Parse a number of threads."""
    return whole_number(text, 1, MAX_THREADS)


def port_number(text: str) -> int:
    """Parse a port number; 0 stands for any free port."""
    return whole_number(text, 0, _LARGEST_PORT)


def address(text: str) -> str:
    """Parse a host and port, as `host:port`."""
    if not is_host_and_port(text):
        raise argparse.ArgumentTypeError(tr("“{value}” is not in the form HOST:PORT", value=text))
    return text


def web_origin(text: str) -> str:
    """Parse the origin of a web page, such as `http://localhost:3000`."""
    if not is_web_origin(text):
        message = tr("“{value}” is not in the form http://HOST:PORT", value=text)
        raise argparse.ArgumentTypeError(message)
    return text


def temperature(text: str) -> float:
    """Parse a number from 0 to 5."""
    return number(text, 0, _HIGHEST_TEMPERATURE)


def bits_per_weight(text: str) -> float:
    """Parse a number from 1 to 9."""
    return number(text, _FEWEST_BITS, _MOST_BITS)


def file_size(text: str) -> int:
    """Parse a size such as 4.2GB or 800MB, by powers of 1,000, in bytes."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or not float(match["number"]):
        raise argparse.ArgumentTypeError(
            tr("“{value}” is no size; give one such as 4.2GB or 800MB", value=text)
        )
    return round(float(match["number"]) * _UNITS[match["unit"].lower()])


def number(text: str, minimum: float, maximum: float) -> float:
    """Parse a number from `minimum` to `maximum`, inclusive."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not minimum <= value <= maximum:
        message = tr(
            "“{value}” is not a number from {minimum} to {maximum}",
            value=text,
            minimum=minimum,
            maximum=maximum,
        )
        raise argparse.ArgumentTypeError(message)
    return value


def whole_number(text: str, minimum: int, maximum: int) -> int:
    """Parse a whole number from `minimum` to `maximum`, inclusive."""
    if not text.isascii() or not text.isdigit() or not minimum <= int(text) <= maximum:
        message = tr(
            "“{value}” is not a whole number from {minimum} to {maximum}",
            value=text,
            minimum=minimum,
            maximum=maximum,
        )
        raise argparse.ArgumentTypeError(message)
    return int(text)


def existing_path(source: str) -> Path | None:
    """Return the file or folder with this name, or None if there is none."""
    try:
        place = Path(source).expanduser()
        return place if place.exists() else None
    except (OSError, RuntimeError, ValueError):
        # Too long for a file name, or in the home folder of an unknown user.
        return None
