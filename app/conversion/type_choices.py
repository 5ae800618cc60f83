"""The user's choices beyond the level: an importance matrix and types of individual tensors."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from app.conversion.importance_metadata import ImportanceMetadata
from app.conversion.measured_metadata import MeasuredMetadata
from app.conversion.rounded_rows import RoundedRows
from app.core.errors import AppError, ErrorCode
from app.core.levels import COPY, Level
from app.gguf_file.tensor_names import EMBEDDING, OUTPUT
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.gguf_file.type_recipe import Recipe
from app.native.importance_matrix import ImportanceMatrix
from app.native.library import load_llama

_WRITABLE_TYPES = {
    kind.name.lower(): number for number, kind in TENSOR_TYPES.items() if kind.can_quantize
}


@dataclass(frozen=True)
class TypeChoices:
    """The choices; types by ggml's names in lower case, such as `q6_k`.

    A file states the `provenance` of its importance matrix, and what was `measured`. Where the
    matrix is missing, it is yet to be made, and a plan needs no more. Tensors whose rows were
    `rounded` beforehand are not quantized again; `shifts` are added to vectors. `overrides` are
    pairs of a regular expression, searched in a tensor's name, and a type; the first that fits
    counts. They apply to quantized levels only (src/llama-quant.cpp). Those of them in the `recipe`
    are from the file `recipe_file`. With `requantizes` the user agreed that weights which have lost
    already lose again.
    """

    importance: ImportanceMatrix | None = None
    provenance: ImportanceMetadata | None = None
    overrides: tuple[tuple[str, str], ...] = ()
    recipe: Recipe = ()
    recipe_file: str = ""
    output_type: str | None = None
    embedding_type: str | None = None
    requantizes: bool = False
    rounded: Mapping[str, RoundedRows] = field(default_factory=dict)
    shifts: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    measured: MeasuredMetadata | None = None

    def entries(self) -> dict[str, bytes]:
        """Return the entries of a header that tell how the file was made."""
        sources = (self.provenance, self.measured)
        return {key: entry for one in sources if one for key, entry in one.entries().items()}

    @property
    def has_importance(self) -> bool:
        """True if there is an importance matrix, or will be."""
        return self.importance is not None or self.provenance is not None

    def name_type_of(self, tensor: str) -> bool:
        """Return whether the user named the type of a tensor."""
        named = {EMBEDDING: self.embedding_type, OUTPUT: self.output_type}
        return bool(named.get(tensor)) or any(
            re.search(pattern, tensor) for pattern, _ in self.overrides
        )

    def importance_of(self, name: str, shape: Sequence[int]) -> npt.NDArray[np.float32] | None:
        """Return the importance of a tensor's columns (experts x width), or None if unknown.

        Raises:
            AppError: `importance_matrix_misfit`, when they are of another model.
        """
        weights = self.importance.weights_for(name) if self.importance else None
        if weights is None:
            return None
        width = shape[-1]
        experts = math.prod(shape[:-2])
        if weights.size != experts * width:
            # llama.cpp lets the embeddings pass: their entry is never of use.
            if name == EMBEDDING:
                return None
            raise AppError(ErrorCode.IMPORTANCE_MATRIX_MISFIT, tensor=name)
        return weights.reshape(experts, width)


NO_CHOICES = TypeChoices()


def type_number_named(name: str) -> int:
    """Return ggml's number for a quantizable type, given its name in upper or lower case.

    Raises:
        AppError: `type_unknown`.
    """
    number = _WRITABLE_TYPES.get(name.lower())
    if number is None:
        raise AppError(ErrorCode.TYPE_UNKNOWN, name=name)
    return number


@contextmanager
def quantize_parameters(level: Level, choices: TypeChoices) -> Iterator[Any]:
    """Provide the parameters of `llama_model_quantize` for a dry run; valid inside the block."""
    llama = load_llama()
    parameters = llama.llama_model_quantize_default_params()
    parameters.dry_run = True
    if level == COPY:
        parameters.only_copy = True
    else:
        parameters.ftype = level.ftype
    if choices.output_type:
        parameters.output_tensor_type = type_number_named(choices.output_type)
    if choices.embedding_type:
        parameters.token_embedding_type = type_number_named(choices.embedding_type)
    overrides = [
        llama.llama_model_tensor_override(pattern.encode(), type_number_named(name))
        for pattern, name in choices.overrides
    ]
    if overrides:
        # The last entry, all zero, ends the list.
        array = (llama.llama_model_tensor_override * (len(overrides) + 1))(*overrides)
        parameters.tt_overrides = array
    if choices.has_importance:
        # A dry run only asks whether there is one, not what is in it.
        one = ctypes.c_float(1)
        entry = llama.llama_model_imatrix_data(b"any", ctypes.pointer(one), 1)
        parameters.imatrix = (llama.llama_model_imatrix_data * 2)(entry)
    yield parameters
