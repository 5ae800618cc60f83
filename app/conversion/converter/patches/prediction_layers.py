"""Leave out multi-token prediction (MTP) layers where a checkpoint lacks them.

transformers leaves them out when it saves Qwen3-Next, Qwen3.5 or GLM-4.5, and keeps what
config.json says of them. The converter has a flag for that (--no-mtp in convert_hf_to_gguf.py),
which users would have to know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Build = Callable[[Any], Any]


def lacks_prediction_layers(model_class: Any, build: Build) -> bool:
    """Return whether `model_class` expects prediction layers that the checkpoint lacks.

    Args:
        model_class: The class.
        build: Makes a model of the checkpoint, of the class that it is given.
    """
    if not model_class.supports_mtp_export:
        return False
    trunk = build(_recording_class(model_class))
    if type(trunk).saw_prediction_layers:
        return False
    try:
        whole = build(model_class)
    except AssertionError:
        # Qwen3-Next counts them by their tensors, and must find some.
        return True
    return bool(whole.block_count != trunk.block_count)


def without_prediction_layers(model_class: Any) -> Any:
    """Return the converter's class `model_class` as it behaves under --no-mtp."""
    return type(
        model_class.__name__, (model_class,), {"model_arch": model_class.model_arch, "no_mtp": True}
    )


def _recording_class(model_class: Any) -> Any:
    """Return the class with a record of whether the flag left out any tensor."""

    class Recording(without_prediction_layers(model_class)):  # type: ignore[misc]
        model_arch = model_class.model_arch
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
