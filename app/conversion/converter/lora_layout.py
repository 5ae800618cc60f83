"""Lay out PEFT LoRA adapters with llama.cpp's own script."""

from __future__ import annotations

import logging
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from app.checkpoint.adapter import base_named_in
from app.checkpoint.documents import read_document
from app.checkpoint.folder_kind import ADAPTER_CONFIGURATION
from app.checkpoint.lora_scaling import lora_scaling, unknown_fields
from app.conversion.converter.converter_output import intercepted_writers, layout_of
from app.conversion.converter.converter_process import converting
from app.conversion.converter.converter_warnings import as_notices, collected_warnings
from app.conversion.converter.patches.shared_scaling import SharedScaling
from app.conversion.layout.layout import Layout
from app.core import paths
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import NoticeReported
from app.core.language import tr
from app.core.levels import Level
from app.core.names import path_inside

_SCRIPT = "convert_lora_to_gguf.py"
_ALPHA = "adapter.lora.alpha"


def find_base(adapter: Path, chosen: Path | None) -> Path:
    """Return the folder with the configuration of the model that an adapter belongs to.

    It is the one that was asked for, or else the one that the adapter names: a folder, or a
    repository of which there is a checkpoint.

    Raises:
        AppError: `adapter_base_missing`, `adapter_base_unnamed`, and what `base_named_in` raises.
    """
    named = base_named_in(adapter)
    for folder in [chosen] if chosen else _candidates(adapter, named):
        if (folder / "config.json").is_file():
            return folder
    if not chosen and not named:
        raise AppError(ErrorCode.ADAPTER_BASE_UNNAMED)
    raise AppError(ErrorCode.ADAPTER_BASE_MISSING, base=str(chosen or named))


def lay_out_adapter(adapter: Path, base: Path, level: Level, converter: Path) -> Layout:
    """Lay out an adapter with the script, in the types of a level: F32, F16, BF16 or Q8_0.

    Raises:
        AppError: `converter_failed`, `pickle_refused`, `weights_damaged`, and what
            `lora_scaling` raises.
    """
    config = read_document(adapter / ADAPTER_CONFIGURATION)
    scaling = SharedScaling(lora_scaling(config))
    arguments = [str(adapter), "--base", str(base), "--outtype", level.name.lower()]
    with converting(), collected_warnings() as warnings:
        with (
            _error_as_exception(),
            intercepted_writers() as writers,
            scaling.applied(),
            _arguments(_SCRIPT, *arguments),
        ):
            runpy.run_path(str(converter / _SCRIPT), run_name="__main__")
        layout = layout_of(writers, "adapter", {_ALPHA: scaling.alpha})
    left_out = [*unknown_fields(config), *scaling.norms]
    return replace(
        layout,
        notices=(
            *(
                NoticeReported(NoticeCode.ADAPTER_PART_LEFT_OUT, {"part": part})
                for part in left_out
            ),
            *layout.notices,
            *as_notices(warnings.texts),
        ),
    )


def _candidates(adapter: Path, named: str) -> Iterator[Path]:
    if named:
        yield adapter / named
        try:
            yield path_inside(paths.checkpoints_folder(), named)
        except AppError:
            return


@contextmanager
def _arguments(*arguments: str) -> Iterator[None]:
    usual, sys.argv = sys.argv, list(arguments)
    try:
        yield
    finally:
        sys.argv = usual


@contextmanager
def _error_as_exception() -> Iterator[None]:
    """Turn the script's exit into an error: it logs the reason and exits."""
    logged: list[str] = []

    class Errors(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged.append(record.getMessage())

    handler, logger = Errors(logging.ERROR), logging.getLogger("lora-to-gguf")
    logger.addHandler(handler)
    try:
        yield
    except SystemExit as error:
        reason = logged[0] if logged else tr("it gave no reason")
        raise AppError(ErrorCode.CONVERTER_FAILED, reason=reason.rstrip(".")) from error
    finally:
        logger.removeHandler(handler)
