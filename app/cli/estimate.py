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
  tokens is read: predicted from rates that were measured on this machine.
- `quality`: the mean KL divergence from the model in 16 bits, in nats: `kl_divergence`, within
  `low` and `high`; its `kind` is `typical` (published of other models), `probed` (told from the
  error in this model's weights) or `measured`; `source` says where it is from.
- `problem`: why something is null, which means unknown; else null.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.cli.load_arguments import add_load_arguments, chosen_options
from app.cli.values import add_pickle_argument, add_worker_argument
from app.core.errors import AppError, ErrorCode
from app.core.events import Progressed, Said
from app.core.load_options import CACHE_TYPES, LoadOptions
from app.core.settings import load_settings
from app.core.sizes import format_bytes
from app.estimation.advisor import USES, Advice, advise
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.estimation.fit import Plan
    from app.estimation.outlook import LevelOutlook
    from app.estimation.sizing import SizedSource
    from app.estimation.source_facts import SourceFacts
    from app.estimation.trial import LoadManner

NAME = "estimate"
HELP = "Tell the size of every level of a model, its memory here, and what fits on devices."
_UNKNOWN = "unknown"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", help="the folder of a checkpoint, or a GGUF file")
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
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--facts", action="store_true", help=argparse.SUPPRESS)
    add_load_arguments(parser)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Plan, try loads without allocation, and print."""
    from app.estimation.hardware import read_hardware
    from app.estimation.outlook import outlook, possible_options
    from app.estimation.sizing import size_source
    from app.estimation.source_facts import encode_facts
    from app.estimation.survey import settle, survey
    from app.estimation.trial import LoadManner
    from app.native.rpc import add_workers

    settings, notice = load_settings()
    if notice:
        reporter.report(notice)
    place = _place_of(arguments.source)
    workers = tuple(arguments.worker or settings.workers)
    if workers:
        add_workers(workers)
    options = _options(arguments, settings.options_for(place))
    manner = LoadManner(settings.reply_slots, workers)
    reporter.report(Progressed("plan", 0, 0))
    source = size_source(place, settings, allows_pickle=arguments.allow_pickle)
    facts = survey(source, read_hardware(), options, manner, is_wide=arguments.facts)
    better = _bettered(facts, source, place, options, manner, arguments, reporter)
    if arguments.facts:
        # Some of it takes seconds, and a window has something to show meanwhile.
        for known in (facts, *better):
            reporter.report(Said(encode_facts(known) + "\n"))
        return
    *_, facts = (facts, *better)
    facts = settle(facts, source, options, manner)
    options = possible_options(facts, options)
    rows = outlook(facts, options)
    advice = advise(rows, facts, arguments.use)
    if arguments.json:
        lines: Iterable[str] = [_json_of(facts, options, rows, advice)]
    else:
        lines = (*_lines_of(facts, options, rows), advice.sentence)
    for line in lines:
        reporter.report(Said(line + "\n"))


def _bettered(
    facts: SourceFacts,
    source: SizedSource,
    place: Path,
    options: LoadOptions,
    manner: LoadManner,
    arguments: argparse.Namespace,
    reporter: Reporter,
) -> Iterator[SourceFacts]:
    """The facts with speeds, and then with a quality of the model's own."""
    from app.estimation.speeds import timed
    from app.estimation.survey import probed

    facts = timed(facts, place, options, manner, reporter.report)
    yield facts
    if not arguments.typical_quality:
        yield probed(facts, source, reporter.report)


def _options(arguments: argparse.Namespace, usual: LoadOptions) -> LoadOptions:
    options = chosen_options(arguments, usual)
    if arguments.kv is None:
        return options
    return msgspec.structs.replace(options, cache_type_k=arguments.kv, cache_type_v=arguments.kv)


def _place_of(source: str) -> Path:
    try:
        place = Path(source).expanduser()
        if place.exists():
            return place
    except (OSError, RuntimeError, ValueError):
        # Too long for a name, or in nobody's home folder: it is not here.
        pass
    raise AppError(ErrorCode.SOURCE_NOT_FOUND, source=source)


def _lines_of(
    facts: SourceFacts, options: LoadOptions, rows: Iterable[LevelOutlook]
) -> Iterator[str]:
    shape = facts.shape
    yield (
        f"{shape.architecture}, {shape.layers} layers, {shape.vocabulary:,} tokens known, trained "
        f"for {shape.trained_context:,}"
    )
    yield (
        f"Memory for a context of {options.context:,} tokens, keys and values in "
        f"{' and '.join(dict.fromkeys((options.cache_type_k, options.cache_type_v)))}"
    )
    columns = f"{'level':<10}{'file':>10}{'bits':>7}{'memory':>10}{'tokens/s':>10}"
    yield f"{columns}  {'KL divergence':<32}fit"
    for row in rows:
        yield _line_of(row)


def _line_of(row: LevelOutlook) -> str:
    level = row.facts
    size = _UNKNOWN if level.size_bytes is None else format_bytes(level.size_bytes)
    bits = "" if level.bits_per_weight is None else f"{level.bits_per_weight:.2f}"
    memory = "" if row.plan is None else format_bytes(row.plan.total_bytes)
    speed = "" if row.speed is None else f"{row.speed.generation_tokens_per_second:.1f}"
    fit = row.problem if row.plan is None else row.plan.sentence
    beginning = f"{level.level:<10}{size:>10}{bits:>7}{memory:>10}{speed:>10}"
    return f"{beginning}  {_quality_of(row):<32}{fit}"


def _quality_of(row: LevelOutlook) -> str:
    quality = row.quality
    if quality is None:
        return _UNKNOWN
    if quality.low == quality.high:
        return f"{quality.kl_divergence:.4f} {quality.kind}"
    return f"{quality.kl_divergence:.3f} ({quality.low:.3f}-{quality.high:.3f}) {quality.kind}"


def _json_of(
    facts: SourceFacts, options: LoadOptions, rows: Iterable[LevelOutlook], advice: Advice
) -> str:
    document = {
        "context": options.context,
        "kv_type": options.cache_type_k,
        "model": facts.shape,
        "hardware": facts.hardware,
        "levels": [_document_of(row) for row in rows],
        "advice": {"level": advice.level, "sentence": advice.sentence, "use": advice.use},
    }
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def _document_of(row: LevelOutlook) -> dict[str, Any]:
    level, plan = row.facts, row.plan
    return {
        "level": level.level,
        "size_bytes": level.size_bytes,
        "exact": level.is_exact,
        "bits_per_weight": level.bits_per_weight,
        "memory": None if plan is None else _memory_of(plan),
        "fit": None if plan is None else _fit_of(plan),
        "tokens_per_second": row.speed and row.speed.generation_tokens_per_second,
        "prompt_tokens_per_second": row.speed and row.speed.prompt_tokens_per_second,
        "quality": row.quality,
        "problem": row.problem or None,
    }


def _memory_of(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "device": name,
            "weights_bytes": part.weights_bytes,
            "kv_bytes": part.kv_bytes,
            "compute_bytes": part.compute_bytes,
        }
        for name, part in plan.memory.items()
    ]


def _fit_of(plan: Plan) -> dict[str, Any]:
    return {
        "verdict": plan.verdict,
        "gpu_layers": plan.gpu_layers,
        "layers": plan.layers,
        "experts_on_cpu": plan.experts_on_cpu,
        "kv_on_device": plan.kv_on_device,
        "largest_context": plan.largest_context,
        "sentence": plan.sentence,
    }
