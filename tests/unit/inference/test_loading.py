"""A load when memory is short for real: the context gives way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_model import write_tiny_model

CONTEXT = 2**18
FREE_BYTES = 400 * 2**20
LOADING = """
import json, resource, sys
from pathlib import Path
import psutil
from app.core.errors import AppError
from app.core.events import Noticed
from app.core.load_options import LoadOptions
from app.inference.loading import LoadWishes, opened_model
from app.native.library import load_llama

load_llama()
model, context, free_bytes, shrinks = sys.argv[1], *map(int, sys.argv[2:])
most = psutil.Process().memory_info().vms + free_bytes
resource.setrlimit(resource.RLIMIT_AS, (most, most))
options = LoadOptions(context=context, threads=1, micro_batch=32)
wishes = LoadWishes(Path(model), 1, context, options, shrinks_context=bool(shrinks))
told = []
try:
    with opened_model(wishes, told.append) as loaded:
        notices = [[e.code, e.facts] for e in told if isinstance(e, Noticed)]
        print(json.dumps([loaded.context_tokens, loaded.memory["CPU"].kv_bytes, notices]))
except AppError as error:
    print(json.dumps([error.code, error.facts]))
"""
"""Loads a model in a process that may take no more than so much memory."""


def loaded(model: Path, *, shrinks_context: bool) -> list[Any]:
    words = [str(CONTEXT), str(FREE_BYTES), str(int(shrinks_context))]
    child = subprocess.run(
        [sys.executable, "-c", LOADING, str(model), *words],
        capture_output=True,
        check=True,
    )
    told: list[Any] = json.loads(child.stdout)
    return told


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_context_that_does_not_fit_is_halved_until_it_does(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=CONTEXT)
    # Keys and values of one layer, 512 wide, in two bytes: 512 MiB for all of it.
    context, kv_bytes, notices = loaded(model, shrinks_context=True)
    assert context in (CONTEXT // 2, CONTEXT // 4)
    assert kv_bytes == context * 512 * 2 * 2
    assert notices == [["smaller_context", {"context": context, "wished": CONTEXT}]]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_context_that_must_stay_is_refused(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=CONTEXT)
    code, facts = loaded(model, shrinks_context=False)
    assert (code, facts) == ("out_of_memory", {"model": "tiny.gguf", "context": CONTEXT})
