"""An estimate as a table, and as the JSON that `app.cli.estimate` documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from app.core.language import tr
from app.core.load_options import LoadOptions
from app.core.sizes import format_bytes, format_pace
from app.estimation.advisor import Advice
from app.estimation.fit import Plan
from app.estimation.model_profile import ModelProfile
from app.estimation.predictions import LevelPrediction
from app.estimation.quality import divergence_in_words
from app.estimation.speed_caveats import MEASURED_WHILE_BUSY

_UNKNOWN = tr("unknown")
_DISTURBED = "*"


def table_of(
    profile: ModelProfile, options: LoadOptions, rows: Iterable[LevelPrediction]
) -> Iterator[str]:
    """Yield two lines about the model, the table of levels, and the reasons for unknown values."""
    shape = profile.shape
    yield tr(
        "{architecture}, {layers} layers, vocabulary of {tokens} tokens, trained context {context}",
        architecture=shape.architecture,
        layers=shape.layers,
        tokens=shape.vocabulary,
        context=shape.trained_context,
    )
    yield tr(
        "Memory for a context of {context} tokens with a KV cache in {types}",
        context=options.context,
        types="/".join(dict.fromkeys((options.cache_type_k, options.cache_type_v))),
    )
    columns = f"{tr('level'):<10}{tr('file'):>10}{tr('bits'):>7}{tr('memory'):>10}"
    yield f"{columns}{tr('tokens/s'):>10}  {tr('KL divergence'):<24}{tr('fit')}"
    rows = tuple(rows)
    for row in rows:
        yield _line_of(row)
    if any(row.speed is not None and row.speed.is_disturbed for row in rows):
        yield f"{_DISTURBED} {MEASURED_WHILE_BUSY}"
    # The reason for a missing plan is already in its row.
    yield from dict.fromkeys(
        problem for row in rows for problem in row.problems if problem != row.problem
    )


def _line_of(row: LevelPrediction) -> str:
    level = row.profile
    size = _UNKNOWN if level.size_bytes is None else format_bytes(level.size_bytes)
    bits = "" if level.bits_per_weight is None else f"{level.bits_per_weight:.2f}"
    memory = "" if row.plan is None else format_bytes(row.plan.total_bytes)
    speed = _UNKNOWN if row.speed is None else format_pace(row.speed.generation_tokens_per_second)
    speed += _DISTURBED if row.speed is not None and row.speed.is_disturbed else ""
    fit = row.problem if row.plan is None else row.plan.sentence
    beginning = f"{level.level:<10}{size:>10}{bits:>7}{memory:>10}{speed:>10}"
    return f"{beginning}  {_quality_of(row):<24}{fit}"


def _quality_of(row: LevelPrediction) -> str:
    quality = row.quality
    return _UNKNOWN if quality is None else f"{divergence_in_words(quality)} {quality.kind}"


def document_of(
    profile: ModelProfile, options: LoadOptions, rows: Iterable[LevelPrediction], advice: Advice
) -> str:
    """Return the indented JSON."""
    document = {
        "context": options.context,
        "kv_type": options.cache_type_k,
        "model": profile.shape,
        "hardware": profile.hardware,
        "levels": [_document_of(row) for row in rows],
        "advice": {"level": advice.level, "sentence": advice.sentence, "use": advice.use},
    }
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def _document_of(row: LevelPrediction) -> dict[str, Any]:
    level, plan = row.profile, row.plan
    return {
        "level": level.level,
        "size_bytes": level.size_bytes,
        "exact": level.is_exact,
        "bits_per_weight": level.bits_per_weight,
        "memory": None if plan is None else _memory_of(plan),
        "fit": None if plan is None else _fit_of(plan),
        "tokens_per_second": row.speed and row.speed.generation_tokens_per_second,
        "prompt_tokens_per_second": row.speed and row.speed.prompt_tokens_per_second,
        "speed_note": MEASURED_WHILE_BUSY if row.speed and row.speed.is_disturbed else None,
        "quality": row.quality,
        "problem": " ".join(row.problems) or None,
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
