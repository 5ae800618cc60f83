"""Engines that come to harm while the window talks to them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import psutil
from PySide6.QtCore import QCoreApplication, QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication

from app.chat.conversation import Message
from app.core import paths
from app.core.settings import Settings, save_settings
from app.gui.services.engine import EngineFailed, EngineLoading, EngineReady, EngineState
from app.gui.shell.application import build_window
from app.inference.self_test.safe_settings import EngineSetting
from app.native.library import engine_fingerprint
from tests.support.checkpoints.checkpoints import CHAT_TEMPLATE
from tests.support.engine.tiny_model import write_tiny_model

Moment = Literal["start", "load", "prompt", "stream"]
MOMENTS: tuple[Moment, ...] = ("start", "load", "prompt", "stream")
_PATIENCE_SECONDS = 90.0
_LOOK_MILLISECONDS = 10
_CONTEXT = 32_768
_QUESTION = "Hello"
# Reading this takes the tiny model some 5 seconds.
_LONG_QUESTION = "The mill grinds what the field gives. " * 200
_PROMPT_SECONDS = 0.5
# On a thread that waits, because the program takes every signal with a handler as a wish to end.
_SITE = """
import ctypes, glob, importlib.util, signal, threading

def strike():
    folder = importlib.util.find_spec("llama_cpp").submodule_search_locations[0]
    [library] = glob.glob(folder + "/lib/libllama.so")
    if signal.sigwait(SIGNALS) == signal.SIGUSR1:
        ctypes.CDLL(None).exit(3)
    ctypes.CDLL(library).ggml_abort(b"/built/there/ggml.c", 7, b"GGML_ASSERT(%s) failed", b"1 > 2")

SIGNALS = {signal.SIGUSR1, signal.SIGUSR2}
signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
threading.Thread(target=strike, daemon=True).start()
"""


@dataclass(frozen=True)
class Fault:
    """What befalls an engine, and a pattern for what must be said about it."""

    name: str
    signal: signal.Signals
    words: str


FAULTS = (
    Fault("killed", signal.SIGKILL, "it was killed"),
    Fault("segfault", signal.SIGSEGV, "touched memory that is not its own"),
    Fault("division", signal.SIGFPE, "divided by zero"),
    Fault("abort()", signal.SIGABRT, "gave up because of an inner contradiction"),
    # It runs what libraries do at their end, some of which crash while other threads go on.
    Fault("exit(3)", signal.SIGUSR1, r"exit status 3|\(SIG"),
    Fault("ggml_abort", signal.SIGUSR2, r"ggml.c:7: GGML_ASSERT\(1 > 2\) failed"),
    Fault("hung", signal.SIGSTOP, "The engine hung"),
)


def prepare_home(home: Path) -> Path:
    """A data folder with a tiny model; gives the model.

    Python's children take SIGUSR1 there for the C library's `exit(3)`, and SIGUSR2 for ggml's own
    way to end.
    """
    (home / "site").mkdir(parents=True)
    (home / "site" / "sitecustomize.py").write_text(_SITE)
    # No test of the engine before it is used; the safe setting works everywhere.
    setting = {engine_fingerprint(): EngineSetting(without=("extra_buffers",))}
    paths.engine_file().write_bytes(msgspec.json.encode(setting))
    # A model that is mapped suffers with its file.
    save_settings(Settings(context=_CONTEXT, threads=1, threads_batch=1, memory_map="on"))
    return write_tiny_model(home / "models" / "tiny.gguf", context=_CONTEXT, template=CHAT_TEMPLATE)


class Client(QObject):
    """The window, and what is seen of a reply in it.

    `text` is what was shown of the reply, `ended` the reply as it is kept, `failed` the moment at
    which the engine was last said to have failed.
    """

    def __init__(self, application: QApplication, model: Path) -> None:
        super().__init__()
        self.model = model
        self._window = build_window(application)
        self._window.show()
        self.engine = self._window._workbench.engine
        self.settings = self._window._workbench.settings
        self.chats = self._window._workbench.chats
        self.session = self._window.chat.session
        self.notices: list[str] = []
        self.text = ""
        self.failed = 0.0
        self.ended: Message | None = None
        self._has_begun = False
        self._asked = 0.0
        self._looks = QTimer(self, interval=_LOOK_MILLISECONDS)
        self._looks.start()
        self.engine.changed.connect(self._on_changed)
        self.engine.noticed.connect(self.notices.append)
        self.session.grew.connect(self._on_grew)
        self.session.ended.connect(self._on_ended)

    def close(self) -> None:
        """Close the window."""
        self._looks.stop()
        self._window.close()
        self.chats.close()
        self._window.deleteLater()

    def bring_to(self, moment: Moment) -> bool:
        """Ask for a reply and come back at a moment of it; False when it ended before."""
        if moment in ("start", "load"):
            self.load()
        else:
            self.be_ready()
        self.ask(_LONG_QUESTION if moment == "prompt" else _QUESTION)
        self.wait_until(lambda: self.ended is not None or self._is_at(moment))
        return self.ended is None

    def use_workers(self, *addresses: str) -> None:
        """Have the next load give layers to workers."""
        self.engine.unload()
        self._window._workbench.settings.change(workers=addresses)

    def delete_model(self) -> None:
        """Delete the model on the models page, without the question before."""
        models = self._window._workbench.models
        self.wait_until(lambda: models.model_at(str(self.model)) is not None)
        self._window.models._delete(models.model_at(str(self.model)))

    def load(self) -> None:
        """Begin to load the model."""
        self._has_begun = False
        self.engine.load(str(self.model), "tiny")
        assert self.engine._child is not None
        self.engine._child.received.connect(self._on_received)

    def be_ready(self) -> None:
        """Have the model loaded."""
        if not isinstance(self.engine.state, EngineReady):
            self.load()
        self.wait_until(lambda: not isinstance(self.engine.state, EngineLoading))
        assert isinstance(self.engine.state, EngineReady), self.engine.state

    def ask(self, question: str = _QUESTION) -> None:
        """Begin a chat and say something."""
        self.session.open(None)
        self.text, self.ended = "", None
        self._asked = time.monotonic()
        assert self.session.send(question)

    def reply(self) -> Message:
        """Wait for the end of the reply; gives it as it is kept."""
        self.wait_until(lambda: self.ended is not None)
        assert self.ended is not None
        return self.ended

    def processes(self) -> set[psutil.Process]:
        """The engine and its children."""
        engine = psutil.Process(self.engine.process_id)
        return {engine, *engine.children(recursive=True)}

    def wait_until(self, is_met: Callable[[], bool]) -> None:
        """Let Qt work until something is so."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not is_met():
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            assert time.monotonic() < deadline, (self.engine.state, self.ended)

    def _is_at(self, moment: Moment) -> bool:
        match moment:
            case "start":
                return self._has_begun
            case "load":
                state = self.engine.state
                return isinstance(state, EngineLoading) and state.fraction > 0
            case "prompt":
                return time.monotonic() - self._asked > _PROMPT_SECONDS and not self.text
            case "stream":
                return bool(self.text)

    def _on_changed(self, state: EngineState) -> None:
        if isinstance(state, EngineFailed):
            self.failed = time.monotonic()

    def _on_received(self) -> None:
        self._has_begun = True

    def _on_grew(self, text: str) -> None:
        self.text += text

    def _on_ended(self, message: Message) -> None:
        self.ended = message
