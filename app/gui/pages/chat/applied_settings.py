"""Find out which value of a chat setting applies, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.chat_settings import ChatSettings
from app.core.language import tr
from app.core.settings import Settings
from app.gui.services.engine import EngineConnected, EngineIdle, EngineReady, EngineState
from app.library.reply_defaults import reply_defaults

_UNLIMITED = {"max_tokens": tr("No limit"), "seed": tr("Random")}


@dataclass(frozen=True)
class AppliedValue:
    """A value, None if only the model or the server knows it; its text, and its source."""

    value: float | None
    text: str
    source: str


def applied_number(name: str, chosen: ChatSettings, state: EngineState) -> AppliedValue:
    """Return what applies for a number of `ChatSettings` with the model of this state."""
    value = getattr(chosen, name)
    if value is not None:
        return AppliedValue(value, _text(value), tr("Set for this chat"))
    if name in _UNLIMITED:
        return AppliedValue(None, _UNLIMITED[name], tr("Default"))
    value = getattr(_recommended(state), name)
    if value is not None:
        return AppliedValue(value, _text(value), tr("Recommended"))
    if isinstance(state, EngineReady) and name in state.server.sampling:
        default = state.server.sampling[name]
        recommended, general = tr("From the model"), tr("llama.cpp default")
        source = recommended if default.is_recommended else general
        return AppliedValue(default.value, _text(default.value), source)
    if isinstance(state, EngineConnected):
        return AppliedValue(None, tr("Default"), tr("Server default"))
    return AppliedValue(None, tr("Default"), tr("Model default"))


def applied_prompt(chosen: ChatSettings, settings: Settings, state: EngineState) -> AppliedValue:
    """Return the system prompt that applies, as the text, and its source."""
    if chosen.system_prompt.strip():
        return AppliedValue(None, chosen.system_prompt, tr("Set for this chat"))
    if prompt := settings.system_prompt.strip():
        return AppliedValue(None, prompt, tr("From Settings"))
    if prompt := _recommended(state).system_prompt:
        return AppliedValue(None, prompt, tr("Recommended for this model"))
    return AppliedValue(None, tr("For example: Answer in one sentence."), tr("No system prompt"))


def applied_settings(chosen: ChatSettings, settings: Settings, state: EngineState) -> ChatSettings:
    """Return what is sent with a request; what the server decides is left open."""
    general = ChatSettings(system_prompt=settings.system_prompt.strip())
    return chosen.over(general.over(_recommended(state)))


def _recommended(state: EngineState) -> ChatSettings:
    path = "" if isinstance(state, EngineIdle | EngineConnected) else state.path
    return reply_defaults(path)


def _text(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
