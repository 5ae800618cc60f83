"""Run llama.cpp's converter in this process, without running any of a checkpoint's code."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.conversion.converter.converter_errors import reporting_converter_errors
from app.conversion.converter.installation import pinned_packages_folder
from app.conversion.converter.patches.lazy_assignment import assign_lazily
from app.conversion.converter.patches.missing_weights import refuse_holes
from app.conversion.converter.patches.model_cards import tolerate_odd_model_cards
from app.conversion.converter.patches.untrusted_code import refuse_code
from app.conversion.converter.transformers_choice import Transformers
from app.jobs.launch import change_for_others


@functools.cache
def activate_converter(folder: Path, transformers: Transformers = "own") -> None:
    """Make the converter in `folder` importable; must come before anything imports gguf.

    Raises:
        AppError: what `pinned_packages_folder` raises.
    """
    # The registry's gguf calls itself the same version as the converter's own, and is older.
    sys.path[:0] = [str(folder), str(folder / "gguf-py")]
    if transformers == "pinned":
        sys.path.insert(0, str(pinned_packages_folder()))
    change_for_others(
        NO_LOCAL_GGUF="1",
        HF_HUB_OFFLINE="1",
        TRANSFORMERS_OFFLINE="1",
        TRANSFORMERS_NO_ADVISORY_WARNINGS="1",
        TOKENIZERS_PARALLELISM="1",
        # torch's threads would wait for their next work by spinning, on cores that quantize.
        OMP_WAIT_POLICY="PASSIVE",
    )
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("hf-to-gguf").setLevel(logging.WARNING)


def import_torch() -> None:
    """Import torch first: it takes longest, and is the same for both versions of transformers."""
    import torch  # noqa: F401


def import_converter(folder: Path, transformers: Transformers) -> None:
    """Import the converter in `folder` and its dependencies early, which takes seconds.

    May run on another thread; a failure is repeated, and reported, where it is used.
    """
    activate_converter(folder, transformers)
    with suppress(Exception), converting():
        import conversion  # noqa: F401


@contextmanager
def converting() -> Iterator[None]:
    """Run the converter in a block, without the checkpoint's code; raise its faults as `AppError`s.

    It is imported inside: what this does must come before.
    """
    import torch

    refuse_code()
    refuse_holes()
    tolerate_odd_model_cards()
    with reporting_converter_errors(), torch.inference_mode():
        assign_lazily()
        yield
