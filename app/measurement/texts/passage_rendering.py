"""Render passages for one model: chats with its own chat template, in the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing

from app.core.errors import NoticeCode
from app.core.events import NoticeReported
from app.gguf_file.model import Model
from app.gguf_file.model_contents import contents_of
from app.inference.loading.loaded_model import Report
from app.inference.prompts.rendering import (
    ChatInput,
    Failure,
    Refusal,
    TemplateSetup,
)
from app.inference.prompts.sandbox import TemplateSandbox
from app.inference.tokens.provenance import Span
from app.measurement.texts.passages import Passage
from app.measurement.texts.rendered_text import RenderedText

_JOINT = "\n\n"
# Llama's templates write the day into the prompt, so that a text would change from day to day.
_OPTIONS: dict[str, str | int | float | bool | None] = {"date_string": "01 Jan 2026"}


def rendered_for(model: Model, passages: Iterable[Passage], report: Report) -> RenderedText:
    """Return the passages as one text, in their order.

    Without a chat template, chats become lines of "role: content". A template that doesn't work
    is reported, once.
    """
    contents = contents_of(model)
    setup = TemplateSetup(contents.template, "", contents.end)
    with closing(_ChatRenderer(setup, report)) as renderer:
        return _joined(_rendered(passages, renderer))


class _ChatRenderer:
    """A chat template, as long as it works."""

    def __init__(self, setup: TemplateSetup, report: Report) -> None:
        self._sandbox = TemplateSandbox(setup)
        self._report = report
        self._is_usable = False
        if setup.source:
            match self._sandbox.try_out():
                case Failure(reason):
                    self._report_failure(reason)
                case _:
                    self._is_usable = True

    def render(self, passage: Passage) -> str | None:
        """Return a chat as the model would see it; None if its template can't be used."""
        if not self._is_usable:
            return None
        messages = [{"role": turn.role, "content": turn.content} for turn in passage.messages]
        match self._sandbox.render(ChatInput(messages, [], _OPTIONS, awaits_reply=False)):
            case Failure(reason) | Refusal(reason):
                self._is_usable = False
                self._report_failure(reason)
                return None
            case rendered:
                return rendered.text

    def close(self) -> None:
        self._sandbox.close()

    def _report_failure(self, reason: str) -> None:
        self._report(NoticeReported(NoticeCode.CHATS_AS_TEXT, {"reason": reason}))


def _rendered(passages: Iterable[Passage], renderer: _ChatRenderer) -> Iterator[tuple[str, bool]]:
    """Yield the text of each passage, and whether a chat template wrote it."""
    for passage in passages:
        templated = renderer.render(passage) if passage.messages else None
        if templated is not None:
            yield templated, True
        else:
            yield passage.text or _as_text(passage), False


def _as_text(passage: Passage) -> str:
    return "\n".join(f"{turn.role}: {turn.content}" for turn in passage.messages)


def _joined(pieces: Iterable[tuple[str, bool]]) -> RenderedText:
    texts: list[str] = []
    spans: list[Span] = []
    length = 0
    for text, is_templated in pieces:
        if is_templated:
            spans.append((length, length + len(text)))
        texts += (text, _JOINT)
        length += len(text) + len(_JOINT)
    return RenderedText("".join(texts), tuple(spans))
