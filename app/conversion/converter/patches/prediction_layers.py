"""Leave out layers that predict further tokens (MTP) where a checkpoint lacks them.

transformers leaves them out when it saves Qwen3-Next, Qwen3.5 or GLM-4.5, and keeps what
config.json says of them. The converter has a flag for that (--no-mtp in convert_hf_to_gguf.py),
which users would have to know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Build = Callable[[Any], Any]


def lacks_prediction_layers(make: Any, build: Build) -> bool:
    """Return whether a model of the converter's class `make` expects layers that are missing.

    Args:
        make: The class.
        build: Makes a model of the checkpoint, of the class that it is given.
    """
    if not make.supports_mtp_export:
        return False
    trunk = build(_recording_class(make))
    if type(trunk).saw_prediction_layers:
        return False
    try:
        whole = build(make)
    except AssertionError:
        # Qwen3-Next counts them by their tensors, and must find some.
        return True
    return bool(whole.block_count != trunk.block_count)


def without_prediction_layers(make: Any) -> Any:
    """Return the converter's class `make` as its flag --no-mtp has it."""
    return type(make.__name__, (make,), {"model_arch": make.model_arch, "no_mtp": True})


def _recording_class(make: Any) -> Any:
    """Return the class with a record of whether the flag left out any tensor."""

    class Recording(without_prediction_layers(make)):  # type: ignore[misc]
        model_arch = make.model_arch
        saw_prediction_layers = False

        @classmethod
        def filter_tensors(cls, item: Any) -> Any:
            cls.no_mtp = False
            whole = super().filter_tensors(item)
            cls.no_mtp = True
            trunk = super().filter_tensors(item)
            cls.saw_prediction_layers |= whole is not None and trunk is None
            return trunk

    return Recording
