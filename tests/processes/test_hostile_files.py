"""Damaged and hostile GGUF files end as loaded or with a reason, and take nothing down.

What the header's reader and the rules refuse is refused in this process, by the functions that
`serve` calls before llama.cpp sees the file; all others go through children. The full measure,
with the limit of 10 s for each file, is `python -m tests.benchmarks.hostile_files`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.core.events import Event, Failed, Finished
from app.core.sentences import describe_error
from app.gguf_file.model_info import read_headers
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.gguf_file.validation import require_sane
from tests.processes.serving import WAIT_SECONDS
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.gguf.gguf_parts import Parts, parts_of, with_byte_pairs
from tests.support.gguf.handcrafted_gguf import GOOD, handcrafted, names, variants
from tests.support.gguf.hostile_children import DIED, LATE, LOADED, UNNAMED, serve_once
from tests.support.gguf.hostile_gguf import KINDS, mutation
from tests.support.machine.verbs import started

REFUSALS = {ErrorCode.NOT_GGUF, ErrorCode.GGUF_DAMAGED, ErrorCode.GGUF_TRUNCATED}
# Only some variants are tried within a model, whose file is larger.
STEP = 8
F16 = next(number for number, kind in TENSOR_TYPES.items() if kind.name == "F16")


@pytest.fixture
def model(tmp_path: Path) -> Parts:
    return parts_of(write_tiny_model(tmp_path / "good.gguf"))


def refusal(path: Path, content: bytes) -> AppError | None:
    """Return the error from `serve` for a file before llama.cpp is loaded."""
    path.write_bytes(content)
    try:
        require_sane(*read_headers(path))
    except AppError as error:
        return error
    return None


def last_event(path: Path) -> Event:
    """Return the last event of the verb `chat`."""
    with started("chat", "--max-tokens", "1", str(path), "Hi") as child:
        child.end()
        assert "Traceback" not in child.log()
    return child.events[-1]


@pytest.mark.parametrize(("stage", "fault"), names())
def test_a_handcrafted_file_is_refused_or_llama_cpp_reads_it_too(
    stage: str, fault: str, model: Parts, tmp_path: Path
) -> None:
    path = tmp_path / "a.gguf"
    for variant in range(variants(stage, fault)):
        error = refusal(path, handcrafted(stage, fault, variant))
        # Those without a fault are no models.
        assert error is not None
        assert error.code in REFUSALS
        if fault in GOOD:
            assert error.details["reason"] == "it names no architecture"
    for variant in range(0, variants(stage, fault), STEP):
        error = refusal(path, handcrafted(stage, fault, variant, model))
        if fault in GOOD - {"CUSTOM_ALIGN"}:
            assert error is None
        else:
            assert error is not None
            assert error.code in REFUSALS


@pytest.mark.parametrize(
    ("stage", "fault"), [(stage, fault) for stage, fault in names() if fault in GOOD]
)
def test_a_handcrafted_file_that_is_not_refused_ends_with_a_reason_in_the_terminal(
    stage: str, fault: str, model: Parts, tmp_path: Path
) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(handcrafted(stage, fault, 0, model))
    match last_event(path):
        case Finished(_, details):
            assert stage in ("HEADER", "KV")
            assert details["tokens"] == 1
        case Failed(ErrorCode.GGUF_DAMAGED, details):
            assert details["reason"] == "its tensors are aligned to 1 bytes instead of 32"
        case Failed(ErrorCode.MODEL_REJECTED, details):
            assert "wrong number of tensors; expected 47, got 12" in str(details["reason"])
        case event:
            raise AssertionError(event)


def test_mutated_models_are_loaded_or_refused_with_a_reason(model: Parts, tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    ends = []
    for number in range(2 * KINDS):
        parts = with_byte_pairs(model) if number >= KINDS else model
        path.write_bytes(mutation(parts, 7, number))
        ends.append(serve_once(path, WAIT_SECONDS))
        assert ends[-1].kind not in (DIED, LATE, UNNAMED), (number, ends[-1])
        assert ends[-1].reason or ends[-1].kind == LOADED
    assert len({end.kind for end in ends}) > 3


def test_an_abort_of_llama_cpp_is_told_in_its_own_words(model: Parts, tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    tensors = tuple(
        tensor._replace(type_number=F16) if tensor.name == "output_norm.weight" else tensor
        for tensor in model.tensors
    )
    changed = Parts(model.entries, tensors, model.data).laid_out()
    assert refusal(path, changed.to_bytes()) is None
    failed = last_event(path)
    assert isinstance(failed, Failed)
    assert failed.code is ErrorCode.ENGINE_STOPPED
    assert "SIGABRT): binary_op: unsupported types" in describe_error(failed.code, failed.details)
