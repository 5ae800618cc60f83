"""Inspect a checkpoint as a whole: the contents of its folder and everything wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from app.checkpoint.config import architecture_in, read_config
from app.checkpoint.documents import (
    TOKENIZER_DOCUMENTS,
    require_document,
    require_not_lfs_pointer,
)
from app.checkpoint.pickles import SUFFIXES, require_consent
from app.checkpoint.quantization_config import require_readable_quantization
from app.checkpoint.weight_files import (
    WEIGHTS_SUFFIX,
    TensorEntry,
    WeightList,
    damaged,
    list_weights,
    locate,
    read_shard,
)
from app.core.errors import AppError, ErrorCode
from app.core.language import tr

Subject = Literal["files", "weights"]


@dataclass(frozen=True)
class Checkpoint:
    """The contents of a folder: `size_bytes` counts all files, `weights_bytes` the tensors.

    `dtype` is safetensors' name of the type that most bytes have; `architecture` is the name of
    the class in `config.json`, empty when there is none. Of weights in pickle files nothing but
    the files is known: no tensor, no type.
    """

    folder: Path
    config: dict[str, Any]
    files: tuple[str, ...]
    weight_files: tuple[Path, ...]
    python_files: tuple[str, ...]
    size_bytes: int
    weights_bytes: int
    parameters: int
    dtype: str
    architecture: str


class Fault(NamedTuple):
    """Something wrong with a checkpoint."""

    subject: Subject
    error: AppError


@dataclass(frozen=True)
class Inspection:
    """The result of an inspection; the checkpoint is sound if there are no faults."""

    checkpoint: Checkpoint
    faults: tuple[Fault, ...]


def inspect_checkpoint(folder: Path, *, allows_pickle: bool = False) -> Inspection:
    """Inspect everything in `folder`; keep the first fault of each kind.

    Raises:
        AppError: `source_not_found`, `file_not_convertible`.
    """
    if not folder.is_dir():
        if folder.exists():
            raise AppError(ErrorCode.FILE_NOT_CONVERTIBLE, file=str(folder))
        raise AppError(ErrorCode.SOURCE_NOT_FOUND, source=str(folder))
    faults = _Faults()
    config: dict[str, Any] = {}
    with faults.gathered("files"):
        config = read_config(folder)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    for file in files:
        if file.suffix != WEIGHTS_SUFFIX:
            with faults.gathered("files"):
                require_not_lfs_pointer(file)
        if file.name in TOKENIZER_DOCUMENTS:
            with faults.gathered("files"):
                require_document(file)
    weight_files, by_name = _read_weights(folder, faults, allows_pickle=allows_pickle)
    with faults.gathered("weights"):
        require_readable_quantization(folder, config, by_name)
    tensors = tuple(by_name.values())
    checkpoint = Checkpoint(
        folder=folder,
        config=config,
        files=tuple(file.name for file in files),
        weight_files=weight_files,
        python_files=python_files_in(folder),
        size_bytes=sum(file.stat().st_size for file in files),
        weights_bytes=sum(tensor.size_bytes for tensor in tensors),
        parameters=sum(tensor.parameters for tensor in tensors),
        dtype=_main_dtype(tensors),
        architecture=architecture_in(config),
    )
    return Inspection(checkpoint, tuple(faults.found.values()))


class _Faults:
    def __init__(self) -> None:
        self.found: dict[tuple[Subject, ErrorCode], Fault] = {}

    @contextmanager
    def gathered(self, subject: Subject) -> Iterator[None]:
        try:
            yield
        except AppError as error:
            self.found.setdefault((subject, error.code), Fault(subject, error))


def _read_weights(
    folder: Path, faults: _Faults, *, allows_pickle: bool
) -> tuple[tuple[Path, ...], dict[str, TensorEntry]]:
    weights = WeightList((), {})
    with faults.gathered("weights"):
        weights = list_weights(folder, allows_pickle=allows_pickle)
    read: dict[Path, dict[str, TensorEntry]] = {}
    places: dict[str, str] = {}
    for name in weights.names:
        with faults.gathered("weights"):
            path = locate(folder, name)
            read[path] = _read_file(path, allows_pickle=allows_pickle)
            if twice := read[path].keys() & places.keys():
                raise damaged(
                    path,
                    tr(
                        "the tensor {tensor} is in {file}, too",
                        tensor=min(twice),
                        file=places[min(twice)],
                    ),
                )
            places |= dict.fromkeys(read[path], name)
    if weights.weight_map and places and len(read) == len(weights.names):
        with faults.gathered("weights"):
            _compare(folder / weights.index, weights.weight_map, places)
    return tuple(read), {name: entry for shard in read.values() for name, entry in shard.items()}


def _read_file(path: Path, *, allows_pickle: bool) -> dict[str, TensorEntry]:
    if path.suffix not in SUFFIXES:
        return read_shard(path)
    require_consent(path, allows_pickle=allows_pickle)
    return {}


def _compare(index: Path, named: dict[str, str], places: dict[str, str]) -> None:
    for tensor, file in named.items():
        if places.get(tensor) != file:
            raise damaged(
                index, tr("the tensor {tensor} is not in {file}", tensor=tensor, file=file)
            )
    for tensor, file in places.items():
        if tensor not in named:
            raise damaged(
                index,
                tr("it does not name the tensor {tensor} of {file}", tensor=tensor, file=file),
            )


def python_files_in(folder: Path) -> tuple[str, ...]:
    """Return a repository's Python files, down to two folder levels."""
    found = [*folder.glob("*.py"), *folder.glob("*/*.py")]
    return tuple(sorted(path.relative_to(folder).as_posix() for path in found))


def _main_dtype(tensors: tuple[TensorEntry, ...]) -> str:
    sizes: Counter[str] = Counter()
    for tensor in tensors:
        sizes[tensor.dtype] += tensor.size_bytes
    return max(sizes, key=sizes.__getitem__, default="")
