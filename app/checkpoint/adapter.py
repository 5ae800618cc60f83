"""Read a PEFT adapter on disk: a small set of weights that modifies a base model."""

from __future__ import annotations

from pathlib import Path

from app.checkpoint.documents import read_document, require_not_lfs_pointer
from app.checkpoint.folder_kind import ADAPTER_CONFIGURATION
from app.checkpoint.lora_scaling import lora_scaling
from app.checkpoint.pickles import require_consent
from app.checkpoint.weight_files import ADAPTER_WEIGHTS, TensorEntry, read_shard
from app.core.errors import AppError, ErrorCode

_PICKLE = "adapter_model.bin"
_BASE, _KIND = "base_model_name_or_path", "peft_type"


def base_named_in(folder: Path) -> str:
    """Return the repository or folder that the adapter's configuration names as its base model.

    Raises:
        AppError: `config_damaged`, `lfs_pointer`, `file_unreadable`.
    """
    named = read_document(folder / ADAPTER_CONFIGURATION).get(_BASE)
    return named if isinstance(named, str) else ""


def read_adapter(folder: Path, *, allows_pickle: bool = False) -> dict[str, TensorEntry]:
    """Read the tensors of the adapter in `folder`; empty when they are in a pickle file.

    Raises:
        AppError: `adapter_unsupported` for any other kind than LoRA; `pickle_weights`,
            `checkpoint_without_weights`, and what `lora_scaling`, `read_document` and
            `read_shard` raise.
    """
    config = read_document(folder / ADAPTER_CONFIGURATION)
    kind = config.get(_KIND, "LORA")
    if kind != "LORA":
        raise AppError(ErrorCode.ADAPTER_UNSUPPORTED, kind=str(kind))
    lora_scaling(config)
    if (folder / ADAPTER_WEIGHTS).is_file():
        return read_shard(folder / ADAPTER_WEIGHTS)
    if not (folder / _PICKLE).is_file():
        raise AppError(ErrorCode.CHECKPOINT_WITHOUT_WEIGHTS, folder=str(folder))
    require_not_lfs_pointer(folder / _PICKLE)
    require_consent(folder / _PICKLE, allows_pickle=allows_pickle)
    return {}
