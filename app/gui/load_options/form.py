"""Show load options in cards, a row for each, made from the metadata of `LoadOptions`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.language import tr
from app.core.load_options import LARGEST_CONTEXT, LoadOptions
from app.core.option_fields import OptionField, option_fields
from app.core.sizes import MEGABYTE, format_bytes
from app.estimation.costs import Cost
from app.estimation.fit import Plan
from app.estimation.model_profile import ModelProfile
from app.gui.load_options.device_title import device_title
from app.gui.load_options.notes import notes
from app.gui.load_options.split_fields import SplitFields
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.auto_slider import AutoSlider
from app.gui.widgets.auto_spin_box import AutoSpinBox
from app.gui.widgets.card import Card
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.option_control import OptionControl, custom_control, option_control, option_row
from app.gui.widgets.step_slider import StepSlider
from app.gui.widgets.wheel_guard import WheelGuard
from app.machine.cores import core_counts, usable_threads

_FIELDS = option_fields(LoadOptions)
_FIRST_STEP, _USUAL_LAST_STEP = 512, 2**17
_SMALLEST_COST_BYTES = MEGABYTE


class LoadOptionsForm(QWidget):
    """Shows load options and lets the user change them.

    Without a profile, nothing is known of the model and the devices.

    Args:
        theme: the colors.
        is_general: the options are for all models: every one can be set, also without a profile.

    Signals:
        changed: the user changed an option.
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
        self._lines: dict[str, QWidget] = {}
        self._make_wide_controls()
        self.controls = self._all_controls(theme)
        self.rows = {name: self._row(field) for name, field in _FIELDS.items()}
        self._build_layout()
        for name, control in self.controls.items():
            control.changed.connect(lambda *_, name=name: self._take(name))
        self._guard = WheelGuard(self)
        self.set_options(self._options)
        self.set_profile(None)

    @property
    def options(self) -> LoadOptions:
        """The options as shown; a value that its control can't show is kept."""
        return self._options

    def set_options(self, options: LoadOptions) -> None:
        """Show options without emitting `changed`."""
        self._options = options
        self._is_showing = True
        for name, control in self.controls.items():
            control.show(getattr(options, name))
            self.rows[name].set_refusal("")
        self._is_showing = False
        self._show_notes()

    def set_profile(self, profile: ModelProfile | None) -> None:
        """Adapt the rows to a model and the devices of this machine."""
        self._profile = profile
        self._is_showing = True
        layers = profile.shape.layers if profile else None
        self.gpu_layers.set_maximum(None if layers is None else layers + 1)
        self.experts_on_cpu.set_maximum(layers)
        trained = min(profile.shape.trained_context, LARGEST_CONTEXT) if profile else 0
        self.context.set_steps(context_steps(trained))
        self.context.set_maximum(trained or LARGEST_CONTEXT)
        devices = profile.hardware.devices if profile else ()
        self.device_shares.set_devices([device_title(device) for device in devices])
        self._is_showing = False
        self._show_rows(profile)
        for name in ("gpu_layers", "kv_on_device"):
            self.controls[name].widget.setEnabled(profile is None or bool(devices))
        for name in ("batch", "micro_batch"):
            self.controls[name].widget.setEnabled(profile is None or profile.is_causal)
        self._show_notes()

    def show_plan(self, plan: Plan | None, costs: Mapping[str, Cost]) -> None:
        """Show the planned values of automatic options, and the cost of each option."""
        if plan is not None:
            self.gpu_layers.set_planned(plan.gpu_layers)
            self.experts_on_cpu.set_planned(plan.experts_on_cpu)
            self.device_shares.set_planned(list(self._layers_of_devices(plan)))
        has_devices = self._profile is not None and bool(self._profile.hardware.devices)
        for name, row in self.rows.items():
            cost = costs.get(name)
            row.set_figure(_describe_cost(cost, has_devices=has_devices) if cost else "")

    def _make_wide_controls(self) -> None:
        layers, experts = _FIELDS["gpu_layers"], _FIELDS["experts_on_cpu"]
        context, shares = _FIELDS["context"], _FIELDS["device_shares"]
        self.gpu_layers = AutoSlider(layers.title, int(layers.maximum))
        self.device_shares = SplitFields(shares.title, shares.maximum)
        self.experts_on_cpu = AutoSlider(experts.title, int(experts.maximum))
        self.context = StepSlider(
            context.title, int(context.minimum), int(context.maximum), context_steps(0)
        )
        self._wide = {
            "gpu_layers": self.gpu_layers,
            "device_shares": self.device_shares,
            "experts_on_cpu": self.experts_on_cpu,
            "context": self.context,
        }

    def _all_controls(self, theme: Theme) -> dict[str, OptionControl]:
        own = self._wide | {name: _threads(_FIELDS[name]) for name in ("threads", "threads_batch")}
        return {
            name: custom_control(own[name]) if name in own else option_control(theme, field)
            for name, field in _FIELDS.items()
        }

    def _take(self, name: str) -> None:
        if self._is_showing:
            return
        value = self.controls[name].read()
        self._options = msgspec.structs.replace(self._options, **{name: value})
        self._show_notes()
        self.changed.emit()

    def _row(self, field: OptionField) -> FormRow:
        control = self.controls[field.name].widget
        if field.name in ("threads", "threads_batch"):
            physical, logical = core_counts()
            cores = tr(
                "{physical} physical cores, {logical} logical.", physical=physical, logical=logical
            )
            return FormRow(field.title, f"{field.description} {cores}", control)
        return option_row(field, control, stacked=field.name in self._wide)

    def _build_layout(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.large)
        for heading, names in _sections().items():
            card = Card(heading)
            # Wide controls come first in a card.
            for index, name in enumerate(sorted(names, key=lambda name: name not in self._wide)):
                if index:
                    self._lines[name] = card.add_line()
                card.add(self.rows[name])
            column.addWidget(card)

    def _show_rows(self, profile: ModelProfile | None) -> None:
        devices = profile.hardware.devices if profile else ()
        has_experts = profile is not None and profile.shape.experts > 0
        has_windows = profile is not None and profile.shape.window > 0
        for name, has_meaning in (
            ("device_shares", len(devices) > 1),
            ("experts_on_cpu", has_experts and bool(devices)),
            ("swa_full", has_windows),
        ):
            for widget in (self.rows[name], self._lines[name]):
                widget.setVisible(self._is_general or has_meaning)

    def _show_notes(self) -> None:
        found = notes(self._options, self._profile)
        for name, row in self.rows.items():
            row.set_note(found.get(name, ""))

    def _layers_of_devices(self, plan: Plan) -> Iterator[int]:
        devices = self._profile.hardware.devices if self._profile else ()
        return (plan.layers.get(device.name, 0) for device in devices)


def context_steps(trained: int) -> tuple[int, ...]:
    """Return powers of two up to the trained context, which is the last; 0 means unknown."""
    last = trained or _USUAL_LAST_STEP
    powers = [1 << power for power in range(last.bit_length())]
    return (*(power for power in powers if _FIRST_STEP <= power < last), last)


def _sections() -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    for name, field in _FIELDS.items():
        sections.setdefault(field.section, []).append(name)
    return sections


def _threads(field: OptionField) -> AutoSpinBox:
    return AutoSpinBox(field.title, int(field.minimum), int(field.maximum), usable_threads())


def _describe_cost(cost: Cost, *, has_devices: bool) -> str:
    ram = _signed(cost.ram_bytes)
    if not has_devices:
        return ram
    gpu = _signed(cost.devices_bytes)
    parts = (gpu and tr("GPU {size}", size=gpu), ram and tr("RAM {size}", size=ram))
    return " · ".join(part for part in parts if part)


def _signed(size_bytes: int) -> str:
    """Return a difference, for example `+512 MB`, or nothing if it is too small to matter."""
    if abs(size_bytes) < _SMALLEST_COST_BYTES:
        return ""
    return f"{'+' if size_bytes > 0 else '−'}{format_bytes(abs(size_bytes))}"
