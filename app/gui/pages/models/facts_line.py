"""Facts that the library knows about a model, in words."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.events import CheckpointListed, ModelListed
from app.core.language import tr
from app.core.model_facts import Measured, ModelFacts
from app.core.sentences import describe_error, describe_verification
from app.core.sizes import format_pace, format_perplexity

Listed = ModelListed | CheckpointListed


def facts_in_words(listed: Listed) -> str:
    """Return the facts that the table has no column for, on one line; for a bad file, its fault."""
    if isinstance(listed, CheckpointListed):
        return tr("Convert it to chat with it")
    if listed.problem is not None:
        return describe_error(listed.problem, listed.details)
    return "  ·  ".join(_facts(listed))


def matches(listed: Listed, words: str) -> bool:
    """Return whether every word is in the name, the architecture, a tag or another fact."""
    texts = [listed.title, listed.name]
    if isinstance(listed, ModelListed):
        header = listed.header
        texts += [listed.architecture, listed.level, listed.program, header.license]
        texts += [header.origin, header.quantized_by]
        texts += [f"#{tag}" for tag in listed.marks.tags]
    text = "\n".join(texts).casefold()
    return all(word in text for word in words.casefold().split())


def _facts(model: ModelListed) -> Iterator[str]:
    if model.marks.label:
        yield model.name
    yield model.architecture
    yield from _header_facts(model.header)
    if model.projector:
        yield tr("with projector")
    if model.program:
        yield tr("belongs to {program}", program=model.program)
    if model.measured and model.measured.is_current:
        yield from _measured_facts(model.measured)
    if model.verification:
        yield describe_verification(model.verification)
    yield from (f"#{tag}" for tag in model.marks.tags)


def _header_facts(header: ModelFacts) -> Iterator[str]:
    if header.bits_per_weight:
        yield tr("{bits} bits per weight", bits=f"{header.bits_per_weight:.2f}")
    if not header.has_chat_template:
        yield tr("no chat template")
    if header.license:
        yield tr("license: {name}", name=header.license)
    if header.quantized_by:
        yield tr("quantized by {name}", name=header.quantized_by)
    if header.origin:
        yield tr("from {repository}", repository=header.origin)
    elif header.base_model:
        yield tr("based on {repository}", repository=header.base_model)


def _measured_facts(measured: Measured) -> Iterator[str]:
    if measured.tokens_per_second is not None:
        yield tr("{pace} tokens/s measured", pace=format_pace(measured.tokens_per_second))
    if measured.perplexity is not None:
        yield tr("perplexity {value}", value=format_perplexity(measured.perplexity))
    if measured.divergence is not None:
        yield tr("KL divergence {value}", value=f"{measured.divergence:.4f}")
