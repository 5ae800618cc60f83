"""A GGUF model, opened once: the headers of all its files, to be passed to whatever needs them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from app.gguf_file.header_reader import Header
from app.gguf_file.model_info import ModelInfo, model_info_of, read_headers
from app.gguf_file.validation import require_sane


@dataclass(frozen=True)
class Model:
    """The headers of a model's files, in shard order."""

    headers: tuple[Header, ...]

    @property
    def path(self) -> Path:
        """The only file or the first shard, which is what llama.cpp is given."""
        return self.headers[0].path

    @property
    def files(self) -> tuple[Path, ...]:
        """All files: the shards, or the only one."""
        return tuple(header.path for header in self.headers)

    @cached_property
    def info(self) -> ModelInfo:
        """The model as its headers describe it."""
        return model_info_of(list(self.headers))

    def tensor_bytes(self, name: str) -> int:
        """Return the size of a tensor; 0 if there is none with that name."""
        tensors = (tensor for header in self.headers for tensor in header.tensors)
        return sum(tensor.size_bytes for tensor in tensors if tensor.name == name)


def read_model(path: Path) -> Model:
    """Read the headers of the model in the file `path`, which may be one of its shards.

    Raises:
        AppError: `missing_shard`, and what `app.gguf_file.header_reader.read_header` raises.
    """
    return Model(tuple(read_headers(path)))


def read_sane_model(path: Path) -> Model:
    """Open a model that is about to be loaded, and check what llama.cpp takes for granted.

    Raises:
        AppError: `gguf_damaged`, and what `read_model` raises.
    """
    model = read_model(path)
    require_sane(*model.headers)
    return model
