"""`gristmill estimate`: what each level of a model takes here, before anything is converted.

The JSON is stable. `context`, `kv_type`, `model` and `hardware` are what the estimate was made
from; `advice` has the `level` to take for a `use`, empty where none can be advised, and a
`sentence` with the reasons; `levels` has an object for each level, the smallest first:

- `level`, `size_bytes`, `bits_per_weight`; `exact` says that the size is right to the byte.
- `memory`: for each `device` (`CPU` is RAM) `weights_bytes`, `kv_bytes`, `compute_bytes`.
- `fit`: `verdict` (`on_devices`, `shared`, `on_processor`, `too_large`), `gpu_layers` with the
  output as one of them, `layers` by device, `experts_on_cpu`, `kv_on_device`, `largest_context` in
  tokens, `sentence`.
- `tokens_per_second` while a reply is written and `prompt_tokens_per_second` while a prompt of 512
  tokens is read: predicted from rates that were measured on this machine; `speed_note` says in
  words when they were measured beside other work, else it is null.
- `quality`: the mean KL divergence from the model in 16 bits, in nats: `kl_divergence`, within
  `low` and `high`; its `kind` is `typical` (published of other models), `probed` (told from the
  error in this model's weights) or `measured`; `source` says where it is from.
- `problem`: why something of the level is null, which means unknown, in a sentence or several;
  else null.

In `hardware` null is what the system doesn't tell.
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
from app.core.events import ProfileFound, Progressed, Said
from app.core.load_options import CACHE_TYPES, LoadOptions
from app.core.settings import Settings, load_settings
from app.estimation.advisor import USES, advise
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.conversion.converter.vocabulary_ahead import VocabularyAhead
    from app.estimation.model_profile import ModelProfile
    from app.hub.reference import RepositoryReference
    from app.profiling.dry_load import ContextSetup
    from app.profiling.sizing import SizedSource

NAME = "estimate"
HELP = "Tell the size of every level of a model, its memory here, what fits, speed and quality."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "source",
        help="the folder of a checkpoint, a GGUF file, or a repository as owner/name[@revision], "
        "which is not downloaded",
    )
    parser.add_argument(
        "--kv", choices=CACHE_TYPES, help="the type of keys and of values, as one for both"
    )
    parser.add_argument(
        "--use",
        choices=USES,
        default=USES[0],
        help="what the model is for, which the advice goes by (%(default)s)",
    )
    parser.add_argument(
        "--typical-quality",
        action="store_true",
        help="don't tell the quality from the weights, which takes some seconds",
    )
    add_worker_argument(parser)
    add_pickle_argument(parser)
    add_requantize_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--facts", action="store_true", help=argparse.SUPPRESS)
    add_load_arguments(parser)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Plan, try loads without allocation, and print."""
    from app.conversion.converter.installation import converter_folder
    from app.conversion.converter.vocabulary_ahead import VocabularyAhead
    from app.hub.reference import repository_named

    # What the imports and the vocabulary make stays to the end: to look through it takes a second.
    gc.disable()
    settings, _ = load_settings()
    local = existing_path(arguments.source)
    source = local or repository_named(arguments.source)
    with VocabularyAhead() as vocabulary:
        if local is None:
            # Before all else, which goes on beside it.
            vocabulary.start(converter_folder(settings))
        facts, found = _surveyed(source, arguments, settings, reporter, vocabulary)
    bettered = _bettered(facts, found, reporter, is_probed=not arguments.typical_quality)
    if arguments.facts:
        _say_facts(bettered, reporter)
    else:
        *_, facts = bettered
        _say_estimate(facts, found, arguments, reporter)


@dataclass(frozen=True)
class _Found:
    """What is estimated: the source, where it is, and how it would be loaded."""

    source: SizedSource
    place: Path
    options: LoadOptions
    setup: ContextSetup
    has_weights: bool


def _surveyed(
    source: Path | RepositoryReference,
    arguments: argparse.Namespace,
    settings: Settings,
    reporter: Reporter,
    vocabulary: VocabularyAhead,
) -> tuple[ModelProfile, _Found]:
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
    facts = collect_profile(sized, read_hardware(), options, setup, is_wide=arguments.facts)
    return facts, _Found(sized, place, options, setup, isinstance(source, Path))


def _options(arguments: argparse.Namespace, usual: LoadOptions) -> LoadOptions:
    options = chosen_options(arguments, usual)
    if arguments.kv is None:
        return options
    return msgspec.structs.replace(options, cache_type_k=arguments.kv, cache_type_v=arguments.kv)


def _bettered(
    facts: ModelProfile, found: _Found, reporter: Reporter, *, is_probed: bool
) -> Iterator[ModelProfile]:
    """The facts, then with speeds, then with a quality of the model's own."""
    # Late: the converter's own gguf must be imported before the package's.
    from app.profiling.collection import with_probed_quality
    from app.profiling.speeds import timed

    yield facts
    facts = timed(facts, found.place, found.options, found.setup, reporter.report)
    yield facts
    if is_probed and found.has_weights:
        yield with_probed_quality(facts, found.source, reporter.report)


def _say_facts(bettered: Iterable[ModelProfile], reporter: Reporter) -> None:
    from app.estimation.model_profile import encode_profile

    for facts in bettered:
        reporter.report(ProfileFound(msgspec.Raw(encode_profile(facts))))


def _say_estimate(
    facts: ModelProfile, found: _Found, arguments: argparse.Namespace, reporter: Reporter
) -> None:
    from app.cli.estimate_table import document_of, table_of
    from app.estimation.predictions import effective_options, predict_levels
    from app.profiling.collection import refine

    facts = refine(facts, found.source, found.options, found.setup)
    options = effective_options(facts, found.options)
    rows = predict_levels(facts, options)
    advice = advise(rows, facts, arguments.use)
    if arguments.json:
        lines: Iterable[str] = [document_of(facts, options, rows, advice)]
    else:
        lines = (*table_of(facts, options, rows), advice.sentence)
    for line in lines:
        reporter.report(Said(line + "\n"))
