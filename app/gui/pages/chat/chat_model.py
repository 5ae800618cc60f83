"""The model that a chat is held with: the one in use, or the one to continue with."""

from __future__ import annotations

from collections.abc import Sequence

from app.chat.conversation import Message
from app.gui.services.engine import EngineFailed, EngineIdle
from app.gui.services.model_entry import (
    ModelEntry,
    entry_to_continue_with,
    model_entries,
    use,
)
from app.gui.services.workbench import Workbench


class ChatModel:
    """Finds the model for the next reply, and loads it if it isn't."""

    def __init__(self, workbench: Workbench) -> None:
        self._engine = workbench.engine
        self._models = workbench.models
        self._endpoints = workbench.endpoints
        self._settings = workbench.settings

    @property
    def is_missing(self) -> bool:
        """True if no model is loaded, nor being loaded."""
        return isinstance(self._engine.state, EngineIdle)

    @property
    def name(self) -> str:
        """The name of the model in use; empty if there is none."""
        state = self._engine.state
        return "" if isinstance(state, EngineIdle) else state.name

    @property
    def largest_context(self) -> int:
        """The number of tokens that the model was trained for; 0 if unknown."""
        state = self._engine.state
        listed = None if isinstance(state, EngineIdle) else self._models.model_at(state.path)
        return listed.context if listed else 0

    def to_continue_with(self, messages: Sequence[Message]) -> ModelEntry | None:
        """Return the model that wrote the last reply, or else the last one in use."""
        entries = tuple(model_entries(self._models, self._endpoints))
        name = next((one.model for one in reversed(messages) if one.model), "")
        return entry_to_continue_with(entries, self._settings.value.last_model, name)

    def wake(self, messages: Sequence[Message]) -> None:
        """Load the model again after a crash, or the one to continue with if none is loaded."""
        state = self._engine.state
        if isinstance(state, EngineFailed):
            self._engine.load(state.path, state.name)
        elif isinstance(state, EngineIdle) and (entry := self.to_continue_with(messages)):
            use(self._engine, entry)
