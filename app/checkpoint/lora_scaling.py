"""Compute the scaling of a LoRA adapter, module by module, as PEFT does.

PEFT multiplies a module's B·A by its alpha divided by its rank, or with rank stabilization by the
root of its rank (`update_layer` in peft/tuners/lora/layer.py). llama.cpp divides one alpha, which
all modules share, by each module's rank (`get_scale` in src/llama-adapter.h).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import AppError, ErrorCode
from app.core.language import tr

CONFIGURATION = "adapter_config.json"
_MODULE = re.compile(
    r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?:embedding_)?[AB](?:\.weight)?"
)
_HARMLESS = frozenset(
    {
        *("peft_type", "peft_version", "task_type", "auto_mapping", "base_model_name_or_path"),
        *("revision", "inference_mode", "r", "lora_alpha", "lora_dropout", "use_rslora"),
        *("rank_pattern", "alpha_pattern", "target_modules", "exclude_modules"),
        *("layers_to_transform", "layers_pattern", "init_lora_weights", "eva_config"),
        *("megatron_config", "megatron_core", "runtime_config", "qalora_group_size", "bias"),
        *("alora_invocation_tokens", "invocation_string", "ensure_weight_tying"),
    }
)
"""Fields that are honored, or that say how an adapter was trained."""
_UNSUPPORTED = (
    *("use_dora", "use_qalora", "lora_bias", "fan_in_fan_out", "modules_to_save"),
    *("layer_replication", "target_parameters", "trainable_token_indices", "arrow_config"),
    *("loftq_config", "corda_config", "lora_ga_config", "use_bdlora"),
)
"""Fields that change what an adapter does, in ways that a GGUF file has no place for."""
_OTHER_BASES = re.compile(r"(pissa|olora|corda|loftq|lora_ga)")
"""Initializations that change the weights of the base model, too."""


@dataclass(frozen=True)
class LoraScaling:
    """The scaling in the configuration of an adapter."""

    alpha: float
    is_rank_stabilized: bool = False
    alphas: dict[str, float] = field(default_factory=dict)

    def alpha_for(self, module: str, rank: int) -> float:
        """Return a module's effective alpha: alpha / rank is its scaling."""
        # As `get_pattern_key` in peft/utils/other.py has it.
        keys = (key for key in self.alphas if re.match(rf"(.*\.)?({key})$", module))
        key = next(keys, None)
        alpha = self.alpha if key is None else self.alphas[key]
        return alpha * math.sqrt(rank) if self.is_rank_stabilized else alpha

    def shared(self, ranks: Mapping[str, int]) -> tuple[float, dict[str, float]]:
        """Return one alpha for all modules, and a correction factor for each module that differs.

        Args:
            ranks: The rank of each module.
        """
        alphas = {module: self.alpha_for(module, rank) for module, rank in ranks.items()}
        counted = Counter(alphas.values()).most_common(1)
        common = counted[0][0] if counted else self.alpha
        factors = {module: alpha / common for module, alpha in alphas.items()}
        return common, {module: factor for module, factor in factors.items() if factor != 1}


def lora_scaling(config: dict[str, Any]) -> LoraScaling:
    """Return the scaling in an adapter's configuration.

    Raises:
        AppError: `adapter_field_unsupported`, `config_damaged`.
    """
    for name in _UNSUPPORTED:
        if config.get(name):
            raise AppError(ErrorCode.ADAPTER_FIELD_UNSUPPORTED, field=f"“{name}”")
    if config.get("bias", "none") != "none":
        raise AppError(ErrorCode.ADAPTER_FIELD_UNSUPPORTED, field=f"“bias”: “{config['bias']}”")
    start = config.get("init_lora_weights")
    if isinstance(start, str) and _OTHER_BASES.match(start):
        raise AppError(ErrorCode.ADAPTER_FIELD_UNSUPPORTED, field=f"“init_lora_weights”: “{start}”")
    patterns = config.get("alpha_pattern") or {}
    if not isinstance(patterns, dict):
        raise _damaged(tr("“alpha_pattern” is no object"))
    alphas = {}
    for pattern, alpha in patterns.items():
        _require_pattern(pattern)
        alphas[pattern] = _alpha(alpha, tr("“{pattern}” in “alpha_pattern”", pattern=pattern))
    alpha = _alpha(config.get("lora_alpha"), "“lora_alpha”")
    return LoraScaling(alpha, bool(config.get("use_rslora")), alphas)


def unknown_fields(config: dict[str, Any]) -> list[str]:
    """Return the fields that are set but unknown to this program: PEFT keeps adding new ones."""
    known = _HARMLESS.union(_UNSUPPORTED)
    return sorted(name for name, value in config.items() if value and name not in known)


def module_of(tensor: str) -> str | None:
    """Return the module of an adapter's tensor, by its name; None if it is neither A nor B."""
    match = _MODULE.fullmatch(tensor)
    return match["module"] if match else None


def _alpha(value: object, name: str) -> float:
    # llama.cpp takes 0 for an adapter without alpha, and applies it at full scaling.
    if isinstance(value, bool) or not isinstance(value, int | float) or not value:
        raise _damaged(tr("{name} is missing or not a number other than 0", name=name))
    return float(value)


def _require_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise _damaged(
            tr("“{pattern}” in “alpha_pattern” is no pattern", pattern=pattern)
        ) from error


def _damaged(reason: str) -> AppError:
    return AppError(ErrorCode.CONFIG_DAMAGED, file=CONFIGURATION, reason=reason)
