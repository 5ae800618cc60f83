"""Faults of the engine while the window talks to it."""

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
# The tiny model takes about 5 seconds to process this.
_LONG_QUESTION = "The mill grinds what the field gives. " * 200
_PROMPT_SECONDS = 0.5
# On a waiting thread, because the program takes every signal with a handler as a request to stop.
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
    """A fault of the engine, and a pattern for its report."""

    name: str
    signal: signal.Signals
    words: str


FAULTS = (
    Fault("killed", signal.SIGKILL, "it was killed"),
    Fault("segfault", signal.SIGSEGV, "accessed invalid memory"),
    Fault("division", signal.SIGFPE, "divided by zero"),
    Fault("abort()", signal.SIGABRT, "aborted on an internal error"),
    # It runs exit handlers of libraries, some of which crash while other threads are running.
    Fault("exit(3)", signal.SIGUSR1, r"exit status 3|\(SIG"),
    Fault("ggml_abort", signal.SIGUSR2, r"ggml.c:7: GGML_ASSERT\(1 > 2\) failed"),
    Fault("hung", signal.SIGSTOP, "The engine stopped responding"),
)


def prepare_home(home: Path) -> Path:
    """Set up a data folder with a tiny model, and return the model.

    Python children there take SIGUSR1 as a call of the C library's `exit(3)`, and SIGUSR2 as ggml's
    abort.
    """
    (home / "site").mkdir(parents=True)
    (home / "site" / "sitecustomize.py").write_text(_SITE)
    # Skip the engine test; the safe setting works everywhere.
    setting = {engine_fingerprint(): EngineSetting(disabled_features=("extra_buffers",))}
    paths.engine_file().write_bytes(msgspec.json.encode(setting))
    # A mapped model is damaged with its file.
    save_settings(Settings(context=_CONTEXT, threads=1, threads_batch=1, memory_map="on"))
    return write_tiny_model(home / "models" / "tiny.gguf", context=_CONTEXT, template=CHAT_TEMPLATE)


class Client(QObject):
    """The window, and what it shows of a reply.

    `text` is the shown text of the reply, `ended` the saved reply, `failed` the time of the last
    reported failure of the engine.
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
        """Request a reply and return at a moment of it; False if it ended before."""
        if moment in ("start", "load"):
            self.load()
        else:
            self.be_ready()
        self.ask(_LONG_QUESTION if moment == "prompt" else _QUESTION)
        self.wait_until(lambda: self.ended is not None or self._is_at(moment))
        return self.ended is None

    def use_workers(self, *addresses: str) -> None:
        """Let the next load offload layers to workers."""
        self.engine.unload()
        self._window._workbench.settings.change(workers=addresses)

    def ask_to_delete_model(self) -> None:
        """Ask the models page to delete the model."""
        models = self._window._workbench.models
        self.wait_until(lambda: models.model_at(str(self.model)) is not None)
        self._window.models.library.deletion.ask(models.model_at(str(self.model)))

    def load(self) -> None:
        """Start to load the model."""
        self._has_begun = False
        self.engine.load(str(self.model), "tiny")
        assert self.engine._child is not None
        self.engine._child.received.connect(self._on_received)

    def be_ready(self) -> None:
        """Load the model and wait until it is ready."""
        if not isinstance(self.engine.state, EngineReady):
            self.load()
        self.wait_until(lambda: not isinstance(self.engine.state, EngineLoading))
        assert isinstance(self.engine.state, EngineReady), self.engine.state

    def ask(self, question: str = _QUESTION) -> None:
        """Start a chat and send a message."""
        self.session.open(None)
        self.text, self.ended = "", None
        self._asked = time.monotonic()
        assert self.session.send(question)

    def reply(self) -> Message:
        """Wait for the end of the reply, and return the saved reply."""
        self.wait_until(lambda: self.ended is not None)
        assert self.ended is not None
        return self.ended

    def processes(self) -> set[psutil.Process]:
        """Return the engine's process and its children."""
        engine = psutil.Process(self.engine.process_id)
        return {engine, *engine.children(recursive=True)}

    def wait_until(self, is_met: Callable[[], bool]) -> None:
        """Run Qt's event loop until a condition holds."""
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
