"""Try a chat template on a short conversation, in the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.errors import NoticeCode
from app.core.events import NoticeReported
from app.core.inspection_events import TemplateTried
from app.core.language import tr
from app.inference.prompts.rendering import ChatInput, Failure, Refusal, TemplateSetup
from app.inference.prompts.sandbox import TemplateSandbox

_CONVERSATION = ChatInput(
    [
        {"role": "system", "content": tr("You answer in one sentence.")},
        {"role": "user", "content": tr("What is the capital of France?")},
        {"role": "assistant", "content": tr("The capital of France is Paris.")},
        {"role": "user", "content": tr("And of Japan?")},
    ]
)


def try_template(source: str, begin: str, end: str) -> TemplateTried:
    """Render the conversation; `begin` and `end` are the texts of the sequence's tokens."""
    sandbox = TemplateSandbox(TemplateSetup(source, begin, end))
    try:
        trial = sandbox.try_out()
        if isinstance(trial, Failure):
            return TemplateTried(problem=trial.reason)
        match sandbox.render(_CONVERSATION):
            case Failure(reason) | Refusal(reason):
                return TemplateTried(warnings=trial.warnings, problem=reason)
            case rendered:
                return TemplateTried(rendered.text, trial.warnings)
    finally:
        sandbox.close()


def notices_about(tried: TemplateTried) -> Iterator[NoticeReported]:
    """Yield the notices about a template."""
    if tried.problem:
        yield NoticeReported(NoticeCode.TEMPLATE_FALLBACK, {"reason": tried.problem})
    if tried.warnings:
        reasons = "; ".join(tried.warnings)
        yield NoticeReported(NoticeCode.TEMPLATE_SUSPICIOUS, {"reasons": reasons})
