"""Controls for load options to try out, above the levels."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QVBoxLayout, QWidget

from app.core.language import tr
from app.core.load_options import CACHE_TYPES, LoadOptions
from app.core.option_fields import option_fields
from app.estimation.hardware import DeviceInfo
from app.estimation.model_profile import ModelProfile
from app.gui.theme.tokens import SPACING
from app.gui.widgets.auto_slider import AutoSlider
from app.gui.widgets.auto_spin_box import AutoSpinBox
from app.gui.widgets.card import Card
from app.gui.widgets.drop_down import DropDown
from app.gui.widgets.number_box import number_boxes
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.step_slider import StepSlider
from app.gui.widgets.wheel_guard import WheelGuard
from app.machine.cores import usable_threads

_FIELDS = option_fields(LoadOptions)
_MIN_CONTEXT = int(_FIELDS["context"].minimum)
_MAX_CONTEXT = int(_FIELDS["context"].maximum)
_MAX_THREADS = int(_FIELDS["threads"].maximum)
_FINE_FROM, _USUAL_LAST_STEP = 2048, 2**20
_ALL, _PROCESSOR = "all", "processor"
_FIXED_LENGTH = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon


class LoadStrip(Card):
    """Sets context, KV cache types, layers, device and threads.

    Signals:
        changed: the user changed an option.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setAccessibleName(tr("Load settings"))
        self._defaults = LoadOptions()
        self._devices: tuple[DeviceInfo, ...] = ()
        self._is_chosen = False
        self.context = StepSlider(
            _FIELDS["context"].title, _MIN_CONTEXT, _MAX_CONTEXT, _steps(_USUAL_LAST_STEP)
        )
        self.cache_type = DropDown()
        for kind in CACHE_TYPES:
            self.cache_type.addItem(kind, kind)
        layers = _FIELDS["gpu_layers"]
        self.layers = AutoSlider(layers.title, int(layers.maximum))
        self.device = DropDown()
        self.threads = AutoSpinBox(_FIELDS["threads"].title, 1, _MAX_THREADS, usable_threads())
        self._build_layout()
        self.set_defaults(self._defaults)
        self.set_profile(None)
        WheelGuard(self)
        for control in (self.context, self.layers, self.threads):
            control.changed.connect(self._on_changed)
        for box in (self.cache_type, self.device):
            box.currentIndexChanged.connect(self._on_changed)

    @property
    def options(self) -> LoadOptions:
        """The default options with those chosen here."""
        place = self.device.currentData()
        kind = self.cache_type.currentData()
        shares = self._defaults.device_shares
        if isinstance(place, int):
            shares = tuple(float(number == place) for number in range(len(self._devices)))
        return msgspec.structs.replace(
            self._defaults,
            context=self.context.value,
            cache_type_k=kind,
            cache_type_v=self._defaults.cache_type_v
            if kind == self._defaults.cache_type_k
            else kind,
            gpu_layers=0 if place == _PROCESSOR else self.layers.value,
            device_shares=shares,
            threads=self.threads.value,
        )

    def reset(self) -> None:
        """Forget what was chosen for the previous source."""
        self._is_chosen = False
        self.set_defaults(self._defaults)
        self.set_profile(None)

    def set_defaults(self, defaults: LoadOptions) -> None:
        """Set the default options, which are shown until the user chooses others."""
        self._defaults = defaults
        if self._is_chosen:
            return
        self.context.set_value(defaults.context)
        self.layers.set_value(defaults.gpu_layers)
        self.threads.set_value(defaults.threads)
        with QSignalBlocker(self.cache_type):
            self.cache_type.setCurrentIndex(self.cache_type.findData(defaults.cache_type_k))

    def set_profile(self, profile: ModelProfile | None) -> None:
        """Adapt the controls to a source and this machine; None while they are unknown."""
        trained = max(_MIN_CONTEXT, profile.largest_context if profile else _MAX_CONTEXT)
        with QSignalBlocker(self.context.number):
            self.context.number.setRange(min(_MIN_CONTEXT, trained), trained)
        self.context.set_steps(_steps(trained if profile else _USUAL_LAST_STEP))
        self.context.set_value(self.context.value)
        self.layers.set_maximum(profile.shape.layers + 1 if profile else None)
        self.threads.set_range(1, profile.hardware.logical_cores if profile else _MAX_THREADS)
        devices = profile.hardware.devices if profile else ()
        if devices != self._devices or not self.device.count():
            self._devices = devices
            self._offer_devices()
        for widget in self._of_devices:
            widget.setVisible(bool(devices))

    def set_planned_layers(self, layers: int) -> None:
        """Show how many layers automatic offloading would put on devices."""
        self.layers.set_planned(layers)

    def _offer_devices(self) -> None:
        with QSignalBlocker(self.device):
            self.device.clear()
            several = len(self._devices) > 1
            self.device.addItem(tr("All devices") if several else self._name(0), _ALL)
            for number in range(len(self._devices)) if several else ():
                self.device.addItem(self._name(number), number)
            self.device.addItem(tr("Processor only"), _PROCESSOR)

    def _name(self, number: int) -> str:
        if number >= len(self._devices):
            return ""
        device = self._devices[number]
        return f"{device.name}: {device.description}" if device.description else device.name

    def _on_changed(self) -> None:
        self._is_chosen = True
        self.layers.setEnabled(self.device.currentData() != _PROCESSOR)
        self.changed.emit()

    def _build_layout(self) -> None:
        self._of_devices = (
            self._named(_FIELDS["gpu_layers"].title, self.layers),
            self._named(tr("Device"), self.device),
        )
        for slider in (self.context.slider, self.layers.slider):
            slider.setMinimumWidth(SPACING.huge)
        self.device.setSizeAdjustPolicy(_FIXED_LENGTH)
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SPACING.large)
        grid.setVerticalSpacing(SPACING.small)
        grid.setColumnStretch(0, 1)
        grid.addWidget(self._named(_FIELDS["context"].title, self.context), 0, 0)
        grid.addWidget(self._named(tr("KV cache"), self.cache_type), 0, 1)
        grid.addWidget(self._named(_FIELDS["threads"].title, self.threads), 0, 2)
        grid.addWidget(self._of_devices[0], 1, 0, 1, 2)
        grid.addWidget(self._of_devices[1], 1, 2)
        self.add(holder)

    def _named(self, words: str, control: QWidget) -> QWidget:
        label = PlainLabel(words, "caption", elide=True)
        label.setBuddy(control)
        for box in number_boxes(control):
            box.validated.connect(lambda fault: _show_fault(label, words, fault))
        if not control.accessibleName():
            control.setAccessibleName(words)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.tiny)
        column.addWidget(label)
        column.addWidget(control)
        column.addStretch()
        return holder


def _show_fault(label: PlainLabel, words: str, fault: str) -> None:
    label.set_tone("danger" if fault else "plain")
    label.set_text(fault or words)


def _steps(maximum: int) -> list[int]:
    """Return powers of two, from 2,048 on with a step between them, and the largest at the end."""
    powers = [2**power for power in range(9, maximum.bit_length())]
    between = [3 * power // 2 for power in powers if power >= _FINE_FROM]
    return sorted({step for step in (*powers, *between) if step < maximum} | {maximum})
