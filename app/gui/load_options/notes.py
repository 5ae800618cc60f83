"""Warn about chosen load options, with one sentence per field."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.language import tr
from app.core.load_options import QUANTIZED_CACHE_TYPES, LoadOptions
from app.estimation.model_profile import ModelProfile
from app.machine.cores import core_counts


def notes(options: LoadOptions, profile: ModelProfile | None) -> dict[str, str]:
    """Return the sentences by field; `profile` is None while model and devices are unknown."""
    found = dict(_of_any_model(options))
    if profile is not None:
        found.update(_of_model(options, profile))
    return found


def is_impossible(options: LoadOptions) -> bool:
    """Return whether llama.cpp refuses to load any model with these options."""
    return options.flash_attention == "off" and options.cache_type_v in QUANTIZED_CACHE_TYPES


def _of_any_model(options: LoadOptions) -> Iterator[tuple[str, str]]:
    if is_impossible(options):
        yield (
            "cache_type_v",
            tr(
                "{type} values need flash attention. Set it to Automatic, or choose f16.",
                type=options.cache_type_v,
            ),
        )
    if options.micro_batch > options.batch:
        yield (
            "micro_batch",
            tr(
                "It can't be larger than the batch size; {number} is used.",
                number=options.batch,
            ),
        )
    _, logical = core_counts()
    for field in ("threads", "threads_batch"):
        count = getattr(options, field)
        if count is not None and count > logical:
            yield (
                field,
                tr(
                    "More threads than logical cores ({number}) usually slow the model down.",
                    number=logical,
                ),
            )


def _of_model(options: LoadOptions, profile: ModelProfile) -> Iterator[tuple[str, str]]:
    shape, whole = profile.shape, profile.shape.layers + 1
    if not profile.hardware.devices:
        for field in ("gpu_layers", "kv_on_device"):
            yield field, tr("No GPU found.")
    elif options.gpu_layers is not None and options.gpu_layers > whole:
        yield (
            "gpu_layers",
            tr("The model has {whole} layers, including the output. All are used.", whole=whole),
        )
    if 0 < shape.trained_context < options.context:
        yield (
            "context",
            tr(
                "The model was trained for {number} tokens and is loaded with that many.",
                number=shape.trained_context,
            ),
        )
    if not profile.is_causal:
        for field in ("batch", "micro_batch"):
            yield field, tr("This model reads its whole context at once.")
