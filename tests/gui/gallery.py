"""Draws every widget in both themes into PNG files: `python -m tests.gui.gallery FOLDER`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QRadioButton,
    QSlider,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.core.pace import Pace
from app.gui.markdown.view import MarkdownView
from app.gui.pages.chat.message_view import MessageView
from app.gui.theme.icons import ICON_NAMES, app_icon, icon
from app.gui.theme.style import apply_theme
from app.gui.theme.theme import Theme
from app.gui.widgets.auto_spin_box import AutoSpinBox
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.collapsible_card import CollapsibleCard
from app.gui.widgets.composer import Composer
from app.gui.widgets.empty_state import EmptyState
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.item_list import ItemList
from app.gui.widgets.item_table import ItemTable
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.notice_list import NoticeList
from app.gui.widgets.path_field import PathField
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.progress_row import ProgressRow
from app.gui.widgets.segmented_choice import SegmentedChoice

Section = Callable[[Theme], QWidget]


def page(*widgets: QWidget, width: int = 720) -> QWidget:
    sheet = QWidget()
    sheet.setProperty("role", "page")
    sheet.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    layout = QVBoxLayout(sheet)
    layout.setContentsMargins(24, 24, 24, 24)
    layout.setSpacing(16)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch()
    sheet.setFixedWidth(width)
    return sheet


def row(*widgets: QWidget) -> QWidget:
    line = QWidget()
    layout = QHBoxLayout(line)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch()
    return line


def text(theme: Theme) -> QWidget:
    hostile = PlainLabel("<img src=file:///etc/passwd><h1>name</h1>")
    narrow = PlainLabel("A very long model name that does not fit here at all", elide=True)
    narrow.setFixedWidth(180)
    figures = PlainLabel("4.08 GB\n11.10 GB\n98 MB", tabular=True)
    roles = ("display", "title", "heading", "body", "muted", "caption")
    labels = [PlainLabel(f"{r.capitalize()}: know before you grind", r) for r in roles]  # type: ignore[arg-type]
    return page(*labels, hostile, row(narrow, figures))


def icons(theme: Theme) -> QWidget:
    sheet = QWidget()
    grid = QGridLayout(sheet)
    for index, name in enumerate(ICON_NAMES):
        picture = PlainLabel()
        picture.setPixmap(icon(name, theme.colors, theme.colors.ink).pixmap(40, 40))
        grid.addWidget(picture, index // 7 * 2, index % 7, Qt.AlignmentFlag.AlignHCenter)
        caption = PlainLabel(name, "caption")
        grid.addWidget(caption, index // 7 * 2 + 1, index % 7, Qt.AlignmentFlag.AlignHCenter)
    pictures = [PlainLabel() for _ in range(4)]
    for picture, side in zip(pictures, (16, 32, 64, 128), strict=True):
        picture.setPixmap(app_icon().pixmap(side, side))
    return page(sheet, row(*pictures))


def buttons(theme: Theme) -> QWidget:
    lines = []
    for enabled in (True, False):
        made = [
            Button(theme, "Convert", "primary"),
            Button(theme, "Browse…"),
            Button(theme, "Download", icon_name="download"),
            Button(theme, "Show log", "quiet"),
            Button(theme, "Make one", "link"),
            Button(theme, "Delete model", "danger", icon_name="trash"),
            IconButton(theme, "more", "More"),
            IconButton(theme, "send", "Send", "primary"),
            IconButton(theme, "refresh", "Refresh", "secondary"),
            Button(theme, "Copy", "quiet", icon_name="copy", compact=True),
        ]
        for button in made:
            button.setEnabled(enabled)
        lines.append(row(*made))
    rail = QWidget()
    rail.setFixedWidth(176)
    layout = QVBoxLayout(rail)
    for name, symbol in (("Chat", "chat"), ("Models", "models"), ("Convert", "convert")):
        entry = Button(theme, name, "navigation", icon_name=symbol)  # type: ignore[arg-type]
        entry.setChecked(name == "Models")
        layout.addWidget(entry)
    focused = row(Button(theme, "Focused"), Button(theme, "Primary", "primary"))
    return page(*lines, rail, focused, width=860)


def controls(theme: Theme) -> QWidget:
    grid = QGridLayout()
    for column, enabled in enumerate((True, False)):
        line = QLineEdit("owner/name")
        empty = QLineEdit()
        empty.setPlaceholderText("Search models")
        combo = QComboBox()
        combo.addItems(["Q4_K_M", "Q8_0"])
        spin = QSpinBox()
        spin.setValue(42)
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setValue(40)
        checks = [QCheckBox("Checked"), QCheckBox("Unchecked"), QCheckBox("Partly")]
        checks[0].setChecked(True)
        checks[2].setTristate(True)
        checks[2].setCheckState(Qt.CheckState.PartiallyChecked)
        radios = [QRadioButton("One"), QRadioButton("Other")]
        radios[0].setChecked(True)
        bar = QProgressBar()
        bar.setValue(60)
        busy = QProgressBar()
        busy.setProperty("state", "busy")
        busy.setValue(100)
        for index, widget in enumerate(
            [line, empty, combo, spin, slider, row(*checks), row(*radios), bar, busy]
        ):
            widget.setEnabled(enabled)
            grid.addWidget(widget, index, column)
    sheet = QWidget()
    sheet.setLayout(grid)
    return page(sheet)


def forms(theme: Theme) -> QWidget:
    segments = SegmentedChoice(
        theme, "Theme", [("system", "System"), ("light", "Light"), ("dark", "Dark")]
    )
    automatic = AutoSpinBox("GPU layers", 0, 99, 20)
    threads = AutoSpinBox("Threads", 1, 64, 8)
    threads.set_value(6)
    folder = PathField(theme, "Model folder", hint="/home/ada/models")
    card = Card("Engine")
    card.add(FormRow("Theme", "Light, dark, or as the system has it.", segments))
    card.add_line()
    described = (
        "Number of layers to offload to the GPU. "
        "Automatic offloads as many as fit into the free memory."
    )
    card.add(FormRow("GPU layers", described, automatic))
    card.add_line()
    card.add(FormRow("Threads", "", threads))
    card.add_line()
    card.add(FormRow("Model folder", "Where GGUF files are kept.", folder))
    card.add(FormRow("Context", "How many tokens the model sees.", QSpinBox()))
    chosen, plain = CollapsibleCard(theme, "Options", is_open=True), CollapsibleCard(theme, "More")
    kept = PathField(theme, "Folder for the files", "either", hint="/home/ada/models")
    chosen.add(FormRow("Folder for the files", "Where the files go.", kept, stacked=True))
    plain.set_summary("types for single tensors, threads")
    return page(card, chosen, plain)


def notices(theme: Theme) -> QWidget:
    bars = []
    words = (
        (
            "info",
            "The model was trained with a context of 2,048 tokens and is loaded with that.",
            (),
        ),
        ("warning", "Not all layers fit on the GPU: 12 of 31 are there.", (("how", "Why?"),)),
        (
            "error",
            "The engine stopped unexpectedly: it accessed invalid memory (SIGSEGV). "
            "Load the model again; the conversation is kept. <b>&lt;</b>",
            (("retry", "Retry"), ("log", "Show log")),
        ),
    )
    for kind, sentence, actions in words:
        bar = NoticeBar(theme)
        bar.show_notice(kind, sentence, actions)  # type: ignore[arg-type]
        bars.append(bar)
    few, many = NoticeList(theme), NoticeList(theme)
    few.show_sentences(["The converter says: unknown rope scaling type “mill”, " * 3, "Short."])
    many.show_sentences([f"The token {number} is lost." for number in range(9)])
    return page(*bars, few, many)


def progress(theme: Theme) -> QWidget:
    pace = Pace()
    pace.observe(0, 0.0)
    pace.observe(1_200_000_000, 10.0)
    running, unknown, new, done, failed, waiting = (
        ProgressRow(theme, f"TinyLlama/TinyLlama-1.1B-Chat-v1.0 {word}")
        for word in ("running", "unknown", "new", "done", "failed", "waiting")
    )
    running.show_progress(1_200_000_000, 2_200_000_000, pace)
    running.set_detail("model-00002-of-00004.safetensors")
    unknown.show_progress(1_200_000_000, 0, pace)
    new.show_progress(0, 2_200_000_000, Pace())
    done.show_finished("Saved as TinyLlama-1.1B-Chat-v1.0-Q4_K_M.gguf (668 MB)")
    failed.show_failed(
        "There is not enough space in /home/ada/models: 668 MB needed, 12 MB free. "
        "Free some space, or choose another folder."
    )
    card = Card("Jobs")
    for line in (running, unknown, new, done, failed, waiting):
        card.add(line)
    return page(card)


def empty(theme: Theme) -> QWidget:
    state = EmptyState(
        theme,
        "models",
        "No models yet",
        "Download a repository from the Hugging Face Hub and grind it down to the size your "
        "machine can run, or drop a GGUF file here.",
        "Get a model",
    )
    state.setFixedHeight(360)
    return page(state)


def lists(theme: Theme) -> QWidget:
    names = ItemList("Models", framed=True)
    names.addItems(["SmolLM2-135M-Instruct", "Llama-3.2-3B", "Qwen3-4B", *map(str, range(20))])
    names.setCurrentRow(1)
    names.setFixedHeight(140)
    bare = ItemList("Chats")
    bare.addItems(["Why is the sky blue?", "A very long title " * 9, "Third"])
    bare.setCurrentRow(0)
    bare.setFixedSize(220, 120)
    table = ItemTable("Levels", ["Level", "Size", "Bits", "Quality"], stretched=3, figures=(1, 2))
    for level, size, bits in (
        ("Q2_K", "2.53 GB", "3.16"),
        ("Q4_K_M", "4.08 GB", "4.89"),
        ("Q8_0", "11.16 GB", "8.50"),
    ):
        table.add_row([level, size, bits, "Good balance of size and quality"])
    table.selectRow(1)
    table.setFixedHeight(160)
    tabs = QTabWidget()
    tabs.addTab(PlainLabel("Inside the tab"), "Files")
    tabs.addTab(QWidget(), "Details")
    return page(names, bare, table, tabs)


MARKDOWN = """# Grinding a model

