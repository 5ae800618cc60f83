"""Every way in which weights can be quantized already: read right, or refused in right words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.checkpoint.checks import check_files
from app.checkpoint.quantization_config import read_quantization, require_readable_quantization
from app.core.errors import AppError, ErrorCode

Config = dict[str, Any]


def compressed(stored: str, *, section: Config | None = None, **weights: Any) -> Config:
    group = {"targets": ["Linear"], "weights": {"num_bits": 8, "type": "int", **weights}}
    return {
        "quant_method": "compressed-tensors",
        "format": stored,
        "config_groups": {"group_0": group},
        **(section or {}),
    }


def modelopt(algorithm: str, **more: Any) -> Config:
    return {"quant_method": "modelopt", "quant_algo": algorithm, **more}


PACKED = {"num_bits": 4, "group_size": 128, "strategy": "group"}
NVFP4 = compressed("nvfp4-pack-quantized", type="float", num_bits=4)
READABLE = [
    {"quant_method": "gptq", "bits": 4, "group_size": 128},
    {"quant_method": "gptq", "bits": 4, "checkpoint_format": "gptq_v2", "format": "gptq_v2"},
    {"quant_method": "gptq", "bits": 8, "dynamic": {"-:lm_head": {}}},
    {"quant_method": "fp8", "weight_block_size": [128, 128]},
    {"quant_method": "fp8", "activation_scheme": "static"},
    compressed("pack-quantized", **PACKED),
    compressed("pack-quantized", **PACKED, symmetric=False, actorder="weight"),
    compressed("int-quantized", strategy="channel"),
    compressed("float-quantized", type="float", strategy="block", block_structure=[128, 128]),
    compressed("naive-quantized", type="float", strategy="channel"),
    NVFP4,
    NVFP4 | {"format": "mixed-precision", "config_groups": {"a": {"format": NVFP4["format"]}}},
    modelopt("FP8"),
    modelopt("NVFP4"),
    modelopt("MIXED_PRECISION", quantized_layers={"a": {"quant_algo": "W4A16_NVFP4"}}),
    {"quant_method": "bitnet"},
]
UNREADABLE = [
    ({"quant_method": "gptq", "bits": 3}, "2, 4 and 8 bits, not 3"),
    ({"quant_method": "gptq", "bits": 4, "dynamic": {"+:x": {"bits": 8}}}, "dynamic"),
    ({"quant_method": "gptq", "bits": 4, "checkpoint_format": "marlin"}, "marlin"),
    ({"quant_method": "gptq", "bits": 4, "is_marlin_format": True}, "marlin"),
    ({"quant_method": "gptq", "bits": 4, "format": "gptq_v2"}, "its format is gptq_v2"),
    ({"quant_method": "fp8", "weight_block_size": "128x128"}, "weight_block_size"),
    (compressed("marlin-24", **PACKED), "marlin-24"),
    (compressed("mxfp4-pack-quantized"), "mxfp4-pack-quantized"),
    (compressed("pack-quantized", **{**PACKED, "strategy": "channel"}), "not by channel"),
    (compressed("pack-quantized", **{**PACKED, "type": "float"}), "type float"),
    (compressed("pack-quantized", **{**PACKED, "group_size": None}), "group_size is None"),
    (compressed("pack-quantized", **PACKED, actorder="group"), "actorder"),
    (compressed("int-quantized", strategy="tensor"), "not by tensor"),
    (compressed("int-quantized", strategy="channel", symmetric=False), "zero points"),
    (compressed("int-quantized", strategy="channel", group_size=32), "group_size 32"),
    (compressed("float-quantized", strategy="block", block_structure=None), "block_structure"),
    (
        compressed("pack-quantized", **PACKED, section={"sparsity_config": {"format": "sparse"}}),
        "sparse",
    ),
    (
        compressed(
            "pack-quantized", **PACKED, section={"transform_config": {"config_groups": {"R1": {}}}}
        ),
        "transform_config",
    ),
    (compressed("pack-quantized", section={"config_groups": {"a": {}, "b": {}}}), "there are 2"),
    (modelopt("W4A8_AWQ"), "W4A8_AWQ"),
    (modelopt("MIXED_PRECISION", quantized_layers={"a": {"quant_algo": "INT4_AWQ"}}), "INT4_AWQ"),
    ({"quant_method": "mxfp4"}, "of gpt-oss, not of LlamaForCausalLM"),
    ({"quant_method": "bitnet", "linear_class": "autobitlinear"}, "reciprocals"),
    ({"quant_method": "bitnet", "quantization_mode": "online"}, "while they are used"),
    ({"quant_method": "awq", "bits": 4}, "of 4 bits"),
    ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "of 4 bits"),
    ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "of 8 bits"),
    *(
        ({"quant_method": method}, "no reader for this method")
        for method in ("torchao", "hqq", "quanto", "eetq", "aqlm", "auto-round", "fbgemm_fp8")
    ),
]


def write(folder: Path, quantization: Config, **more: Any) -> Path:
    config = {"architectures": ["LlamaForCausalLM"], "quantization_config": quantization, **more}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def refused(folder: Path) -> tuple[str, str]:
    """The method and the reason, found without any weights."""
    (fault,) = (
        check for check in check_files(folder) if check.error is ErrorCode.QUANTIZATION_UNSUPPORTED
    )
    return str(fault.details["method"]), str(fault.details["reason"])


@pytest.mark.parametrize("quantization", READABLE, ids=json.dumps)
def test_what_the_converter_reads_is_taken(quantization: Config, tmp_path: Path) -> None:
    config = {"architectures": ["LlamaForCausalLM"], "quantization_config": quantization}
    require_readable_quantization(tmp_path, config)


def test_gpt_oss_is_taken_in_mxfp4(tmp_path: Path) -> None:
    config = {
        "architectures": ["GptOssForCausalLM"],
        "quantization_config": {"quant_method": "mxfp4"},
    }
    require_readable_quantization(tmp_path, config)


@pytest.mark.parametrize(("quantization", "reason"), UNREADABLE)
def test_what_it_can_not_read_is_named(quantization: Config, reason: str, tmp_path: Path) -> None:
    method, told = refused(write(tmp_path, quantization))
    assert method == quantization["quant_method"]
    assert reason in told


@pytest.mark.parametrize(
    ("config", "method"),
    [
        ({"quantization_config": {"load_in_4bit": True}}, "bitsandbytes"),
        ({"quantization": {"group_size": 64, "bits": 4}}, "mlx"),
        ({"compression_config": {"format": "int-quantized"}}, "compression_config"),
        ({"text_config": {"quantization_config": {"quant_method": "awq"}}}, "awq"),
    ],
)
def test_a_method_is_known_by_its_fields_too(config: Config, method: str, tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        require_readable_quantization(tmp_path, config)
    assert caught.value.details["method"] == method


@pytest.mark.parametrize(
    "config", [{}, {"quantization_config": None}, {"quantization_config": {}}, {"quantization": 1}]
)
def test_most_checkpoints_are_not_quantized(config: Config, tmp_path: Path) -> None:
    assert read_quantization(tmp_path, config) == {}
    require_readable_quantization(tmp_path, config)


@pytest.mark.parametrize(
    ("quantization", "name"),
    [
        ({"quant_method": "fp8"}, "a.weight_scale"),
        (compressed("int-quantized", strategy="channel"), "a.input_scale"),
        (compressed("float-quantized", type="float", strategy="channel"), "a.k_scale"),
        (compressed("pack-quantized", **PACKED), "a.weight_g_idx"),
        ({"quant_method": "gptq", "bits": 4}, "a.qweight"),
        ({}, "a.qweight"),
    ],
)
def test_tensors_that_it_would_stop_at_are_named(
    quantization: Config, name: str, tmp_path: Path
) -> None:
    config = {"quantization_config": quantization}
    require_readable_quantization(tmp_path, config, ["a.weight"])
    with pytest.raises(AppError) as caught:
        require_readable_quantization(tmp_path, config, ["a.weight", name])
    assert caught.value.code is ErrorCode.QUANTIZATION_UNSUPPORTED


def test_the_scales_of_nvfp4_are_its_own(tmp_path: Path) -> None:
    config = {"quantization_config": NVFP4}
    require_readable_quantization(tmp_path, config, ["a.input_scale", "a.weight_scale"])


def test_what_modelopt_writes_into_a_file_of_its_own_is_read(tmp_path: Path) -> None:
    beside = {"producer": {"name": "ModelOpt"}, "quantization": {"quant_algo": "INT8_SQ"}}
    (tmp_path / "hf_quant_config.json").write_text(json.dumps(beside))
    assert read_quantization(tmp_path, {}) == modelopt("INT8_SQ")
    with pytest.raises(AppError, match="INT8_SQ"):
        require_readable_quantization(tmp_path, {})
