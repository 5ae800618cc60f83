"""llama.cpp's converter in this process: where it is imported from, and what is kept from it."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from app.conversion.converter.converter_errors import naming_the_converter
from app.conversion.converter.installation import pinned_packages_folder
from app.conversion.converter.patches.lazy_assignment import assign_lazily
from app.conversion.converter.patches.missing_weights import refuse_holes
from app.conversion.converter.patches.untrusted_code import refuse_code
from app.conversion.converter.transformers_choice import Transformers


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
    os.environ.update(
        NO_LOCAL_GGUF="1",
        HF_HUB_OFFLINE="1",
        TRANSFORMERS_OFFLINE="1",
        TRANSFORMERS_NO_ADVISORY_WARNINGS="1",
        TOKENIZERS_PARALLELISM="1",
    )
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("hf-to-gguf").setLevel(logging.WARNING)


def import_torch() -> None:
    """Import torch: it takes longest, and is the same for both versions of transformers."""
    import torch  # noqa: F401


def import_converter(folder: Path, transformers: Transformers) -> None:
    """Import the converter in `folder` and what it needs before it is used: that takes seconds.

    May run on a thread of its own; what fails fails again, and is told, where it is used.
    """
    activate_converter(folder, transformers)
    with suppress(Exception), converting():
        import conversion  # noqa: F401


@contextmanager
def converting() -> Iterator[None]:
    """Run the converter: without the checkpoint's code, without gradients, with named failures.

    It is imported inside: what this does must come before.
    """
    import torch

    refuse_code()
    refuse_holes()
    _bear_odd_model_cards()
    with naming_the_converter(), torch.inference_mode():
        assign_lazily()
        yield


@functools.cache
def _bear_odd_model_cards() -> None:
    """A README.md whose YAML can't be read gives no metadata, rather than stop the conversion."""
    from gguf import Metadata

    load = Metadata.load_model_card

    def load_if_it_can_be_read(folder: Path | None = None) -> dict[str, Any]:
        try:
            card: dict[str, Any] = _as_texts(load(folder))
        except Exception:
            # YAML is a large language, with errors of many kinds.
            logging.getLogger(__name__).exception("the model card is left out")
            return {}
        return card

    Metadata.load_model_card = load_if_it_can_be_read


def _as_texts(value: Any) -> Any:
    """What YAML took for a number, a date or a truth value, as the text that it is in a card."""
    match value:
        case dict():
            return {key: _as_texts(one) for key, one in value.items()}
        case list():
            return [_as_texts(one) for one in value]
        case bool():
            # The language “no” above all.
            return "yes" if value else "no"
        case None | str():
            return value
    return str(value)
