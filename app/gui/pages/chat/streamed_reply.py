"""Stream one reply from the engine into the store and to the screen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from app.chat.chat_store import ChatStore
from app.chat.conversation import Message, State
from app.core.chat_settings import ChatSettings
from app.core.errors import ErrorCode
from app.core.language import tr
from app.core.settings import Settings
from app.gui.client.completion import Completion, RequestRefusal
from app.gui.client.wire import ChatServer, Timings, WireMessage
from app.gui.pages.chat.applied_settings import applied_settings
from app.gui.pages.chat.reply_progress import Phase, ReplyProgress
from app.gui.services.engine import (
    Engine,
    EngineConnected,
    EngineFailed,
    EngineIdle,
    EngineLoading,
    EngineReady,
)

_REPAINT_MILLISECONDS = 33
_SAVE_MILLISECONDS = 1000
_PROGRESS_MILLISECONDS = 500
_DEATH_NOTICE_MILLISECONDS = 1000
_CUT_SHORT = "length"


@dataclass
class _Growth:
    text: str = ""
    thoughts: str = ""


class StreamedReply(QObject):
    """Fills a stored message; `thought` and `grew` carry new text, `ended` is emitted once.

    `progressed` is emitted when `progress` has changed, and at least twice a second.

    `largest_context` is what the model was trained for, 0 if unknown.

    Text is on disk within a second of its arrival, so that a crash loses no more than that.
    """

    thought = Signal(str)
    grew = Signal(str)
    progressed = Signal()
    ended = Signal()

    def __init__(
        self,
        engine: Engine,
        chats: ChatStore,
        message: Message,
        history: Sequence[Message],
        chosen: ChatSettings,
        settings: Settings,
        *,
        largest_context: int,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.message = message
        self._engine = engine
        self._chats = chats
        self._history = history
        self._chosen = chosen
        self._settings = settings
        self._largest_context = largest_context
        self._applied = chosen
        self._completion: Completion | None = None
        self._unpainted = _Growth()
        self._unsaved = _Growth()
        self._is_over = False
        self._host = ""
        self._notices: list[str] = []
        self._asked = time.monotonic()
        self._first_text: float | None = None
        self.tokens_per_second: float | None = None
        self._repaint = QTimer(self, singleShot=True, interval=_REPAINT_MILLISECONDS)
        self._repaint.timeout.connect(self._paint)
        self._timings = Timings()
        self._progress_timer = QTimer(self, interval=_PROGRESS_MILLISECONDS)
        self._progress_timer.timeout.connect(self.progressed)
        self._save_timer = QTimer(self, interval=_SAVE_MILLISECONDS)
        self._save_timer.timeout.connect(self._save)

    def begin(self) -> None:
        """Send the request, or wait until the engine is ready."""
        self._engine.changed.connect(self._on_engine_changed)
        self._progress_timer.start()
        self._on_engine_changed()

    def stop(self) -> None:
        """End the reply and keep its text."""
        if self._completion is not None:
            self._completion.stop()
        self.tokens_per_second = self._timings.predicted_per_second or None
        self._end("stopped", tokens=self._timings.predicted_n)

    @property
    def progress(self) -> ReplyProgress:
        """The progress so far, as if there were no other replies."""
        phase: Phase = "loading" if self._completion is None else "reading"
        if self._first_text is not None:
            phase = "writing"
        timings = self._timings
        seconds = time.monotonic() - self._asked
        return ReplyProgress(phase, seconds, timings.predicted_n, timings.predicted_per_second)

    def catch_up(self) -> None:
        """Save the text so far, for a screen that shows what is saved and then what is new."""
        self._save()
        self._unpainted = _Growth()

    def _on_engine_changed(self) -> None:
        match self._engine.state:
            case EngineReady() | EngineConnected() as state if (
                self._completion is None and not self._is_over
            ):
                self._applied = applied_settings(self._chosen, self._settings, state)
                self._ask(self._server_of(state))
            case EngineFailed(_, _, sentence, _):
                self._end("failed", reason=sentence)
            case EngineLoading() if self._completion is None:
                pass
            case EngineIdle() | EngineLoading() | EngineConnected() if not self._host:
                self._end("failed", reason=tr("The model was unloaded."))

    def _server_of(self, state: EngineReady | EngineConnected) -> ChatServer:
        if isinstance(state, EngineConnected):
            self._host = state.host
            return ChatServer(state.url, state.key, state.name, is_ours=False)
        ready = state.server
        overflow = self._settings.context_overflow
        return ChatServer(ready.url, ready.key, ready.model, True, overflow)

    def _ask(self, server: ChatServer) -> None:
        messages = [WireMessage(m.role, m.text) for m in self._history if m.text]
        self._asked = time.monotonic()
        self._save_timer.start()
        completion = Completion(server, messages, self._applied, parent=self)
        completion.thought.connect(lambda words: self._take(thoughts=words))
        completion.received.connect(lambda words: self._take(text=words))
        completion.timed.connect(self._note_timings)
        completion.noticed.connect(self._notices.append)
        completion.finished.connect(self._on_finished)
        completion.refused.connect(self._on_refused)
        completion.failed.connect(self._on_failed)
        self._completion = completion
        self.progressed.emit()

    def _take(self, text: str = "", thoughts: str = "") -> None:
        if self._first_text is None:
            self._first_text = time.monotonic() - self._asked
            self.progressed.emit()
        for growth in (self._unpainted, self._unsaved):
            growth.text += text
            growth.thoughts += thoughts
        if not self._repaint.isActive():
            self._repaint.start()

    def _note_timings(self, timings: Timings) -> None:
        self._timings = timings

    def _on_finished(self, timings: Timings, finish_reason: str) -> None:
        self.tokens_per_second = timings.predicted_per_second
        # A notice shown at the load isn't repeated below each reply.
        reasons = [one for one in self._notices if one not in self._engine.notices]
        code = ""
        if finish_reason == _CUT_SHORT and self._has_reached_limit(timings.predicted_n):
            limit = f"{self._applied.max_tokens:,}"
            reasons.append(tr("The reply reached the limit of {count} tokens.", count=limit))
        elif finish_reason == _CUT_SHORT:
            reasons.append(tr("The reply ended because the context is full."))
            code = "" if self._host else ErrorCode.CONTEXT_FULL
        tokens = timings.predicted_n
        self._end("complete", reason=" ".join(reasons), code=code, tokens=tokens)

    def _has_reached_limit(self, tokens: int) -> bool:
        limit = self._applied.max_tokens
        # Another server may not say how many tokens there were.
        return limit is not None and (tokens >= limit or not tokens)

    def _on_refused(self, refusal: RequestRefusal) -> None:
        words, code = refusal.words, refusal.code
        if code == ErrorCode.CONTEXT_FULL and 0 < self._largest_context <= refusal.tokens:
            # Loading the model with a larger context wouldn't help.
            code = ""
            words = tr(
                "The conversation needs at least {tokens} tokens, but this model's context holds "
                "{context} at most. Shorten the text, or choose a model with a larger context.",
                tokens=f"{refusal.tokens:,}",
                context=f"{self._largest_context:,}",
            )
        self._end("failed", reason=words, code=code)

    def _on_failed(self, reason: str) -> None:
        if self._host:
            reason = reason.rstrip(".")
            words = tr("Lost the connection to {host}: {reason}.", host=self._host, reason=reason)
            self._end("failed", reason=words)
            return
        # The connection breaks shortly before the end of the process and its reason are known.
        words = tr("Lost the connection to the engine.")
        QTimer.singleShot(
            _DEATH_NOTICE_MILLISECONDS, self, lambda: self._end("failed", reason=words)
        )

    def _paint(self) -> None:
        new, self._unpainted = self._unpainted, _Growth()
        if new.thoughts:
            self.thought.emit(new.thoughts)
        if new.text:
            self.grew.emit(new.text)

    def _save(self) -> None:
        new, self._unsaved = self._unsaved, _Growth()
        if new.text or new.thoughts:
            self._chats.append_text(self.message.id, new.text, new.thoughts)

    def _end(self, state: State, *, reason: str = "", code: str = "", tokens: int = 0) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._save_timer.stop()
        self._progress_timer.stop()
        self._repaint.stop()
        self._engine.changed.disconnect(self._on_engine_changed)
        self._paint()
        self._save()
        self._chats.finish_message(
            self.message.id,
            state,
            reason=reason,
            code=code,
            tokens=tokens,
            tokens_per_second=self.tokens_per_second,
            seconds_to_first_token=self._first_text,
        )
        self.ended.emit()
