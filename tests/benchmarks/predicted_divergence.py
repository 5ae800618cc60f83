"""Predicted and measured divergence of chosen types, and of others of the same size.

The others are random ones, and those that are chosen without gradients, by the engine.

Run: `python -m tests.benchmarks.predicted_divergence [trained|smollm2|gemma|FOLDER] [--bits B …]`.
Divergences are those of the comparison before a file is written, on tokens that it was not made
with; those of the engine are in `better_files`.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from app.allocation.allocation import Allocation, allocate
from app.allocation.budget import TargetSize
from app.allocation.candidate_types import candidate_types
from app.allocation.corrected_rounding import corrected
from app.allocation.engine_measures import EngineMeasures, engine_measures
from app.allocation.gradient_child import ask
from app.allocation.measures import GradientMeasures
from app.allocation.mix import size_in_type
from app.allocation.study import Study, study
from app.conversion.conversion_request import ConversionRequest
from app.conversion.converter.installation import converter_folder
from app.conversion.sources import source_at
from app.core.events import Event
from app.core.settings import Settings
from app.machine.cores import usable_threads
from app.measurement.texts.own_text import read_own_text
from app.measurement.texts.rendered_text import RenderedText
from app.sensitivity.requests import (
    ComparedModels,
    ComparisonRequest,
    QuantizedModel,
)
from tests.support.checkpoints.continuous import (
    dithered_gemma,
    dithered_smollm2,
    documentation,
    learned_and_held_out,
    trained_llama,
)

_BITS = (2.7, 3.4, 4.0, 4.9, 6.6)
_RANDOM_MIXES = 20
_MOMENTS = 24
_LETTERS = 80_000


def main() -> None:
    """Print a row for each size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", nargs="?", default="trained")
    parser.add_argument("--bits", action="append", type=float)
    given = parser.parse_args()
    known = {"trained": trained_llama, "smollm2": dithered_smollm2, "gemma": dithered_gemma}
    source = known[given.source]() if given.source in known else Path(given.source)
    print(
        f"{'bits':>5}{'plain':>17}{'random':>9}{'least':>9}{'engine':>9}{'chosen':>9}"
        f"{'predicted':>11}{'factor':>8}{'both':>9}{'predicted':>11}{'factor':>8}"
    )
    with tempfile.TemporaryDirectory() as name:
        request = ConversionRequest(
            source=source_at(source), levels=(), folder=Path(name), threads=usable_threads()
        )
        made = _study(request)
        with engine_measures(made, request, converter_folder(Settings()), _ignore) as engine:
            for bits in given.bits or _BITS:
                _print_row(made, engine, bits)


def _study(request: ConversionRequest) -> Study:
    learned, _ = learned_and_held_out(documentation())
    text = request.folder / "text.txt"
    text.write_text(learned[-_LETTERS:], encoding="utf-8")
    rendered = RenderedText(read_own_text(text, _ignore))
    return study(request, lambda _: rendered, _MOMENTS, converter_folder(Settings()), _ignore)


def _print_row(made: Study, engine: EngineMeasures, bits: float) -> None:
    target = TargetSize(bits_per_weight=bits)
    types = candidate_types(made.layout, made.plans[0], made.choices, target)
    both, chosen = (
        allocate(
            made,
            target,
            GradientMeasures(made, _ignore, corrects=corrects),
            corrects=corrects,
            report=_ignore,
        )
        for corrects in (True, False)
    )
    by_engine = allocate(made, target, engine, corrects=False, report=_ignore)
    importance = GradientMeasures(made, _ignore, corrects=False).sensitivity(types).importance
    randoms = [_random_types(made, types, chosen, number) for number in range(_RANDOM_MIXES)]
    mixes = (chosen.types, by_engine.types, *randoms)
    models = tuple(QuantizedModel(mix, importance) for mix in mixes)
    found = ask(ComparisonRequest(made.checked, models), ComparedModels, _ignore)
    ours, engines, *others = (model.divergence for model in found.models)
    with tempfile.TemporaryDirectory() as name:
        done = corrected(made, both.types, both.choices, both.tensors_bytes, Path(name), _ignore)
    measured = done.compared.file.divergence
    print(
        f"{bits:>5}{done.compared.level:>8}{done.compared.plain.divergence:>9.4f}"
        f"{median(others):>9.4f}{min(others):>9.4f}{engines:>9.4f}{ours:>9.4f}"
        f"{chosen.divergence:>11.4f}{chosen.divergence / ours:>8.2f}{measured:>9.4f}"
        f"{both.divergence:>11.4f}{both.divergence / measured:>8.2f}",
        flush=True,
    )


def _random_types(
    made: Study, types: Mapping[str, Sequence[int]], chosen: Allocation, seed: int
) -> dict[str, int]:
    """Return random types whose tensors take at most as much as the chosen ones, and nearly that.

    Tensors at random are made smaller until all fit, then others larger as long as they do.
    """
    chance = random.Random(seed)
    shapes = {tensor.name: math.prod(tensor.shape) for tensor in made.plans[0].tensors}
    sizes = {
        name: {number: size_in_type(number, shapes[name]) for number in types[name]}
        for name in chosen.types
    }
    mix = {name: chance.choice(types[name]) for name in chosen.types}
    left = sum(
        sizes[name][number] - sizes[name][mix[name]] for name, number in chosen.types.items()
    )
    names = list(mix)
    for _ in range(100 * len(names)):
        name = chance.choice(names)
        number = chance.choice(types[name])
        more = sizes[name][number] - sizes[name][mix[name]]
        if (left < 0 and more < 0) or (left >= 0 and 0 < more <= left):
            mix[name] = number
            left -= more
    assert left >= 0
    return mix


def _ignore(_: Event) -> None:
    """Report nothing."""


if __name__ == "__main__":
    main()
