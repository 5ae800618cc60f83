"""A Hub on loopback with a checkpoint that arrives slowly enough to be stopped."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.hub.local_hub import LocalHub

SIZE = 6_000_000


@pytest.fixture
def hub(hub: LocalHub, tmp_path: Path) -> LocalHub:
    served = tmp_path / "served"
    served.mkdir()
    (served / "config.json").write_text('{"model_type": "llama"}')
    (served / "model.safetensors").write_bytes(random.Random(1).randbytes(SIZE))
    hub.add_repository("acme/grain", served)
    return hub
