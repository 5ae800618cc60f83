"""Every path on which llama.cpp's converter would run a checkpoint's own code.

`python -m tests.support.checkpoints.remote_code_paths CONVERTER FOLDER [--unguarded]`: FOLDER has a
checkpoint for each path of `ROADS`, made by `make_baits`; the outcome of each is written to
`ends.json` in it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.checkpoints.checkpoints import make_tiny_checkpoint

TOKENIZER_MODULE = """
from pathlib import Path
from transformers import PreTrainedTokenizer
Path({marker!r}).write_text("code was run")
class BaitTokenizer(PreTrainedTokenizer):
    pass
"""
CONFIG_MODULE = """
from pathlib import Path
from transformers import PretrainedConfig
Path({marker!r}).write_text("code was run")
class BaitConfig(PretrainedConfig):
    model_type = "bait"
"""
COMMON = {
    "model_type": "bait",
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 256,
    "head_dim": 64,
    "intermediate_size": 512,
    "num_hidden_layers": 1,
    "vocab_size": 512,
    "max_position_embeddings": 2048,
    "num_experts": 2,
    "n_routed_experts": 2,
    "num_local_experts": 2,
    "rms_norm_eps": 1e-5,
    "auto_map": {"AutoConfig": "configuration_bait.BaitConfig"},
}


def _set_vocab(model: Any) -> None:
    model.set_vocab()


def _named(method: str) -> Callable[[Any], None]:
    return lambda model: getattr(model, method)()


# The architecture, the additions to its configuration, and the entry point.
ROADS: dict[str, tuple[str, dict[str, Any], Callable[[Any], None]]] = {
    "qwen": ("QWenLMHeadModel", {}, _set_vocab),
    "hybrid": ("LlamaForCausalLM", {}, _named("_set_vocab_hybriddna")),
    "intern": ("LlamaForCausalLM", {}, _named("_set_vocab_interns1")),
    "deepseek": (
        "DeepseekV2ForCausalLM",
        {"kv_lora_rank": 8, "qk_nope_head_dim": 32, "qk_rope_head_dim": 32, "v_head_dim": 64},
        _set_vocab,
    ),
    "minimax": ("MiniMaxText01ForCausalLM", {}, _named("_get_suppress_tokens")),
    "dream": ("DreamModel", {}, _set_vocab),
    "glm4": ("Glm4ForCausalLM", {}, _set_vocab),
    "chatglm": ("ChatGLMModel", {}, _set_vocab),
    "chatglm3": ("ChatGLMModel", {"_name_or_path": "THUDM/chatglm3-6b"}, _set_vocab),
    "nemotron": (
        "NemotronHForCausalLM",
        {"hybrid_override_pattern": "M", "mamba_num_heads": 4, "n_groups": 1},
        _set_vocab,
    ),
    "hunyuan": ("HunYuanMoEV1ForCausalLM", {}, _set_vocab),
    "hunyuan_dense": ("HunYuanDenseV1ForCausalLM", {}, _set_vocab),
    "kimi": ("KimiLinearForCausalLM", {}, _set_vocab),
    "llada": ("LLaDAModelLM", {}, _set_vocab),
}


def marker_of(folder: Path, road: str) -> Path:
    """Return the file that the code of a bait would write."""
    return folder / f"{road}.marker"


def make_baits(folder: Path) -> Path:
    """Make a checkpoint for each path, with Python code that writes its marker when executed."""
    for road, (architecture, config, _) in ROADS.items():
        bait = make_tiny_checkpoint(folder / road)
        add_code(bait, marker_of(folder, road))
        (bait / "tokenizer.model").unlink()
        values = COMMON | {"architectures": [architecture]} | config
        (bait / "config.json").write_text(json.dumps(values))
    return folder


def add_code(checkpoint: Path, marker: Path) -> None:
    """Give a checkpoint a tokenizer that needs custom code."""
    file = checkpoint / "tokenizer_config.json"
    values = json.loads(file.read_text()) | {
        "tokenizer_class": "BaitTokenizer",
        "auto_map": {"AutoTokenizer": ["tokenization_bait.BaitTokenizer", None]},
    }
    file.write_text(json.dumps(values))
    modules = {"tokenization_bait": TOKENIZER_MODULE, "configuration_bait": CONFIG_MODULE}
    for name, text in modules.items():
        (checkpoint / f"{name}.py").write_text(text.format(marker=str(marker)))


def _go(road: str, folder: Path) -> str:
    import torch
    from conversion import ModelBase, get_model_class
    from gguf import LlamaFileType

    architecture, _, way_in = ROADS[road]
    try:
        with torch.inference_mode():
            ModelBase.load_hparams(folder, False)
            model = get_model_class(architecture)(
                folder, LlamaFileType.ALL_F32, folder / "model.gguf", eager=False
            )
            way_in(model)
    except Exception as error:  # noqa: BLE001 - every outcome is recorded
        return f"{type(error).__name__}: {error}"
    return "it ended well"


def _main(converter: Path, folder: Path, *options: str) -> None:
    from app.conversion.converter.converter_process import activate_converter
    from app.conversion.converter.patches.untrusted_code import refuse_code

    if "--unguarded" in options:
        sys.path[:0] = [str(converter), str(converter / "gguf-py")]
        os.environ["NO_LOCAL_GGUF"] = "1"
    else:
        activate_converter(converter)
        refuse_code()
    ends = {road: _go(road, folder / road) for road in ROADS}
    (folder / "ends.json").write_text(json.dumps(ends))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
