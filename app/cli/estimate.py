"""`gristmill estimate`: predict size, memory, speed and quality of every level of a model.

The JSON is stable. `context`, `kv_type`, `model` and `hardware` are the inputs of the estimate;
`advice` has the recommended `level` for a `use`, empty if none can be recommended, and a `sentence`
with the reasons; `levels` has an object for each level, the smallest first:

- `level`, `size_bytes`, `bits_per_weight`; `exact` is true if the size is right to the byte.
- `memory`: for each `device` (`CPU` is RAM) `weights_bytes`, `kv_bytes`, `compute_bytes`.
- `fit`: `verdict` (`on_devices`, `shared`, `on_processor`, `too_large`), `gpu_layers` with the
  output as one of them, `layers` by device, `experts_on_cpu`, `kv_on_device`, `largest_context` in
  tokens, `sentence`.
- `tokens_per_second` for replies and `prompt_tokens_per_second` for a prompt of 512 tokens:
  predicted from rates measured on this machine; `speed_note` is a sentence if they were measured
  while other programs were busy, else null.
- `quality`: the mean KL divergence from the model in 16 bits, in nats: `kl_divergence`, between
  `low` and `high`; its `kind` is `typical` (published for other models), `probed` (predicted from
  the error in this model's weights) or `measured`; `source` names its origin.
- `problem`: one or more sentences why a value of the level is null (unknown), else null.

Values in `hardware` are null if the system doesn't report them.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.cli.load_arguments import add_load_arguments, chosen_options
from app.cli.values import (
    add_pickle_argument,
    add_requantize_argument,
    add_worker_argument,
    existing_path,
)
from app.core.events import Printed, ProfileFound, Progressed
from app.core.language import tr
from app.core.load_options import CACHE_TYPES, LoadOptions
from app.core.settings import Settings, load_settings
from app.estimation.advisor import USES, advise
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.conversion.converter.vocabulary_prefetch import VocabularyPrefetch
    from app.estimation.model_profile import ModelProfile
    from app.hub.reference import RepositoryReference
    from app.profiling.dry_load import ContextSetup
    from app.profiling.sizing import SizedSource

NAME = "estimate"
HELP = tr("Predict the size, memory, fit, speed and quality of every level of a model.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "source",
        help=tr(
            "the folder of a checkpoint, a GGUF file, or a repository as owner/name[@revision], "
            "whose weights are not downloaded"
        ),
    )
    parser.add_argument(
        "--kv",
        choices=CACHE_TYPES,
        help=tr("the type of the KV cache, for both keys and values"),
    )
    parser.add_argument(
        "--use",
        choices=USES,
        default=USES[0],
        help=tr("the intended use, for the recommended level; default: %(default)s"),
    )
    parser.add_argument(
        "--typical-quality",
        action="store_true",
        help=tr("skip estimating the quality from the weights, which saves a few seconds"),
    )
    add_worker_argument(parser)
    add_pickle_argument(parser)
    add_requantize_argument(parser)
    parser.add_argument("--json", action="store_true", help=tr("print JSON instead of a table"))
    parser.add_argument("--profile", action="store_true", help=argparse.SUPPRESS)
    add_load_arguments(parser)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Plan the levels, do dry loads, and print the estimate."""
    from app.conversion.converter.installation import converter_folder
    from app.conversion.converter.vocabulary_prefetch import VocabularyPrefetch
    from app.hub.reference import repository_named

    # Nearly all objects live until the end, and scanning them would take a second.
    gc.disable()
    settings, _ = load_settings()
    local = existing_path(arguments.source)
    source = local or repository_named(arguments.source)
    with VocabularyPrefetch() as vocabulary:
        if local is None:
            # First, since it runs alongside everything else.
            vocabulary.start(converter_folder(settings))
        profile, found = _collect(source, arguments, settings, reporter, vocabulary)
    profiles = _refined(profile, found, reporter, is_probed=not arguments.typical_quality)
    if arguments.profile:
        _report_profiles(profiles, reporter)
    else:
        *_, profile = profiles
        _print_estimate(profile, found, arguments, reporter)


@dataclass(frozen=True)
class _EstimateSource:
    """The source of an estimate, its path, and the options to load it with."""

    source: SizedSource
    place: Path
    options: LoadOptions
    setup: ContextSetup
    has_weights: bool


def _collect(
    source: Path | RepositoryReference,
    arguments: argparse.Namespace,
    settings: Settings,
    reporter: Reporter,
    vocabulary: VocabularyPrefetch,
) -> tuple[ModelProfile, _EstimateSource]:
    from app.inference.loading.loaded_model import require_consistent
    from app.native.rpc import add_workers
    from app.profiling.collection import collect_profile
    from app.profiling.dry_load import ContextSetup
    from app.profiling.remote_source import outline_of
    from app.profiling.sizing import size_source
    from app.profiling.this_machine import read_hardware

    if isinstance(source, Path):
        place = source
    else:
        place = outline_of(source, settings, reporter.report, vocabulary)
    workers = tuple(arguments.worker or settings.workers)
    if workers:
        add_workers(workers)
    options = _options(arguments, settings.options_for(place))
    require_consistent(options)
    setup = ContextSetup(settings.reply_slots, workers)
    reporter.report(Progressed("plan", 0, 0))
    sized = size_source(
        place,
        settings,
        allows_pickle=arguments.allow_pickle,
        requantizes=arguments.requantize,
        vocabulary=vocabulary,
    )
    for notice in sized.layout.notices if sized.layout else ():
        reporter.report(notice)
    profile = collect_profile(sized, read_hardware(), options, setup, is_wide=arguments.profile)
    return profile, _EstimateSource(sized, place, options, setup, isinstance(source, Path))


def _options(arguments: argparse.Namespace, usual: LoadOptions) -> LoadOptions:
    options = chosen_options(arguments, usual)
    if arguments.kv is None:
        return options
    return msgspec.structs.replace(options, cache_type_k=arguments.kv, cache_type_v=arguments.kv)


def _refined(
    profile: ModelProfile, found: _EstimateSource, reporter: Reporter, *, is_probed: bool
) -> Iterator[ModelProfile]:
    """Yield the profile as it is, then with speeds, then with quality probed from the weights."""
    # Imported late: the converter's own gguf must come before the installed package.
    from app.profiling.collection import with_probed_quality
    from app.profiling.speed_profile import with_speeds

    yield profile
    profile = with_speeds(profile, found.place, found.options, found.setup, reporter.report)
    yield profile
    if is_probed and found.has_weights:
        yield with_probed_quality(profile, found.source, reporter.report)


def _report_profiles(profiles: Iterable[ModelProfile], reporter: Reporter) -> None:
    from app.estimation.model_profile import encode_profile

    for profile in profiles:
        reporter.report(ProfileFound(msgspec.Raw(encode_profile(profile))))


def _print_estimate(
    profile: ModelProfile, found: _EstimateSource, arguments: argparse.Namespace, reporter: Reporter
) -> None:
    from app.cli.estimate_table import document_of, table_of
    from app.estimation.predictions import effective_options, predict_levels
    from app.profiling.collection import refine

    profile = refine(profile, found.source, found.options, found.setup)
    options = effective_options(profile, found.options)
    rows = predict_levels(profile, options)
    advice = advise(rows, profile, arguments.use)
    if arguments.json:
        lines: Iterable[str] = [document_of(profile, options, rows, advice)]
    else:
        lines = (*table_of(profile, options, rows), advice.sentence)
    for line in lines:
        reporter.report(Printed(line + "\n"))
