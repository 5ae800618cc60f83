"""Benchmark the rates of a device in this process; `machine_rates` does so in a child.

Matrix products and attention are timed one by one in ggml (app.native.throughput). The fixed costs
of a step are measured on models with tiny weights: with one layer and with several for a token, and
on a wider one for the elements of a prompt.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from app.core.device_memory import PROCESSOR
from app.core.files import temporary_folder
from app.core.load_options import LoadOptions
from app.estimation.rates import COSTS, DeviceRates, MachineRates
from app.gguf_file.model import read_model
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.inference.loading.loaded_model import LoadRequest, opened_model
from app.inference.self_test.probe_model import TinyModel, write_tiny_model
from app.inference.self_test.safe_settings import Countermeasure, EngineSetting
from app.inference.tokens.decoding import BatchPart, Decoder
from app.inference.tokens.vocabulary import Vocabulary
from app.machine.contention import MAX_CONTENTION, Contention, share_of_others
from app.native.bandwidth import memory_bandwidth
from app.native.throughput import Bench, BenchDevice, open_bench
from app.native.timing import median_seconds

PROMPT_TOKENS = 512
"""Tokens read at once: llama.cpp's default micro-batch."""

_CONTEXT = 1024
_FEW_TOKENS = 32
_LOOK_SECONDS = 0.2
_SHALLOW = TinyModel(width=64, feed_forward=64, heads=1, layers=1, context=_CONTEXT)
_DEEP = replace(_SHALLOW, layers=9)
_WIDE = TinyModel(width=512, feed_forward=1536, heads=8, layers=4, context=_CONTEXT)
_WIDE_TYPE = "Q8_0"
_LAYER_PRODUCTS = 7
"""Query, key, value and output of the attention; gate, up and down."""
_NUMBERS = {tensor_type.name: number for number, tensor_type in TENSOR_TYPES.items()}


@dataclass(frozen=True)
class BenchmarkRequest:
    """The setup of a benchmark: threads, workers, and the engine features to leave out.

    With `single_thread`, one thread is timed while other programs are busy.
    """

    threads: int
    workers: tuple[str, ...] = ()
    disabled_features: tuple[Countermeasure, ...] = ()
    single_thread: bool = False


def measure_device(
    device: str, types: Iterable[str], request: BenchmarkRequest, *, with_costs: bool
) -> Iterator[MachineRates]:
    """Yield the rates of a device for types of weights, one by one as they are measured.

    `with_costs` first yields the costs that depend on no type. The devices of workers must have
    been added.

    While other programs keep the processors busy, threads that wait for each other also wait for
    those programs, a hundred times as long as the work takes. A single thread is timed then, by its
    CPU time, and the rates are marked as disturbed.

    Raises:
        AppError: `speed_unmeasured`, and errors of loading a model.
    """
    share = share_of_others(_LOOK_SECONDS)
    with open_bench(_place(device, request)) as bench:
        for part in (*([COSTS] if with_costs else ()), *types):
            contention, rates = Contention(), None
            if share <= MAX_CONTENTION:
                rates = _measure_part(part, bench, device, request)
                share = contention.share()
            if rates is None or share > MAX_CONTENTION:
                rates = _measure_disturbed(part, bench, device, request)
                share = contention.share()
            yield MachineRates(request.threads, {device: rates})


def _measure_disturbed(
    part: str, bench: Bench, device: str, request: BenchmarkRequest
) -> DeviceRates:
    if device != PROCESSOR:
        return _measure_part(part, bench, device, request).as_disturbed()
    single, threads = replace(request, single_thread=True), request.threads
    with open_bench(_place(device, single)) as single_bench:
        one = _measure_part(part, single_bench, device, single)
    # Several threads are limited by the memory, and no slower than one.
    maximum = max(_bandwidth(threads), *one.generation.values())
    return replace(
        one,
        bandwidth=None if one.bandwidth is None else maximum,
        generation={name: min(rate * threads, maximum) for name, rate in one.generation.items()},
        prompt={name: rate * threads for name, rate in one.prompt.items()},
        attention=_times(one.attention, threads),
        prompt_attention=_times(one.prompt_attention, threads),
        element_seconds=_times(one.element_seconds, 1 / threads),
    ).as_disturbed()


@functools.cache
def _bandwidth(threads: int) -> float:
    """Return the memory bandwidth, measured once: it limits the rates of all types."""
    return memory_bandwidth(threads)


def _place(device: str, request: BenchmarkRequest) -> BenchDevice:
    return BenchDevice(
        device,
        request.threads,
        "extra_buffers" not in request.disabled_features,
        request.single_thread,
    )


