"""Show the memory that a model would take on this machine, and whether it fits."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.core.device_memory import PROCESSOR, DeviceMemory
from app.core.language import tr
from app.estimation.fit import Plan
from app.estimation.hardware import Hardware
from app.estimation.placement import is_in_ram
from app.gui.load_options.device_title import device_title
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.memory_bar import MemoryBar, MemoryPart
from app.gui.widgets.plain_label import PlainLabel

_NOTHING = DeviceMemory(0, 0, 0)


class MemoryView(Card):
    """Shows a bar for RAM and for each device with dedicated memory, and explains them.

    Signals:
        retried: the user wants another try to find the profile.
        context_wanted: the user wants the largest context that fits; its tokens.
    """

    retried = Signal()
    context_wanted = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        heading = tr("Memory")
        self.setAccessibleName(heading)
        self._theme = theme
        self._largest = 0
        self.bars: list[MemoryBar] = []
        self._bars = QWidget()
        self._below = QVBoxLayout(self._bars)
        self._below.setContentsMargins(0, 0, 0, 0)
        self._below.setSpacing(SPACING.large)
        self.sentence = PlainLabel("", wrap=True, selectable=True)
        self.largest = PlainLabel("", "caption", wrap=True)
        self.context_button = Button(theme, tr("Use this context"), "link", compact=True)
        self._busy = QProgressBar()
        self._busy.setTextVisible(False)
        self._busy.setRange(0, 0)
        self._busy.setAccessibleName(tr("Estimating the memory"))
        self.retry_button = Button(theme, tr("Try again"), compact=True)
        self.add(PlainLabel(heading, "heading"))
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.retry_button)
        row.addWidget(self.context_button)
        row.addStretch(1)
        for widget in (self._bars, self._busy, self.sentence, self.largest, foot):
            self.add(widget)
        self.retry_button.clicked.connect(self.retried)
        self.context_button.clicked.connect(lambda: self.context_wanted.emit(self._largest))
        self.show_waiting()

    def show_waiting(self) -> None:
        """Show that the profile is being computed."""
        self._show_state(is_busy=True)
        self.sentence.set_text(tr("Estimating the memory…"))
        self.sentence.set_tone("plain")

    def show_problem(self, sentence: str) -> None:
        """Show why the memory is unknown."""
        self._show_state(has_failed=True)
        self.sentence.set_text(sentence)
        self.sentence.set_tone("danger")

    def show_plan(self, hardware: Hardware, plan: Plan, context: int) -> None:
        """Show a plan for a context, in tokens, on a machine."""
        self._show_state(has_plan=True)
        self._show_bars(hardware, plan)
        if self.sentence.whole_text != plan.sentence:
            self.sentence.set_text(plan.sentence)
        self.sentence.set_tone("danger" if plan.verdict == "too_large" else "plain")
        self._largest = plan.largest_context
        words = tr("No context fits with these options.")
        if tokens := plan.largest_context:
            words = tr("Largest context that fits: {tokens} tokens.", tokens=tokens)
        if self.largest.whole_text != words:
            self.largest.set_text(words)
        self.context_button.setVisible(plan.largest_context not in (0, context))

    def _show_state(
        self, *, is_busy: bool = False, has_failed: bool = False, has_plan: bool = False
    ) -> None:
        self._busy.setVisible(is_busy)
        self.retry_button.setVisible(has_failed)
        self._bars.setVisible(has_plan)
        self.largest.setVisible(has_plan)
        if not has_plan:
            self.context_button.hide()

    def _show_bars(self, hardware: Hardware, plan: Plan) -> None:
        shared = [device for device in hardware.devices if is_in_ram(device)]
        in_ram = [
            plan.memory.get(name, _NOTHING) for name in (PROCESSOR, *(d.name for d in shared))
        ]
        name = tr("RAM")
        if shared:
            devices = ", ".join(device.name for device in shared)
            name = tr("RAM, with {devices}", devices=devices)
        total, free = hardware.ram_total_bytes, hardware.ram_free_bytes
        shown = [(name, self._parts(in_ram, total - free), total)]
        for device in hardware.devices:
            if device not in shared:
                taken = [plan.memory.get(device.name, _NOTHING)]
                others = device.total_bytes - device.free_bytes
                shown.append((device_title(device), self._parts(taken, others), device.total_bytes))
        self._have_bars(len(shown))
        for bar, (words, parts, size) in zip(self.bars, shown, strict=True):
            bar.show_parts(words, parts, size)

    def _have_bars(self, count: int) -> None:
        while len(self.bars) < count:
            self.bars.append(MemoryBar(self._theme, ""))
            self._below.addWidget(self.bars[-1])
        while len(self.bars) > count:
            bar = self.bars.pop()
            bar.hide()
            bar.deleteLater()

    def _parts(self, taken: list[DeviceMemory], others_bytes: int) -> list[MemoryPart]:
        weights = sum(one.weights_bytes for one in taken)
        kv = sum(one.kv_bytes for one in taken)
        compute = sum(one.compute_bytes for one in taken)
        return [
            MemoryPart("weights", tr("Weights"), weights),
            MemoryPart("kv", tr("KV cache"), kv),
            MemoryPart("compute", tr("Compute buffers"), compute),
            MemoryPart("others", tr("Other programs"), max(0, others_bytes)),
        ]
