"""Compare the memory of the loaded model with its estimate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, Signal

from app.core.device_memory import DeviceMemory
from app.core.language import tr
from app.core.sizes import format_bytes
from app.estimation.model_profile import UNNAMED_LEVEL, ModelProfile
from app.estimation.predictions import predict_levels
from app.gui.services.engine import Engine, EngineReady, EngineState
from app.gui.services.profile_finder import ProfileFinder
from app.gui.services.settings_holder import SettingsHolder

Memory = Mapping[str, DeviceMemory]


class LoadComparison(QObject):
    """Follows the engine; estimates after the load if `serve` did not.

    Signals:
        changed: the memory in use, empty if nothing is loaded; and, line by line, the parts on
            each device and the estimate.
    """

    changed = Signal(str, str)

    def __init__(
        self, engine: Engine, settings: SettingsHolder, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._settings = settings
        self._finder = ProfileFinder(self)
        self._finder.found.connect(self._on_found)
        self._finder.noticed.connect(engine.note)
        engine.changed.connect(self._on_engine_changed)

    def _on_engine_changed(self, state: EngineState) -> None:
        self._finder.stop()
        if not isinstance(state, EngineReady) or not state.server.memory:
            self.changed.emit("", "")
            return
        self._show(state.server.memory, state.server.estimated)
        if not state.server.estimated:
            self._finder.find(state.path)

    def _on_found(self, profile: ModelProfile) -> None:
        state = self._engine.state
        if not isinstance(state, EngineReady):
            return
        server = state.server
        options = msgspec.structs.replace(
            self._settings.value.options_for(Path(state.path)),
            context=server.context,
            gpu_layers=server.gpu_layers,
            experts_on_cpu=server.experts_on_cpu,
        )
        level = server.level or UNNAMED_LEVEL
        plan = next(
            (row.plan for row in predict_levels(profile, options) if row.profile.level == level),
            None,
        )
        if plan is not None:
            self._show(server.memory, plan.memory)
        # More precise profiles have better speeds, but the same memory.
        self._finder.stop()

    def _show(self, real: Memory, estimated: Memory) -> None:
        lines = [_parts(device, memory) for device, memory in real.items()]
        if estimated:
            lines.append(tr("Estimated: {size}", size=format_bytes(_total(estimated))))
        self.changed.emit(tr("{real} in use", real=format_bytes(_total(real))), "\n".join(lines))


def _total(memory: Memory) -> int:
    return sum(one.total_bytes for one in memory.values())


def _parts(device: str, memory: DeviceMemory) -> str:
    return tr(
        "{device}: {weights} weights, {kv} KV cache, {compute} buffers",
        device=device,
        weights=format_bytes(memory.weights_bytes),
        kv=format_bytes(memory.kv_bytes),
        compute=format_bytes(memory.compute_bytes),
    )
