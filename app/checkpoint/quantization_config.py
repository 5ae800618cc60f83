"""Check a checkpoint's `quantization_config`; refuse what the converter can't read correctly.

What it reads stands in `dequant_model` and `prepare_tensors` of conversion/base.py. A field that
changes the numbers, and that it passes over, is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from app.checkpoint.config import architecture_in
from app.checkpoint.documents import read_document
from app.core.errors import AppError, ErrorCode
from app.core.language import tr

Config = Mapping[str, Any]
_BESIDE, _OLD_SECTION = "hf_quant_config.json", "compression_config"
_BITS_OF_GPTQ = (2, 4, 8)
_GPTQ_FORMATS = frozenset({"gptq", "gptq_v2"})
_OF_8_BITS = frozenset({"float-quantized", "int-quantized", "naive-quantized"})
_PACKED, _NVFP4, _MXFP4, _MIXED = (
    "pack-quantized",
    "nvfp4-pack-quantized",
    "mxfp4-pack-quantized",
    "mixed-precision",
)
_MODELOPT_ALGORITHMS = frozenset(
    {"FP8", "FP8_PER_CHANNEL_PER_TOKEN", "NVFP4", "W4A16_NVFP4", "MIXED_PRECISION"}
)
_MXFP4_ARCHITECTURES = frozenset({"GptOssForCausalLM"})
_PACKED_MXFP4_ARCHITECTURES = frozenset({"KimiK3ForConditionalGeneration"})
_PACKED_WEIGHT = ".qweight"
_PARTS_OF_GPTQ = ("g_idx", "qzeros", "scales")
_STRANGERS: dict[str, tuple[str, ...]] = {
    "fp8": (".weight_scale",),
    "compressed-tensors": (
        *(".input_scale", ".output_scale", ".k_scale", ".v_scale"),
        *(".weight_g_idx", ".input_zero_point"),
    ),
}
_BITNET_ARCHITECTURES = frozenset({"BitnetForCausalLM", "BitNetForCausalLM"})


def read_quantization(folder: Path | None, config: Config) -> dict[str, Any]:
    """Return the quantization of the weights in `folder`, as the converter sees it; empty if none.

    Without a folder, only the configuration is read.

    Raises:
        AppError: what `app.checkpoint.documents.read_document` raises.
    """
    found = _section(config)
    beside = None if folder is None else folder / _BESIDE
    is_complete = found.get("quant_algo") and found.get("quantized_layers")
    if beside is not None and not is_complete and beside.is_file():
        document = read_document(beside)
        found |= _dict(document.get("quantization"))
        if found.get("quant_method") is None:
            found["quant_method"] = str(_dict(document.get("producer")).get("name", "")).lower()
    if found.get("quant_method") is None:
        found["quant_method"] = _inferred_method(found)
    return found if found["quant_method"] else {}


def require_readable_quantization(
    folder: Path | None, config: Config, names: Collection[str] = ()
) -> None:
    """Check that the converter can read weights quantized this way.

    Args:
        folder: The checkpoint's; None if there is only its configuration.
        config: Its configuration.
        names: Those of its tensors, as far as they are known.

    Raises:
        AppError: `quantization_unsupported`, and what `read_quantization` raises.
    """
    quantization = read_quantization(folder, config)
    if not quantization:
        if any(name.endswith(_PACKED_WEIGHT) for name in names):
            raise _unsupported("qweight", tr("config.json has no quantization_config"))
        return
    method = quantization["quant_method"]
    of_method = _FAULTS.get(method, _of_an_unknown_method)
    faults = of_method(quantization, architecture_in(dict(config)))
    if (
        reason := next(chain(faults, _companion_tensor_faults(quantization, names)), None)
    ) is not None:
        raise _unsupported(method, reason)


def _unsupported(method: str, reason: str) -> AppError:
    return AppError(ErrorCode.QUANTIZATION_UNSUPPORTED, method=method, reason=reason)


def _companion_tensor_faults(quantization: Config, names: Collection[str]) -> Iterator[str]:
    """Yield unknown and missing tensors among those that accompany quantized weights."""
    if quantization["quant_method"] == "gptq":
        yield from _lacking(names)
    strangers = _STRANGERS.get(quantization["quant_method"], ())
    # NVFP4 of compressed-tensors has its scales taken, MiMo's MXFP4 in a file of FP8, too.
    if quantization.get("format") in {_NVFP4, _MXFP4, _MIXED} or "store_dtype" in quantization:
        return
    for name in names:
        if name.endswith(strangers):
            yield tr("it does not know the tensor {name}", name=name)


def _lacking(names: Collection[str]) -> Iterator[str]:
    known = frozenset(names)
    for name in names:
        base = name.removesuffix(_PACKED_WEIGHT)
        needed = (f"{base}.{part}" for part in _PARTS_OF_GPTQ)
        if base != name and (missing := next((part for part in needed if part not in known), "")):
            yield tr("it needs the tensor {missing}, which is not there", missing=missing)


def _section(config: Config) -> dict[str, Any]:
    for key in ("quantization_config", _OLD_SECTION, "quantization"):
        for place in (config, _dict(config.get("text_config"))):
            if section := _dict(place.get(key)):
                return section | ({"quant_method": _OLD_SECTION} if key == _OLD_SECTION else {})
    return {}


def _dict(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _inferred_method(quantization: Config) -> str:
    """Infer the method of a configuration that names none; empty if there is none."""
    if any(quantization.get(f"load_in_{bits}bit") for bits in (4, 8)):
        return "bitsandbytes"
    return "mlx" if {"bits", "group_size"} <= quantization.keys() else ""


def _of_an_unknown_method(quantization: Config, _: str) -> Iterator[str]:
    bits = quantization.get("bits") or quantization.get("w_bit")
    if quantization.get("load_in_4bit"):
        bits = 4
    elif quantization.get("load_in_8bit"):
        bits = 8
    if bits:
        yield tr("it has no reader for this method, of {bits} bits", bits=bits)
    else:
        yield tr("it has no reader for this method")


def _of_gptq(quantization: Config, _: str) -> Iterator[str]:
    bits = quantization.get("bits")
    if bits not in _BITS_OF_GPTQ:
        yield tr("it reads 2, 4 and 8 bits, not {bits}", bits=bits)
    own = _dict(quantization.get("dynamic")).values()
    if any(_dict(layer).get("bits", bits) != bits for layer in own):
        yield tr("some layers have other bits than the rest (dynamic)")
    stored = quantization.get("checkpoint_format", "gptq")
    if quantization.get("is_marlin_format"):
        stored = "marlin"
    if stored not in _GPTQ_FORMATS:
        yield tr("it does not know the checkpoint_format {stored}", stored=stored)
    # The converter reads only the one name, and an offset of the zero points depends on it.
    if quantization.get("format", stored) != stored:
        yield tr(
            "its format is {format}, and its checkpoint_format is {stored}",
            format=quantization["format"],
            stored=stored,
        )


def _of_fp8(quantization: Config, _: str) -> Iterator[str]:
    block = quantization.get("weight_block_size")
    if block is not None and not _is_block(block):
        yield tr("its weight_block_size is {block}, and not two lengths", block=block)


def _of_compressed_tensors(quantization: Config, architecture: str) -> Iterator[str]:
    stored = quantization.get("format")
    groups = list(_dict(quantization.get("config_groups")).values())
    if _dict(quantization.get("transform_config")).get("config_groups"):
        yield tr("its weights are rotated (transform_config)")
    sparse = _dict(quantization.get("sparsity_config")).get("format", "dense")
    if sparse != "dense":
        yield tr("its weights are sparse (sparsity_config: {sparse})", sparse=sparse)
    if stored == _NVFP4 or (stored == _MIXED and _are_all_nvfp4(groups)):
        return
    if stored == _MXFP4 and architecture in _PACKED_MXFP4_ARCHITECTURES:
        return
    if stored not in {_PACKED, *_OF_8_BITS}:
        yield tr("it does not know the format {stored}", stored=stored)
    if len(groups) != 1:
        yield tr("it reads one of the config_groups, and there are {count}", count=len(groups))
        return
    weights = _dict(_dict(groups[0]).get("weights"))
    if weights.get("actorder") == "group":
        yield tr("its columns are reordered (actorder)")
    yield from (_of_packed if stored == _PACKED else _of_8_bits)(weights)


def _are_all_nvfp4(groups: list[Any]) -> bool:
    return bool(groups) and all(_dict(group).get("format") == _NVFP4 for group in groups)


def _of_packed(weights: Config) -> Iterator[str]:
    if weights.get("strategy") != "group":
        yield tr(
            "it reads packed weights in groups, not by {strategy}", strategy=weights.get("strategy")
        )
    if weights.get("type", "int") != "int":
        yield tr("it reads packed whole numbers, not the type {type}", type=weights.get("type"))
    for name in ("num_bits", "group_size"):
        if not isinstance(weights.get(name), int):
            yield tr("its {name} is {value}", name=name, value=weights.get(name))


def _of_8_bits(weights: Config) -> Iterator[str]:
    strategy, block = weights.get("strategy"), weights.get("block_structure")
    if strategy not in {"channel", "block"}:
        yield tr("it reads scales by channel or block, not by {strategy}", strategy=strategy)
    if weights.get("group_size") is not None:
        yield tr(
            "it reads no groups in this format (group_size {size})", size=weights["group_size"]
        )
    if strategy == "block" and not _is_block(block):
        yield tr("its block_structure is {block}, and not two lengths", block=block)
    if weights.get("type") == "int" and weights.get("symmetric") is False:
        yield tr("its weights have zero points (symmetric: false)")


def _is_block(block: object) -> bool:
    return isinstance(block, list) and all(isinstance(length, int) for length in block)


def _of_modelopt(quantization: Config, _: str) -> Iterator[str]:
    layers = _dict(quantization.get("quantized_layers")).values()
    named = [quantization.get("quant_algo"), *(_dict(layer).get("quant_algo") for layer in layers)]
    for algorithm in named:
        if algorithm is not None and algorithm not in _MODELOPT_ALGORITHMS:
            yield tr("it does not know the quant_algo {algorithm}", algorithm=algorithm)


def _of_mxfp4(_: Config, architecture: str) -> Iterator[str]:
    if architecture not in _MXFP4_ARCHITECTURES:
        yield tr("it reads MXFP4 of gpt-oss, not of {architecture}", architecture=architecture)


def _of_bitnet(quantization: Config, architecture: str) -> Iterator[str]:
    if quantization.get("quantization_mode") == "online":
        if architecture not in _BITNET_ARCHITECTURES:
            yield tr("its weights are rounded while they are used (quantization_mode: online)")
    elif quantization.get("linear_class") == "autobitlinear":
        yield tr("it takes the scales for their reciprocals (linear_class: autobitlinear)")


_FAULTS: dict[str, Callable[[Config, str], Iterator[str]]] = {
    "gptq": _of_gptq,
    "fp8": _of_fp8,
    "compressed-tensors": _of_compressed_tensors,
    "modelopt": _of_modelopt,
    "mxfp4": _of_mxfp4,
    "bitnet": _of_bitnet,
}
