"""The form of load options: a row for each, in cards; what means nothing here is off or hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, get_args

import msgspec
from PySide6.QtCore import Signal, SignalInstance
from PySide6.QtWidgets import QCheckBox, QComboBox, QSpinBox, QVBoxLayout, QWidget

from app.core.language import tr
from app.core.load_options import CacheType, LoadOptions
from app.core.settings import title_of
from app.core.sizes import MEGABYTE, format_bytes
from app.estimation.costs import Cost
from app.estimation.fit import Plan
from app.estimation.model_profile import ModelProfile
from app.gui.offloading.device_title import device_title
from app.gui.offloading.notes import notes
from app.gui.offloading.share_fields import ShareFields
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.auto_slider import AutoSlider
from app.gui.widgets.auto_spin_box import AutoSpinBox
from app.gui.widgets.card import Card
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.segmented_choice import SegmentedChoice
from app.gui.widgets.step_slider import StepSlider
from app.gui.widgets.wheel_guard import WheelGuard
from app.machine.cores import core_counts, usable_threads

_MOST_LAYERS, _MOST_THREADS = 1024, 1024
_LEAST_CONTEXT, _MOST_CONTEXT = 256, 2**24
_LEAST_BATCH, _MOST_BATCH = 32, 2**16
_FIRST_STEP, _USUAL_LAST_STEP = 512, 2**17
_STACKED = frozenset({"gpu_layers", "experts_on_cpu", "context", "device_shares"})
_SMALLEST_COST_BYTES = MEGABYTE


class _Field(NamedTuple):
    """How a control is read and shown."""

    read: Callable[[], Any]
    show: Callable[[Any], None]


class LoadOptionsForm(QWidget):
    """Shows load options and lets a person change them.

    Without a profile, nothing is known of model and devices.

    Args:
        theme: colors.
        is_general: the options are for all models: every one can be set, also without a profile.

    Signals:
        changed: a person changed an option.
    """

    changed = Signal()

    def __init__(
        self, theme: Theme, *, is_general: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._is_general = is_general
        self._options = LoadOptions()
        self._profile: ModelProfile | None = None
        self._is_showing = False
        self._fields: dict[str, _Field] = {}
        self._lines: dict[str, QWidget] = {}
        self.rows: dict[str, FormRow] = {}
        self._make_device_controls()
        self._make_context_controls(theme)
        self._make_processor_controls(theme)
        self._build_layout()
        self._guard = WheelGuard(self)
        self.set_options(self._options)
        self.set_profile(None)

    @property
    def options(self) -> LoadOptions:
        """The options as they are shown; what no control can show is kept."""
        return self._options

    def set_options(self, options: LoadOptions) -> None:
        """Show options without telling."""
        self._options = options
        self._is_showing = True
        for name, field in self._fields.items():
            field.show(getattr(options, name))
        self._is_showing = False
        self._show_notes()

    def set_profile(self, profile: ModelProfile | None) -> None:
        """Say what is known of the model and the machine."""
        self._profile = profile
        self._is_showing = True
        layers = profile.shape.layers if profile else None
        self.gpu_layers.set_most(None if layers is None else layers + 1)
        self.experts_on_cpu.set_most(layers)
        trained = profile.shape.trained_context if profile else 0
        self.context.set_steps(context_steps(trained))
        devices = profile.hardware.devices if profile else ()
        self.device_shares.set_devices([device_title(device) for device in devices])
        self._is_showing = False
        has_experts = profile is not None and profile.shape.experts > 0
        self._show_row("device_shares", is_shown=self._is_general or len(devices) > 1)
        self._show_row(
            "experts_on_cpu", is_shown=self._is_general or (has_experts and bool(devices))
        )
        has_windows = profile is not None and profile.shape.window > 0
        self._show_row("swa_full", is_shown=self._is_general or has_windows)
        for name in ("gpu_layers", "kv_on_device"):
            self._fields_control(name).setEnabled(profile is None or bool(devices))
        for name in ("batch", "micro_batch"):
            self._fields_control(name).setEnabled(profile is None or profile.is_causal)
        self._show_notes()

    def show_plan(self, plan: Plan | None, costs: Mapping[str, Cost]) -> None:
        """Show what the program plans where it decides, and what each option costs."""
        if plan is not None:
            self.gpu_layers.set_planned(plan.gpu_layers)
            self.experts_on_cpu.set_planned(plan.experts_on_cpu)
            self.device_shares.set_planned(list(self._layers_of_devices(plan)))
        has_devices = self._profile is not None and bool(self._profile.hardware.devices)
        for name, row in self.rows.items():
            cost = costs.get(name)
            row.set_figure(self._words_of(cost, has_devices=has_devices) if cost else "")

    def _make_device_controls(self) -> None:
        self.gpu_layers = AutoSlider(self._title("gpu_layers"), _MOST_LAYERS)
        self.device_shares = ShareFields(self._title("device_shares"))
        self.experts_on_cpu = AutoSlider(self._title("experts_on_cpu"), _MOST_LAYERS)
        self.kv_on_device = self._tick("kv_on_device", tr("Keep them there"))
        for name in ("gpu_layers", "device_shares", "experts_on_cpu"):
            self._bind_own(name)

    def _make_context_controls(self, theme: Theme) -> None:
        title = self._title("context")
        self.context = StepSlider(title, _LEAST_CONTEXT, _MOST_CONTEXT, context_steps(0))
        self._bind_own("context")
        self.cache_type_k = self._type_box("cache_type_k")
        self.cache_type_v = self._type_box("cache_type_v")
        self.flash_attention = self._automatic_choice("flash_attention", theme)
        self.swa_full = self._tick("swa_full", tr("Keep all of them"))
        self.batch = self._batch_box("batch")
        self.micro_batch = self._batch_box("micro_batch")

    def _make_processor_controls(self, theme: Theme) -> None:
        usual = usable_threads()
        self.threads = AutoSpinBox(self._title("threads"), 1, _MOST_THREADS, usual)
        self.threads_batch = AutoSpinBox(self._title("threads_batch"), 1, _MOST_THREADS, usual)
        self._bind_own("threads")
        self._bind_own("threads_batch")
        self.memory_map = self._automatic_choice("memory_map", theme)
        self.memory_lock = self._tick("memory_lock", tr("Lock the weights"))
        self.extra_buffers = self._tick("extra_buffers", tr("Repack weights"))

    def _tick(self, name: str, words: str) -> QCheckBox:
        box = QCheckBox(words)
        box.setAccessibleName(f"{self._title(name)}: {words}")
        self._bind(name, box.toggled, box.isChecked, box.setChecked)
        return box

    def _automatic_choice(self, name: str, theme: Theme) -> SegmentedChoice:
        choices = (("auto", tr("Automatic")), ("on", tr("On")), ("off", tr("Off")))
        control = SegmentedChoice(theme, self._title(name), choices)
        self._bind(name, control.changed, lambda: control.value, control.set_value)
        return control

    def _type_box(self, name: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(self._title(name))
        box.addItems(get_args(CacheType))
        self._bind(name, box.currentTextChanged, box.currentText, box.setCurrentText)
        return box

    def _batch_box(self, name: str) -> QSpinBox:
        box = QSpinBox()
        box.setAccessibleName(self._title(name))
        box.setRange(_LEAST_BATCH, _MOST_BATCH)
        box.setSingleStep(_LEAST_BATCH)
        box.setGroupSeparatorShown(True)
        box.setKeyboardTracking(False)
        self._bind(name, box.valueChanged, box.value, box.setValue)
        return box

    def _bind_own(self, name: str) -> None:
        """Follow one of our own controls, which all have a value and tell of a change."""
        control = getattr(self, name)
        self._bind(name, control.changed, lambda: control.value, control.set_value)

    def _bind(
        self,
        name: str,
        told: SignalInstance,
        read: Callable[[], Any],
        show: Callable[[Any], None],
    ) -> None:
        self._fields[name] = _Field(read, show)
        told.connect(lambda *_: self._take(name))

    def _take(self, name: str) -> None:
        if self._is_showing:
            return
        value = self._fields[name].read()
        self._options = msgspec.structs.replace(self._options, **{name: value})
        self._show_notes()
        self.changed.emit()

    def _build_layout(self) -> None:
        physical, logical = core_counts()
        cores = tr("{physical} physical cores, {logical} logical.")
        cores = cores.replace("{physical}", str(physical)).replace("{logical}", str(logical))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.large)
        sections = (
            (
                tr("Graphics card"),
                ("gpu_layers", "device_shares", "experts_on_cpu", "kv_on_device"),
            ),
            (
                tr("Context"),
                ("context", "cache_type_k", "cache_type_v", "flash_attention", "swa_full"),
            ),
            (tr("Processor"), ("threads", "threads_batch", "batch", "micro_batch")),
            (tr("Memory"), ("memory_map", "memory_lock", "extra_buffers")),
        )
        for heading, names in sections:
            card = Card(heading)
            for index, name in enumerate(names):
                if index:
                    self._lines[name] = card.add_line()
                more = f" {cores}" if name in ("threads", "threads_batch") else ""
                self.rows[name] = self._row(name, more)
                card.add(self.rows[name])
            column.addWidget(card)

    def _row(self, name: str, more: str) -> FormRow:
        title, description = title_of(name)
        control = self._fields_control(name)
        words = tr(description) + more
        return FormRow(tr(title), words, control, stacked=name in _STACKED)

    def _fields_control(self, name: str) -> QWidget:
        control: QWidget = getattr(self, name)
        return control

    def _title(self, name: str) -> str:
        return tr(title_of(name)[0])

    def _show_row(self, name: str, *, is_shown: bool) -> None:
        self.rows[name].setVisible(is_shown)
        self._lines[name].setVisible(is_shown)

    def _show_notes(self) -> None:
        said = notes(self._options, self._profile)
        for name, row in self.rows.items():
            row.set_note(said.get(name, ""))

    def _layers_of_devices(self, plan: Plan) -> Iterator[int]:
        devices = self._profile.hardware.devices if self._profile else ()
        return (plan.layers.get(device.name, 0) for device in devices)

    def _words_of(self, cost: Cost, *, has_devices: bool) -> str:
        if not has_devices:
            return _signed(cost.ram_bytes)
        parts = (
            (cost.devices_bytes, tr("GPU {size}")),
            (cost.ram_bytes, tr("RAM {size}")),
        )
        told = [words.replace("{size}", _signed(size)) for size, words in parts if _signed(size)]
        return " · ".join(told)


def context_steps(trained: int) -> tuple[int, ...]:
    """Powers of two up to the trained context, which is the last; 0 where that is not known."""
    last = trained or _USUAL_LAST_STEP
    powers = [1 << power for power in range(_MOST_CONTEXT.bit_length())]
    return (*(power for power in powers if _FIRST_STEP <= power < last), last)


def _signed(size_bytes: int) -> str:
    """A difference, for example `+512 MB`; empty where it is too small to matter."""
    if abs(size_bytes) < _SMALLEST_COST_BYTES:
        return ""
    return f"{'+' if size_bytes > 0 else '−'}{format_bytes(abs(size_bytes))}"
