"""Convert conversations to prompts with the model's own chat template or a generic one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.prompts.generic_template import STOPS, generic_prompt
from app.inference.prompts.rendering import (
    ChatInput,
    Failure,
    Refusal,
    TemplateSetup,
    TemplateSupport,
)
from app.inference.prompts.sandbox import TemplateSandbox
from app.inference.tokens.provenance import ControlTexts, Span, untrusted_spans


@dataclass(frozen=True)
class Prompt:
    """A prompt for the model.

    In the `untrusted` spans the client wrote the texts of control tokens: there they stay text.
    `fallback_reason` says why the model's own template was not used, if so; `stops` end the
    reply of a model that doesn't end it itself.
    """

    text: str
    untrusted: tuple[Span, ...] = ()
    stops: tuple[str, ...] = ()
    fallback_reason: str = ""


class ChatTemplate:
    """A model's template, replaced by ChatML wherever it does not work.

    `on_fallback` is called with the reason the first time that happens. A template that can't be
    compiled, or works for nothing, is not used again; one that fails on one conversation, or takes
    too long for it, is used again for the next. `warnings` describe what an honest template would
    not do; an unused one has none. If it `keeps_texts`, it never drops a user's text.
    """

    def __init__(
        self,
        source: str | None,
        begin: str = "",
        end: str = "",
        control_texts: Sequence[str] = (),
        on_fallback: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.source = source or ""
        self.fallback_reason = "" if source else tr("the file has none")
        self._control = ControlTexts(control_texts)
        self._on_fallback = on_fallback
        self._has_fallen_back = False
        self._process = TemplateSandbox(
            TemplateSetup(self.source, begin, end, tuple(control_texts))
        )
        self.warnings: tuple[str, ...] = ()
        self.keeps_texts = True
        if source:
            match self._process.try_out():
                case Failure(reason):
                    self.fallback_reason = reason
                case TemplateSupport(warnings, keeps_texts):
                    self.warnings, self.keeps_texts = warnings, keeps_texts
        if self.fallback_reason:
            self._fall_back(self.fallback_reason)

    def render(self, conversation: ChatInput) -> Prompt:
        """Return the whole prompt, ending where the assistant's reply begins.

        Raises:
            AppError: `request_invalid` if the template itself refuses these messages.
        """
        if self.fallback_reason:
            return self._generic(conversation, self.fallback_reason)
        match self._process.render(conversation):
            case Failure(reason):
                self._fall_back(reason)
                return self._generic(conversation, reason)
            case Refusal(reason):
                raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
            case rendered:
                return Prompt(rendered.text, rendered.untrusted)

    def close(self) -> None:
        """End the rendering process."""
        self._process.close()

    def _fall_back(self, reason: str) -> None:
        if not self._has_fallen_back:
            self._has_fallen_back = True
            self._on_fallback(reason)

    def _generic(self, conversation: ChatInput, reason: str) -> Prompt:
        pieces = list(generic_prompt(conversation))
        text = "".join(piece for piece, _ in pieces)
        is_ours = b"".join(bytes([is_own]) * len(piece) for piece, is_own in pieces)
        untrusted = untrusted_spans(
            self._control.find(text), lambda start, end: b"\0" in is_ours[start:end]
        )
        return Prompt(text, untrusted, STOPS, reason)
