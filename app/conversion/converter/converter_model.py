"""Build the converter's model of a checkpoint, without reading any weights."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from app.checkpoint.quantization_config import read_quantization
from app.conversion.converter.converter_errors import reporting_quantization_errors
from app.conversion.converter.patches.legacy_names import rename_legacy_keys, rename_legacy_tensors
from app.conversion.converter.patches.prediction_layers import (
    lacks_prediction_layers,
    without_prediction_layers,
)
from app.conversion.converter.patches.weight_names import find_weights_of_any_name
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import NoticeReported

_DEQUANTIZED = frozenset({"gptq", "fp8", "compressed-tensors", "bitnet", "modelopt"})
"""Methods whose weights the converter turns back into numbers (dequant_model in base.py)."""
_KEEPING_NVFP4 = frozenset({"compressed-tensors", "modelopt"})
_WEIGHTS = (".weight", ".weight_packed", ".qweight")


class ConverterModel(NamedTuple):
    """A model of the converter's own classes, and notices about it for the user."""

    model: Any
    notices: tuple[NoticeReported, ...]


def converter_model(checkpoint: Path, kind: Any) -> ConverterModel:
    """Return the converter's model object for a checkpoint, of the given `ModelType`.

    Raises:
        AppError: `architecture_unsupported`, `quantization_unsupported`.
    """
    from conversion import ModelBase, ModelType, get_model_architecture, get_model_class
    from gguf import LlamaFileType

    find_weights_of_any_name()
    parameters = rename_legacy_keys(ModelBase.load_hparams(checkpoint, False))
    architecture = get_model_architecture(parameters, kind)
    try:
        make = get_model_class(architecture, mmproj=kind == ModelType.MMPROJ)
    except NotImplementedError as error:
        code = ErrorCode.ARCHITECTURE_UNSUPPORTED
        raise AppError(code, architecture=architecture) from error

    def build(of_class: Any) -> Any:
        # A model changes its parameters.
        hparams, target = deepcopy(parameters), checkpoint / "model.gguf"
        return of_class(checkpoint, LlamaFileType.ALL_F32, target, eager=False, hparams=hparams)

    notices: tuple[NoticeReported, ...] = ()
    if lacks_prediction_layers(make, build):
        make = without_prediction_layers(make)
        notices = (NoticeReported(NoticeCode.PREDICTION_LAYERS_ABSENT),)
    model = build(make)
    naming = reporting_quantization_errors(_quantization_of(parameters))
    for part in parts_of(model):
        rename_legacy_tensors(part)
        part.dequant_model = naming(part.dequant_model)
    return ConverterModel(model, notices)


def parts_of(model: Any) -> list[Any]:
    """Return a converter model and those nested in it, to which it may delegate (mistral3.py)."""
    from conversion import ModelBase

    inner = [value for value in vars(model).values() if isinstance(value, ModelBase)]
    return [model, *(part for one in inner for part in parts_of(one))]


def lossless_file_type(model: Any) -> Any:
    """Return the file type that changes no weight: what `--outtype auto` chooses, or else float32.

    It matters for tensors that are never quantized: they stay in the type of this layout. Values
    that come out of another quantization are exact in 32 bits only.
    """
    import torch
    from gguf import LlamaFileType

    if _is_dequantized(model):
        return LlamaFileType.ALL_F32
    by_dtype = {
        torch.bfloat16: LlamaFileType.MOSTLY_BF16,
        torch.float16: LlamaFileType.MOSTLY_F16,
    }
    known = {torch.bfloat16, torch.float16, torch.float32, torch.float64}
    matrices = (tensor for _, tensor in model.get_tensors() if len(tensor.shape) > 1)
    dtypes = known & {tensor.dtype for tensor in matrices}
    # Where there are several, only 32 bits keep them all.
    return by_dtype.get(dtypes.pop() if len(dtypes) == 1 else None, LlamaFileType.ALL_F32)


def _is_dequantized(model: Any) -> bool:
    """Return whether weights are dequantized: NVFP4 is kept, and stored in whole bytes."""
    import torch

    method = str(read_quantization(model.dir_model, model.hparams).get("quant_method"))
    kept = {torch.uint8} if method in _KEEPING_NVFP4 else set()
    kept |= {torch.bfloat16, torch.float16, torch.float32}
    weights = (t.dtype for name, t in model.get_tensors() if name.endswith(_WEIGHTS))
    return method in _DEQUANTIZED and not kept.issuperset(weights)


def _quantization_of(parameters: dict[str, Any]) -> str:
    return str((parameters.get("quantization_config") or {}).get("quant_method", ""))