A **level** such as `Q4_K_M` says how many bits a weight gets. See
[the list](https://example.org/levels) or *ask*. <b>HTML</b> stays as it is, and an image
![of a mill](file:///etc/passwd) is words.

It has $n_i^* = 2^{b_i}$ steps, and \\(a*b*c\\) in all:

$$
n_* = \\sum_i n_i
$$

## Steps

1. Download the repository:
   ```bash
   gristmill download HuggingFaceTB/SmolLM2-135M-Instruct --to ~/models
   ```
2. Convert it
   - to one level
   - or to several
3. Chat

> Know before you grind.

| Level | Size | Bits |
|:------|-----:|-----:|
| Q2_K | 2.53 GB | 3.16 |
| Q4_K_M | 4.08 GB | 4.89 |
| Q8_0 | 7.16 GB | 8.50 |

```python
from dataclasses import dataclass

@dataclass(frozen=True)
class Level:
    # access\u202e level
    name: str = "Q4_K_M"
    ftype: int = 15

def size(weights: int, bits: float) -> float:
    return weights * bits / 8
```

### Last

That is all.
"""


def markdown(theme: Theme) -> QWidget:
    view = MarkdownView(theme, "Reply")
    view.set_text(MARKDOWN)
    return page(view, width=808)


def messages(theme: Theme) -> QWidget:
    question = MessageView(theme, "user")
    question.set_text("Which level should I take for a 7B model?\n    <b>8 GB</b> of memory.")
    long = MessageView(theme, "user")
    long.set_text("Tell me about " + "grinding and grains and stones " * 9)
    reply = MessageView(theme, "assistant")
    reply.set_text("Take **Q4_K_M**: it needs 4.08 GB and leaves room for the context.")
    reply.set_caption("41.3 tokens/s · 128 tokens · first token after 0.4 s")
    reply.set_can_regenerate(True)
    reply._actions.set_hovered(True)
    stopped = MessageView(theme, "assistant")
    stopped.set_text("The size of a model is")
    stopped.set_state("stopped", "Stopped.")
    failed = MessageView(theme, "assistant")
    failed.set_text("The size of")
    failed.set_state(
        "failed",
        "The engine stopped unexpectedly: it accessed invalid memory (SIGSEGV). "
        "Load the model again; the conversation is kept.",
    )
    return page(question, reply, long, stopped, failed, width=808)


def composers(theme: Theme) -> QWidget:
    empty, draft, replying, off = (Composer(theme) for _ in range(4))
    draft.set_text("First line\nSecond line\nThird line")
    replying.set_text("The next question")
    replying.set_replying(True)
    off.set_available(False, "Load a model to chat")
    return page(empty, draft, replying, off)


SECTIONS: tuple[Section, ...] = (
    text,
    icons,
    buttons,
    controls,
    lists,
    forms,
    notices,
    progress,
    empty,
    markdown,
    messages,
    composers,
)


def main(folder: Path) -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication([])
    theme = apply_theme(application, "light")
    folder.mkdir(parents=True, exist_ok=True)
    for choice in ("light", "dark"):
        theme.choose(choice)  # type: ignore[arg-type]
        for section in SECTIONS:
            widget = section(theme)
            widget.show()
            application.processEvents()
            application.processEvents()
            widget.grab().save(str(folder / f"{section.__name__}-{choice}.png"))
            widget.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
