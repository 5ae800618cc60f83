from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from app.conversion.layout.layout import FLOAT32, LaidOutTensor, Layout, WeightRange
from app.streaming.arrivals import Arrivals
from app.streaming.stream_plan import StreamPlan, plan_stream

FILE = Path("model.safetensors")
A, B, C = (WeightRange(FILE, start, 40) for start in (0, 40, 80))
ROOMY = 1000
SECONDS = 30


def content(value: int) -> npt.NDArray[np.uint8]:
    return np.full(40, value, np.uint8)


def plan(**reads: tuple[WeightRange, ...]) -> StreamPlan:
    tensors = tuple(
        LaidOutTensor(name, (1,), FLOAT32, 4, lambda: np.zeros(1), reads=frozenset(several))
        for name, several in reads.items()
    )
    found = plan_stream([Layout("llama", {}, tensors)])
    assert found is not None
    return found


def test_a_tensor_comes_when_all_of_it_has_arrived() -> None:
    arrivals = Arrivals(ROOMY, ROOMY)
    arrivals.begin(plan(stack=(A, C), single=(B,)), set())
    arrivals.put(A, content(1))
    arrivals.put(B, content(2))
    assert arrivals.state_of(A) == "held"
    assert arrivals.next_tensor() == (0, "single")
    arrivals.finish((0, "single"))
    assert (arrivals.state_of(B), arrivals.content_of(B)) == ("finished", None)
    arrivals.put(C, content(3))
    assert arrivals.state_of(A) == "waiting"
    assert arrivals.next_tensor() == (0, "stack")
    assert arrivals.content_of(C) is not None
    arrivals.finish((0, "stack"))
    assert arrivals.next_tensor() is None


def test_a_stored_tensor_stays_until_its_last_reader_has_it() -> None:
    arrivals = Arrivals(ROOMY, ROOMY)
    arrivals.begin(plan(q=(A,), k=(A,)), set())
    arrivals.put(A, content(1))
    first, second = arrivals.next_tensor(), arrivals.next_tensor()
    assert {first, second} == {(0, "q"), (0, "k")}
    arrivals.finish((0, "q"))
    assert arrivals.content_of(A) is not None
    arrivals.finish((0, "k"))
    assert arrivals.content_of(A) is None


def test_what_comes_before_the_plan_is_kept_if_it_is_needed() -> None:
    arrivals = Arrivals(ROOMY, ROOMY)
    arrivals.put(A, content(1))
    arrivals.put(B, content(2))
    arrivals.begin(plan(a=(A,), b=(B,), c=(C,)), {(0, "b")})
    assert arrivals.next_tensor() == (0, "a")
    assert arrivals.content_of(B) is None
    assert not arrivals.wants(B)
    assert arrivals.wants(C)


def test_tensors_that_read_nothing_come_at_once() -> None:
    arrivals = Arrivals(ROOMY, ROOMY)
    arrivals.begin(plan(made_up=()), set())
    assert arrivals.next_tensor() == (0, "made_up")


def test_whoever_puts_waits_while_too_much_waits() -> None:
    arrivals = Arrivals(backlog_bytes=50, unplanned_bytes=0)
    arrivals.begin(plan(a=(A,), b=(B,)), set())
    assert arrivals.put(A, content(1))
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(arrivals.put, B, content(2))
        assert arrivals.next_tensor() == (0, "a")
        assert arrivals.next_tensor() == (0, "b")
        assert not waiting.done()
        arrivals.finish((0, "a"))
        assert waiting.result(SECONDS)


def test_before_the_plan_another_bound_holds() -> None:
    arrivals = Arrivals(ROOMY, unplanned_bytes=50)
    assert arrivals.put(A, content(1))
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(arrivals.put, B, content(2))
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
        arrivals.begin(plan(a=(A,), b=(B,)), set())
        assert waiting.result(SECONDS)


def test_what_waits_for_others_never_blocks_them() -> None:
    arrivals = Arrivals(backlog_bytes=0, unplanned_bytes=0)
    arrivals.begin(plan(stack=(A, B, C)), set())
    assert arrivals.put(A, content(1))
    assert arrivals.put(B, content(2))


def test_an_error_comes_after_what_is_whole() -> None:
    arrivals = Arrivals(ROOMY, ROOMY)
    arrivals.begin(plan(a=(A,), b=(B,)), set())
    arrivals.put(A, content(1))
    arrivals.fail(KeyError("lost"))
    assert arrivals.next_tensor() == (0, "a")
    with pytest.raises(KeyError):
        arrivals.next_tensor()


def test_closing_wakes_both_sides() -> None:
    arrivals = Arrivals(backlog_bytes=0, unplanned_bytes=0)
    arrivals.begin(plan(a=(A,), b=(B,)), set())
    with ThreadPoolExecutor(2) as others:
        putting = others.submit(arrivals.put, A, content(1))
        assert arrivals.next_tensor() == (0, "a")
        taking = others.submit(arrivals.next_tensor)
        threading.Event().wait(0)
        arrivals.close()
        assert putting.result(SECONDS) is False
        assert taking.result(SECONDS) is None
