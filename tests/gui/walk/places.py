"""The pages and dialogs of the window, in the states in which a user meets them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from app.core import paths
from app.core.hub_events import HubSearch
from app.gui.pages.hub.search_view import SearchView
from app.gui.shell.window import MainWindow
from app.library.unfinished_downloads import DownloadRequest
from app.measurement.store import (
    Comparison,
    MeasuredText,
    StoredMeasurement,
    fingerprint_of,
    save_measurement,
)
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.hub.local_hub import LocalHub
from tests.support.hub.local_hub_uploads import HubUser
from tests.support.hub.served_models import LONGEST

NAMES = (
    "Tiny1",
    "SmolLM2-135M-Instruct-Q4_1",
    "DeepSeek-R1-Distill-Qwen-14B-abliterated-v2-i1-Q4_K_M",
    "a-model-with-a-name-that-goes-on-" * 3 + "and-ends-here-Q8_0",
)
"""Names of 5 to 120 characters."""

_REPLY = f"""A paragraph that is broken at any width: {"some words " * 30}

```python
{"print('a line that is longer than the column')  " * 4}
```

| Level | Size | Quality | Speed | More |
|---|---:|---|---:|---|
| Q4_K_M | 4.08 GB | a good balance of size and quality | 12.1 | {"words " * 9} |
"""
_TEMPLATE = "{% for m in messages %}{{ m.content }} https://example.com{% endfor %}"
_LEVELS = ("Q2_K", "Q3_K_M", "Q4_K_M", "UD-Q4_K_XL-imatrix-tuned", "Q8_0")
_WAIT_SECONDS = 90.0

Place = Callable[[], QWidget]
_Part = Literal["metadata", "tensors", "template"]


class Walk:
    """Opens the places of one window by name; each returns the window or the dialog to look at."""

    def __init__(self, window: MainWindow, checkpoint: Path, hub: LocalHub) -> None:
        self.window = window
        self._hub = hub
        self._checkpoint = checkpoint
        self.places: dict[str, Place] = {
            "chat without a model": self._page("chat"),
            "chat with replies": self._chat,
            "chat with its settings": self._chat_settings,
            "chats that are searched": self._search,
            "chat that failed to load": self._failed_chat,
            "models": self._page("models"),
            "models, repository refused": self._refused_repository,
            "models, delete": self._delete_model,
            "model, metadata": self._part_of_model("metadata"),
            "model, tensors": self._part_of_model("tensors"),
            "model, template": self._part_of_model("template"),
            "model, changes not saved": self._changed_model,
            "model, value": self._value_of_model,
            "model, template editor": self._template_editor,
            "models, folders": self._folders,
            "models, label and tags": self._label,
            "models, publish": self._publish_as("hf_bolt"),
            "models, publish without a token": self._publish_as(""),
            "models, downloads": self._downloads,
            "hub, results": self._results,
            "hub, nothing found": self._nothing,
            "hub, no answer": self._no_answer,
            "hub, repository": self._repository("acme/grain-1b"),
            "hub, gated repository": self._repository(LONGEST),
            "hub, GGUF repository": self._gguf_repository,
            "hub, not for chats": self._repository("acme/finder"),
            "convert, source": self._page("convert"),
            "convert, refused": self._refused,
            "convert, levels": self._levels,
            "convert, plan": self._plan,
            "convert, finished": self._finished,
            "measure": self._page("measure"),
            "measure, results": self._measured,
            "measure, failed": self._failed_measurements,
            "settings": self._page("settings"),
            "options of a model": self._options,
            "sharing": self._sharing,
        }

    def open(self, name: str) -> QWidget:
        """Open a place and wait until it rests."""
        root = self.places[name]()
        settle()
        return root

    def leave(self) -> None:
        """Close all dialogs and menus."""
        for widget in QApplication.topLevelWidgets():
            if widget is not self.window and widget.isVisible():
                widget.close()
        settle()

    def _page(self, name: str) -> Place:
        def show() -> QWidget:
            self.window.show_page(name)  # type: ignore[arg-type]
            return self.window

        return show

    def _chat(self) -> QWidget:
        chats = self.window._workbench.chats
        chat = chats.create_chat(NAMES[-1])
        chats.rename(chat.id, "A title that goes on " * 6)
        asked = chats.add_message(chat.id, None, "user", "why " * 200)
        reply = chats.add_message(chat.id, asked.id, "assistant", _REPLY, model=NAMES[-1])
        chats.finish_message(reply.id, "complete", tokens=12_345, seconds_to_first_token=2.5)
        asked = chats.add_message(chat.id, reply.id, "user", "And now?")
        reply = chats.add_message(chat.id, asked.id, "assistant", "It", model=NAMES[-1])
        chats.finish_message(reply.id, "stopped", tokens=1)
        self.window.show_page("chat")
        self.window.chat.session.open(chat)
        return self.window

    def _chat_settings(self) -> QWidget:
        self.window.show_page("chat")
        self.window.chat.header.settings_button.setChecked(True)
        return self.window

    def _search(self) -> QWidget:
        self.window.show_page("chat")
        self.window.chat.header.settings_button.setChecked(False)
        self.window.chat.chat_list.search.setText("word")
        return self.window

    def _failed_chat(self) -> QWidget:
        self.window.start_chat(str(paths.home() / f"{NAMES[-1]}.gguf"), NAMES[-1])
        state = self.window._workbench.engine
        wait_until(lambda: type(state.state).__name__ == "EngineFailed", "the engine's failure")
        return self.window

    def _delete_model(self) -> QWidget:
        self.window.show_page("models")
        library = self.window.models.library
        library.table.setFocus()
        library.table.selectRow(library.table.rowCount() - 1)
        library.delete_button.click()
        return dialog_in_front()

    def _part_of_model(self, part: _Part) -> Place:
        def show() -> QWidget:
            # The last one may just have been deleted.
            models = self.window._workbench.models.models
            listed = [one for one in models if Path(one.path).exists()][-1]
            self.window.inspect(listed.path, listed.name)
            page = self.window.inspector
            wait_until(lambda: page.is_shown and not page.finder.is_busy, "the contents")
            page.show_part(part)
            return self.window

        return show

    def _changed_model(self) -> QWidget:
        self._part_of_model("metadata")()
        changes = self.window.inspector.changes
        changes.set_value("general.name", NAMES[-1])
        changes.set_value("general.license", "apache-2.0")
        changes.set_value("general.sampling.temp", "0.25")
        return self.window

    def _value_of_model(self) -> QWidget:
        self._part_of_model("metadata")()
        view = self.window.inspector.metadata
        view.table.selectRow(1)
        view.edit_button.click()
        dialog = dialog_in_front()
        dialog.findChildren(QLineEdit)[0].setText("two\tparts")
        return dialog

    def _template_editor(self) -> QWidget:
        self._part_of_model("template")()
        self.window.inspector.template.edit_button.click()
        dialog = dialog_in_front()
        dialog.findChildren(QPlainTextEdit)[0].setPlainText("{% for")
        return dialog

    def _folders(self) -> QWidget:
        far = str(paths.home() / "a drive that is not there" / NAMES[-1])
        self.window._workbench.settings.change(added_models=(far,))
        self.window.show_page("models")
        card = self.window.models.folders
        wait_until(lambda: len(card.rows) > 1, "the folders")
        card.set_open(True)
        return self.window

    def _label(self) -> QWidget:
        self.window.show_page("models")
        self.window.models.folders.set_open(False)
        library = self.window.models.library
        library.table.selectRow(library.table.rowCount() - 1)
        library._edit_marks(self.window._workbench.models.models[-1])
        return dialog_in_front()

    def _publish_as(self, token: str) -> Place:
        def show() -> QWidget:
            self._hub.add_user("hf_bolt", HubUser("bolt"))
            os.environ["HF_TOKEN"] = token
            self.window.show_page("models")
            publisher = self.window.models.library.publisher
            model = self.window._workbench.models.models[-1]
            publisher.ask(model.path, model.title)
            wait_until(lambda: not publisher.planner.is_busy, "the plan")
            return dialog_in_front()

        return show

    def _refused_repository(self) -> QWidget:
        self.window.show_page("models")
        card = self.window.models.getting
        card.repository.setText(f"not/a/{NAMES[-1]}")
        card.download_button.click()
        wait_until(lambda: bool(card.fault.whole_text), "the refusal")
        return self.window

    def _downloads(self) -> QWidget:
        downloads = self.window._workbench.downloads
        for name in NAMES:
            downloads.start(DownloadRequest(f"owner/{name[:90]}".rstrip("-")))
        downloads.pause(downloads.downloads)
        wait_until(lambda: not self.window._workbench.tasks.open_tasks, "the pause")
        self.window.show_page("models")
        return self.window

    def _results(self) -> QWidget:
        view = self._search_hub(HubSearch())
        wait_until(view.table.isVisible, "the results")
        return self.window

    def _nothing(self) -> QWidget:
        view = self._search_hub(HubSearch(license="mit"))
        wait_until(view.nothing.isVisible, "the empty answer")
        return self.window

    def _no_answer(self) -> QWidget:
        self._hub.faults.garbled_api = "no JSON"
        # Answers to other searches are in the cache.
        view = self._search_hub(HubSearch(text=f"search {time.monotonic()}"))
        wait_until(view.state.button.isVisible, "the failure")
        self._hub.faults.garbled_api = ""
        return self.window

    def _search_hub(self, search: HubSearch) -> SearchView:
        self.window.show_page("hub")
        page = self.window.hub
        while not page.search.isVisible():
            page.go_back()
        page.search.search(search)
        return page.search

    def _repository(self, name: str) -> Place:
        def show() -> QWidget:
            self.window.show_page("hub")
            self.window.hub.open_repository(name)
            view = self.window.hub.repository
            wait_until(view.files.isVisible, "the page")
            view.files.button.click()
            return self.window

        return show

    def _gguf_repository(self) -> QWidget:
        root = self._repository("acme/grain-1b-GGUF")()
        table = self.window.hub.repository.gguf.table
        wait_until(lambda: table.rowCount() == 2, "the files")
        return root

    def _refused(self) -> QWidget:
        folder = paths.home() / "no checkpoint"
        folder.mkdir(exist_ok=True)
        self.window.show_page("convert")
        self.window.convert.start_with(str(folder))
        self._wait_for_check()
        return self.window

    def _levels(self) -> QWidget:
        self.window.show_page("convert")
        page = self.window.convert
        page.start_with(str(self._checkpoint))
        wait_until(lambda: page.levels_step.table.rowCount() >= 19, "the levels")
        self._wait_for_check()
        page.levels_step.options_card.set_open(True)
        page.levels_step.advanced_card.set_open(True)
        return self.window

    def _plan(self) -> QWidget:
        self._levels()
        step = self.window.convert.levels_step
        # A walk that pressed every button may have left an importance matrix to choose.
        next(iter(buttons_in(step.options_card.importance.kind))).click()
        for folded in (step.options_card, step.advanced_card):
            folded.set_open(False)
        card = step.size_card
        card.choose_size(True)
        self._wait_for_check()
        card.plan_button.click()
        wait_until(lambda: card.plan is not None, "the plan")
        return self.window

    def _finished(self) -> QWidget:
        self._levels()
        step = self.window.convert.levels_step
        # A walk that pressed every button may have left an importance matrix to choose.
        next(iter(buttons_in(step.options_card.importance.kind))).click()
        step.size_card.choose_plain()
        button = step.convert_button
        wait_until(button.isEnabled, "Convert")
        button.click()
        tasks = self.window._workbench.tasks
        wait_until(lambda: not tasks.open_tasks, "the conversion")
        return self.window

    def _wait_for_check(self) -> None:
        session = self.window.convert.session
        wait_until(lambda: not session.is_busy, "the check")

    def _measured(self) -> QWidget:
        """Show the results of a family with levels of long names, one of which has changed."""
        paths_of = [paths.home() / "models" / f"Grain-{level}.gguf" for level in _LEVELS]
        for number, path in enumerate(paths_of):
            write_tiny_model(path, types_from="measured" if number % 2 else "")
            _keep_results(path, number)
        write_tiny_model(paths_of[0], context=512)
        models = self.window._workbench.models
        models.refresh()
        wait_until(lambda: models.model_at(str(paths_of[-1])) is not None, "the levels")
        self.window.show_page("measure")
        self.window.measure.show_model(str(paths_of[1]))
        self.window.measure.choices.set_open(True)
        wait_until(lambda: len(self.window.measure.plots.figures) == 4, "the plots")
        return self.window

    def _failed_measurements(self) -> QWidget:
        self._measured()
        page = self.window.measure
        page.choices.text_kind.set_value("own")
        page.choices.text.set_path(str(self._checkpoint / "config.json"))
        page.choices.text.changed.emit("")
        page.start()
        wait_until(lambda: page.run.is_over, "the failure")
        return self.window

    def _options(self) -> QWidget:
        listed = self.window._workbench.models.models[-1]
        self.window.show_options(listed.path, listed.name)
        return dialog_in_front()

    def _sharing(self) -> QWidget:
        self.window.show_page("chat")
        self.window.chat.header.share_button.click()
        return dialog_in_front()


def _keep_results(model: Path, number: int) -> None:
    text = MeasuredText("a text with a name that goes on and on.txt", "ab" * 32, 40, 512)
    reference = "a reference with a name that goes on and on-F16.gguf"
    compared = Comparison(reference, text, 0.5 / 3**number, 0.1, 1.5, 0.9)
    speeds, peak = (12_345.6, 1234.5), 12_345_678_901
    results = StoredMeasurement(text, 1234.5678, *speeds, peak, compared, date="2026-11-29")
    save_measurement(model, fingerprint_of(model), results)


def write_models() -> None:
    """Write a model of each name into the model folder."""
    for name in NAMES:
        path = paths.home() / "models" / f"{name}.gguf"
        write_tiny_model(path, context=2048, template=_TEMPLATE)


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Process events until a condition holds."""
    end = time.monotonic() + _WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < end, f"waited in vain for {what}"
        QApplication.processEvents()
        time.sleep(0.005)


def settle() -> None:
    """Let layouts and deletions happen that wait for the event loop."""
    for _ in range(6):
        QApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def dialog_in_front() -> QDialog:
    """Return the dialog that was opened last."""
    wait_until(lambda: bool(_dialogs()), "a dialog")
    settle()
    return _dialogs()[-1]


def _dialogs() -> list[QDialog]:
    return [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible()]


def buttons_in(root: QWidget) -> list[QAbstractButton]:
    """Return the buttons that a user can press now."""
    return [b for b in root.findChildren(QAbstractButton) if b.isVisible() and b.isEnabled()]
