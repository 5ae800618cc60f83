"""Find the weight files of a checkpoint and check that each is what it claims to be."""

from __future__ import annotations

import json
import math
import os
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from app.checkpoint.documents import read_document, require_not_lfs_pointer
from app.checkpoint.pickles import SUFFIXES, require_consent
from app.core.errors import AppError, ErrorCode, unreadable_file
from app.core.language import tr
from app.core.names import safe_relative_path

INDEX_FILE = "model.safetensors.index.json"
WEIGHTS_SUFFIX = ".safetensors"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
_MAX_NAMED = 12
_PICKLES, _PICKLE_INDEX_FILE = "pytorch_model*.bin", "pytorch_model.bin.index.json"
_NUMBERED = re.compile(r"(?P<beginning>.+)-\d{5}-of-(?P<count>\d{5})(?P<suffix>\.\w+)")
HEADER_LENGTH = struct.Struct("<Q")
"""The beginning of a safetensors file: the number of bytes of JSON that follow."""
# safetensors itself reads up to 100 MB, for 13 s; 70,000 tensors in one file take 10 MB.
LARGEST_HEADER = 16 * 2**20


class TensorEntry(NamedTuple):
    """A tensor as a safetensors header describes it."""

    dtype: str
    shape: tuple[int, ...]
    size_bytes: int

    @property
    def parameters(self) -> int:
        """The number of values."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class WeightList:
    """The names of the weight files; `weight_map` (tensor to file) is empty without an `index`."""

    names: tuple[str, ...]
    weight_map: dict[str, str]
    index: str = ""


def list_weights(folder: Path, *, allows_pickle: bool = False) -> WeightList:
    """Return the weight files that the index names, or else those in the folder.

    Missing parts that the numbering implies are included. Files with other names count where it is
    clear which they are. Where there are no safetensors
    files, they are pickle files, if those are allowed.

    Raises:
        AppError: `weights_of_other_names`, `pickle_weights`, `checkpoint_without_weights`, and
            what `app.checkpoint.documents.read_document` raises for the index.
    """
    found = _listed(folder, INDEX_FILE, f"model*{WEIGHTS_SUFFIX}") or _by_other_names(folder)
    if found is None and allows_pickle:
        found = _listed(folder, _PICKLE_INDEX_FILE, _PICKLES)
    if found is not None:
        return found
    for path in sorted(folder.iterdir()):
        if path.suffix in SUFFIXES:
            require_consent(path, allows_pickle=False)
    raise AppError(ErrorCode.CHECKPOINT_WITHOUT_WEIGHTS, folder=str(folder))


def _listed(folder: Path, index_name: str, pattern: str) -> WeightList | None:
    index = folder / index_name
    if index.is_file():
        weight_map = _weight_map(index)
        return WeightList(tuple(sorted(set(weight_map.values()))), weight_map, index_name)
    names = sorted(path.name for path in folder.glob(pattern))
    return WeightList(tuple(_completed(names)), {}) if names else None


def _by_other_names(folder: Path) -> WeightList | None:
    """Return one file, its numbered parts, or the files named by the only index."""
    indices = [path.name for path in folder.glob(f"*{WEIGHTS_SUFFIX}.index.json")]
    if len(indices) == 1:
        return _listed(folder, indices[0], "")
    names = sorted(path.name for path in folder.glob(f"*{WEIGHTS_SUFFIX}"))
    names = [name for name in names if name != ADAPTER_WEIGHTS]
    if not names:
        return None
    completed = _completed(names[:1])
    if not set(names) <= set(completed):
        details = {"folder": str(folder), "files": ", ".join(names[:_MAX_NAMED])}
        raise AppError(ErrorCode.WEIGHTS_OF_OTHER_NAMES, **details)
    return WeightList(tuple(completed), {})


def locate(folder: Path, untrusted_name: str) -> Path:
    """Return the path of a weight file, which must lie in `folder`.

    Raises:
        AppError: `unsafe_name`, `missing_shard`.
    """
    path = folder / safe_relative_path(untrusted_name)
    try:
        is_inside = path.resolve().is_relative_to(_root(folder))
    except RuntimeError:
        # A link that leads to itself.
        is_inside = False
    if not is_inside:
        raise AppError(ErrorCode.UNSAFE_NAME, name=untrusted_name)
    if not path.is_file():
        raise AppError(ErrorCode.MISSING_SHARD, file=untrusted_name)
    return path


def read_shard(path: Path) -> dict[str, TensorEntry]:
    """Return the tensors of a safetensors file by name, after the official library has checked it.

    Raises:
        AppError: `lfs_pointer`, `weights_damaged`, `file_unreadable`.
    """
    require_not_lfs_pointer(path)
    try:
        header = _header_text(path)
        _check_officially(path)
    except OSError as error:
        raise unreadable_file(path, error) from error
    entries: dict[str, Any] = json.loads(header, object_pairs_hook=_unique_in(path))
    return {name: _entry(entry) for name, entry in entries.items() if name != "__metadata__"}


def tensor_ranges(path: Path) -> list[tuple[int, int]]:
    """Return the byte ranges of the tensors in a valid safetensors file, in order.

    Each is the first byte and the one after the last. Tensors without values are left out.
    """
    return sorted(place for place in named_ranges(path).values() if place[0] < place[1])


def named_ranges(path: Path) -> dict[str, tuple[int, int]]:
    """Return the byte range of each tensor in a valid safetensors file, by name."""
    header = _header_text(path)
    entries: dict[str, Any] = json.loads(header)
    first = HEADER_LENGTH.size + len(header)
    places = {
        name: entry["data_offsets"] for name, entry in entries.items() if name != "__metadata__"
    }
    return {name: (first + begin, first + end) for name, (begin, end) in places.items()}


def small_tensor_ranges(size_bytes: int, path: Path) -> list[tuple[int, int]]:
    """Return the ranges of tensors up to a size as `tensor_ranges` does, adjacent ones merged."""
    parts: list[tuple[int, int]] = []
    for begin, end in tensor_ranges(path):
        if end - begin > size_bytes:
            continue
        if parts and parts[-1][1] == begin:
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((begin, end))
    return parts


def damaged(path: Path, reason: str) -> AppError:
    """Return the error for a weight file that contradicts itself or the index."""
    return AppError(ErrorCode.WEIGHTS_DAMAGED, file=path.name, reason=reason)


def _root(folder: Path) -> Path:
    # The Hub's own cache keeps a repository's files in `blobs` and links to them.
    resolved = folder.resolve()
    repository = resolved.parent.parent
    is_cache = resolved.parent.name == "snapshots" and (repository / "blobs").is_dir()
    return repository if is_cache else resolved


def _completed(names: list[str]) -> list[str]:
    """Return the names, plus those of any missing parts that their numbering implies."""
    wanted = set(names)
    for name in names:
        if match := _NUMBERED.fullmatch(name):
            beginning, count = match["beginning"], int(match["count"])
            wanted |= {
                f"{beginning}-{number:05}-of-{count:05}{match['suffix']}"
                for number in range(1, count + 1)
            }
    return sorted(wanted)


def _weight_map(index: Path) -> dict[str, str]:
    weight_map = read_document(index).get("weight_map")
    if isinstance(weight_map, dict) and weight_map:
        named = {str(tensor): name for tensor, name in weight_map.items() if isinstance(name, str)}
        if len(named) == len(weight_map):
            return named
    reason = tr("its weight_map is missing or damaged")
    raise AppError(ErrorCode.CONFIG_DAMAGED, file=index.name, reason=reason)


def _header_text(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(HEADER_LENGTH.size)
        if len(start) < HEADER_LENGTH.size:
            raise damaged(path, tr("it is empty or cut off"))
        (length,) = HEADER_LENGTH.unpack(start)
        left = os.fstat(file.fileno()).st_size - HEADER_LENGTH.size
        if length > min(LARGEST_HEADER, left):
            raise damaged(
                path, tr("it claims to begin with a header of {length} bytes", length=length)
            )
        return file.read(length)


def _check_officially(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing header: ")
        raise damaged(path, reason) from error


def _unique_in(path: Path) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) < len(pairs):
            # The official library takes the last one in silence.
            raise damaged(path, tr("a name in its header is there twice"))
        return built

    return build


def _entry(entry: dict[str, Any]) -> TensorEntry:
    begin, end = entry["data_offsets"]
    return TensorEntry(entry["dtype"], tuple(entry["shape"]), end - begin)
