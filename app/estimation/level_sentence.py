"""Describe a level in one sentence: its placement, quality and speed."""

from __future__ import annotations

from app.core.language import tr, tr_count
from app.core.sizes import format_bytes, format_pace
from app.estimation.fit import Plan
from app.estimation.grades import Grade, grade_of
from app.estimation.model_profile import ModelProfile
from app.estimation.predictions import LevelPrediction
from app.estimation.speed_caveats import MEASURED_WHILE_BUSY

GRADE_WORDS = {
    Grade.NEARLY_LOSSLESS: tr("nearly lossless"),
    Grade.GOOD: tr("good quality"),
    Grade.NOTICEABLE_LOSS: tr("noticeable quality loss"),
    Grade.CLEARLY_WORSE: tr("clearly worse replies than the original"),
}


def describe_level(row: LevelPrediction, profile: ModelProfile, reason: str = "") -> str:
    """Return one sentence with the known quality, placement and speed, then the reason."""
    grade = grade_of(row)
    parts = [] if grade is None else [GRADE_WORDS[grade]]
    if row.plan is not None:
        parts.append(_placement(row.plan, profile))
    if row.speed is not None:
        pace = format_pace(row.speed.generation_tokens_per_second)
        note = f" ({MEASURED_WHILE_BUSY})" if row.speed.is_disturbed else ""
        parts.append(tr("about {pace} tokens/s", pace=pace) + note)
    sentence = f"{row.profile.level} — {', '.join(parts)}."
    return f"{sentence} {reason}" if reason else sentence


def _placement(plan: Plan, profile: ModelProfile) -> str:
    total, spare = profile.shape.layers + 1, format_bytes(plan.spare_bytes)
    if plan.verdict == "on_processor":
        return tr("fits in RAM ({size} to spare)", size=spare)
    count = len(plan.layers)
    devices = tr_count("the GPU", "{count} GPUs", count)
    if plan.verdict == "on_devices":
        return tr("fits entirely on {devices} ({size} to spare)", devices=devices, size=spare)
    if plan.gpu_layers == total:
        return tr(
            "fits on {devices} except the experts of {count} layers, which stay in RAM",
            devices=devices,
            count=plan.experts_on_cpu,
        )
    fields = {"layers": plan.gpu_layers, "total": total, "devices": devices}
    if plan.experts_on_cpu:
        return tr(
            "{layers} of {total} layers fit on {devices}, the rest and the experts in RAM", **fields
        )
    return tr("{layers} of {total} layers fit on {devices}, the rest in RAM", **fields)