def _measure_part(part: str, bench: Bench, device: str, request: BenchmarkRequest) -> DeviceRates:
    return _costs(bench, device, request) if part == COSTS else _rates_of(bench, part)


def _rates_of(bench: Bench, name: str) -> DeviceRates:
    number = _NUMBERS[name]
    generation, prompt = bench.generation_rate(number), bench.prompt_rate(number)
    return DeviceRates({name: generation or 0.0}, {name: prompt or 0.0})


def _costs(bench: Bench, device: str, request: BenchmarkRequest) -> DeviceRates:
    attention, prompt_attention = _attention_rates(bench, request)
    shallow, deep = (_token_seconds(model, device, request) for model in (_SHALLOW, _DEEP))
    layer_seconds = max(0.0, deep - shallow) / (_DEEP.layers - _SHALLOW.layers)
    matrix_overhead_seconds = bench.matrix_overhead_seconds(_NUMBERS[_WIDE_TYPE])
    rates = _rates_of(bench, _WIDE_TYPE)
    rates = replace(
        rates,
        attention=attention,
        prompt_attention=prompt_attention,
        # Products of this type are limited by memory on every device.
        bandwidth=_bandwidth(request.threads)
        if device == PROCESSOR
        else rates.generation[_WIDE_TYPE],
        token_seconds=max(0.0, shallow - layer_seconds * _SHALLOW.layers),
        # The weights of the timed models are in the CPU caches; those of real models are not.
        layer_seconds=layer_seconds + _LAYER_PRODUCTS * matrix_overhead_seconds,
    )
    return replace(rates, element_seconds=_element_seconds(rates, device, request))


def _attention_rates(bench: Bench, request: BenchmarkRequest) -> tuple[float, float]:
    if "flash_attention" not in request.disabled_features:
        token, prompt = bench.attention_rate(1), bench.attention_rate(PROMPT_TOKENS)
        if token and prompt:
            return token, prompt
    # Without it, keys and values are plain matrices: two operations per element.
    number = _NUMBERS["F16"]
    token, prompt = bench.generation_rate(number), bench.prompt_rate(number)
    return (token or 0.0) / TENSOR_TYPES[number].block_bytes, (prompt or 0.0) / 2


def _element_seconds(rates: DeviceRates, device: str, request: BenchmarkRequest) -> float:
    """Return the time per element of a prompt not accounted for by products and attention."""
    model, head_length = _WIDE, _WIDE.width // _WIDE.heads
    weights = sum(math.prod(shape) for shape in model.matrices(0).values())
    pairs = PROMPT_TOKENS * (PROMPT_TOKENS + 1) // 2
    seconds = _seconds_of(model, device, request, PROMPT_TOKENS)
    if rates.prompt[_WIDE_TYPE]:
        seconds -= 2 * weights * PROMPT_TOKENS / rates.prompt[_WIDE_TYPE]
    if rates.prompt_attention:
        seconds -= model.layers * model.heads * 2 * head_length * pairs / rates.prompt_attention
    return max(0.0, seconds) / (PROMPT_TOKENS * model.width * model.layers)


def _times(rate: float | None, factor: float) -> float | None:
    return None if rate is None else rate * factor


def _token_seconds(model: TinyModel, device: str, request: BenchmarkRequest) -> float:
    return _seconds_of(model, device, request, 1)


def _seconds_of(model: TinyModel, device: str, request: BenchmarkRequest, tokens: int) -> float:
    """Return the seconds a model takes to read this many tokens at once, in a short context."""
    with temporary_folder() as folder:
        path = folder / "tiny.gguf"
        write_tiny_model(path, model)
        threads = 1 if request.single_thread else request.threads
        options = LoadOptions(
            context=model.context,
            gpu_layers=0 if device == PROCESSOR else None,
            threads=threads,
            threads_batch=threads,
        )
        load = LoadRequest(
            model=read_model(path),
            options=EngineSetting(request.disabled_features).applied_to(options),
            workers=request.workers,
        )
        with opened_model(load, lambda _: None) as loaded:
            decoder = Decoder(loaded, path.name, Vocabulary(loaded.model).size)
            positions = itertools.cycle(range(0, max(tokens, _FEW_TOKENS), tokens))

            def read() -> None:
                _read(decoder, next(positions), tokens)

            # The first run warms up.
            read()
            return median_seconds(read, single_thread=request.single_thread)


def _read(decoder: Decoder, position: int, tokens: int) -> None:
    if position == 0:
        decoder.forget(0)
    (last,) = decoder.evaluate([BatchPart(0, position, [0] * tokens, wants_logits=True)])
    # The device may still be computing until the logits are read.
    decoder.logits(last)
