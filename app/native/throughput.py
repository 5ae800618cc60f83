"""Time individual ggml operations on a device: matrix products and attention.

They run through ggml's own graphs, in the buffer types that llama.cpp would put weights into, so
that a type's rate is that of the kernel that a model meets, repacked where it would be repacked.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.native.devices import device_pointer
from app.native.graph import Tensor
from app.native.huge_pages import request_huge_pages
from app.native.library import load_ggml_base
from app.native.quantization import quantize_rows, row_size_bytes
from app.native.timing import median_seconds

_F32, _F16 = 0, 1
_WIDTH = 2048
_TILE_ROWS = 16
_COLD_BYTES = 256 * 2**20
"""So large that no cache holds it from one product to the next."""
_PROMPT_TOKENS = 512
_PROMPT_ROWS = (2048, 16384, 65536)
_HEADS, _KV_HEADS, _HEAD_LENGTH = 32, 8, 128
_LONG_CONTEXT = 8192
_SMALL_WIDTH, _SMALL_ROWS, _TINY, _MANY = 512, 1024, 64, 256
_TENSORS = 2 * _MANY + 8
_WORTH_TIMING_SECONDS = 0.005


class _InitParameters(ctypes.Structure):
    """`struct ggml_init_params` of ggml.h."""

    _fields_ = (
        ("mem_size", ctypes.c_size_t),
        ("mem_buffer", ctypes.c_void_p),
        ("no_alloc", ctypes.c_bool),
    )


@dataclass(frozen=True)
class BenchDevice:
    """A device by ggml's name, and its options; `threads` matters only on the processor.

    With `single_thread` a single thread is timed there, next to other programs.
    """

    device: str
    threads: int
    has_extra_buffers: bool = True
    single_thread: bool = False


@contextmanager
def open_bench(bench_device: BenchDevice) -> Iterator[Bench]:
    """Provide a device to time operations on, while the block runs.

    Raises:
        AppError: `engine_missing`; `speed_unmeasured` when there is no such device.
    """
    device = device_pointer(bench_device.device)
    if not device:
        raise AppError(
            ErrorCode.SPEED_UNMEASURED,
            reason=tr("there is no device {device}", device=bench_device.device),
        )
    base = _ggml()
    backend = base.ggml_backend_dev_init(device, None)
    if not backend:
        raise AppError(
            ErrorCode.SPEED_UNMEASURED,
            reason=tr("{device} does not start", device=bench_device.device),
        )
    try:
        _set_threads(device, backend, 1 if bench_device.single_thread else bench_device.threads)
        yield Bench(device, backend, bench_device)
    finally:
        base.ggml_backend_free(backend)


@dataclass(frozen=True)
class _MatrixProducts:
    """Products of several matrices of equal shape, in turn, by several tokens."""

    type_number: int
    rows: int
    width: int = _WIDTH
    count: int = 1
    tokens: int = 1

    @property
    def whole_rows(self) -> int:
        return self.rows // _TILE_ROWS * _TILE_ROWS

    @property
    def size_bytes(self) -> int:
        return self.count * self.whole_rows * row_size_bytes(self.type_number, self.width)

    def content(self) -> npt.NDArray[np.uint8]:
        """Make a matrix of repeating rows, because quantizing to some types is slow."""
        importance = np.ones(self.width, dtype=np.float32)
        tile = quantize_rows(self.type_number, _random((_TILE_ROWS, self.width)), importance)
        return np.tile(tile, (self.whole_rows // _TILE_ROWS, 1))


class Bench:
    """Times individual operations on one device."""

    def __init__(self, device: int, backend: int, bench_device: BenchDevice) -> None:
        self._device = device
        self._backend = backend
        self._alone = bench_device.single_thread
        self._own_buffers = _ggml().ggml_backend_dev_buffer_type(device)
        self._weight_buffers: list[int] = [
            *(_extra_buffer_types(device) if bench_device.has_extra_buffers else ()),
            self._own_buffers,
        ]

    def generation_rate(self, type_number: int) -> float | None:
        """Return how many bytes of weights of a type are multiplied per second, token by token.

        None where the device has no kernel for the type.
        """
        large = _MatrixProducts(
            type_number, rows=_COLD_BYTES // row_size_bytes(type_number, _WIDTH)
        )
        seconds = self._product_seconds(large)
        return None if seconds is None else large.size_bytes / seconds

    def prompt_rate(self, type_number: int) -> float | None:
        """Return floating-point operations per second on weights of a type, 512 tokens at once.

        None where the device has no kernel for the type.
        """
        for rows in _PROMPT_ROWS:
            products = _MatrixProducts(type_number, rows=rows, tokens=_PROMPT_TOKENS)
            seconds = self._product_seconds(products)
            if seconds is None or seconds > _WORTH_TIMING_SECONDS:
                break
        return None if seconds is None else 2 * rows * _WIDTH * _PROMPT_TOKENS / seconds

    def matrix_overhead_seconds(self, type_number: int) -> float:
        """Measure the fixed cost of a matrix in memory, excluding the time for its bytes.

        Less what it costs to begin with one that lies in the caches.
        """
        cold = _MatrixProducts(type_number, _SMALL_ROWS, _SMALL_WIDTH, count=_MANY)
        hot = _MatrixProducts(type_number, _TINY, _TINY, count=_MANY)
        cold_seconds, hot_seconds = self._product_seconds(cold), self._product_seconds(hot)
        rate = self.generation_rate(type_number)
        if not cold_seconds or not hot_seconds or not rate:
            return 0.0
        return max(0.0, cold_seconds - cold.size_bytes / rate - hot_seconds) / _MANY

    def attention_rate(self, tokens: int) -> float | None:
        """Return how many key and value elements the heads read per second, counted per head.

        With one token from a long cache, with several each of them from those before it. None
        where the device has no flash attention.
        """
        positions = _LONG_CONTEXT if tokens == 1 else tokens
        seconds = self._attention_seconds(tokens, positions)
        pairs = positions if tokens == 1 else tokens * (tokens + 1) // 2
        elements = _HEADS * 2 * _HEAD_LENGTH * pairs
        return None if seconds is None else elements / seconds

    def _product_seconds(self, products: _MatrixProducts) -> float | None:
        base, number = _ggml(), products.type_number
        with _contexts(2) as (weights, work), ExitStack() as buffers:
            matrices = [
                base.ggml_new_tensor_2d(weights, number, products.width, products.whole_rows)
                for _ in range(products.count)
            ]
            tokens = base.ggml_new_tensor_2d(work, _F32, products.width, products.tokens)
            results = [base.ggml_mul_mat(work, matrix, tokens) for matrix in matrices]
            buffer_type = self._weight_buffer_type(matrices[0], results[0])
            if buffer_type is None:
                return None
            buffers.enter_context(_allocated(weights, buffer_type))
            buffers.enter_context(_allocated(work, self._own_buffers))
            content = products.content()
            for matrix in matrices:
                _fill(matrix, content)
            _fill(tokens, _random((products.tokens, products.width)))
            return self._usual_seconds(work, results)

    def _attention_seconds(self, tokens: int, positions: int) -> float | None:
        with _contexts(1) as (work,):
            base = _ggml()
            query = base.ggml_new_tensor_3d(work, _F32, _HEAD_LENGTH, tokens, _HEADS)
            keys = base.ggml_new_tensor_3d(work, _F16, _HEAD_LENGTH, positions, _KV_HEADS)
            values = base.ggml_new_tensor_3d(work, _F16, _HEAD_LENGTH, positions, _KV_HEADS)
            mask = base.ggml_new_tensor_2d(work, _F16, positions, tokens)
            scale = _HEAD_LENGTH**-0.5
            seen = base.ggml_flash_attn_ext(work, query, keys, values, mask, scale, 0.0, 0.0)
            if not base.ggml_backend_dev_supports_op(self._device, seen):
                return None
            with _allocated(work, self._own_buffers):
                _fill(query, _random((_HEADS, tokens, _HEAD_LENGTH)))
                for cache in (keys, values):
                    shape = (_KV_HEADS, positions, _HEAD_LENGTH)
                    _fill(cache, _random(shape).astype(np.float16))
                hidden = np.triu(np.full((tokens, positions), -np.inf), positions - tokens + 1)
                _fill(mask, hidden.astype(np.float16))
                return self._usual_seconds(work, [seen])

    def _weight_buffer_type(self, matrix: int, product: int) -> int | None:
        """Return the first buffer type that supports the matrix, like llama.cpp."""
        base = _ggml()
        for buffer_type in self._weight_buffers:
            buffer = base.ggml_backend_buft_alloc_buffer(buffer_type, 0)
            tensor = Tensor.from_address(matrix)
            tensor.buffer = buffer
            try:
                if base.ggml_backend_dev_supports_op(self._device, product):
                    return buffer_type
            finally:
                tensor.buffer = None
                base.ggml_backend_buffer_free(buffer)
        return None

    def _usual_seconds(self, work: int, results: Sequence[int]) -> float:
        base = _ggml()
        graph = base.ggml_new_graph(work)
        for result in results:
            base.ggml_build_forward_expand(graph, result)

        first_value = ctypes.c_float()

        def compute() -> None:
            if base.ggml_backend_graph_compute(self._backend, graph):
                raise AppError(ErrorCode.SPEED_UNMEASURED, reason=tr("the device computes nothing"))
            # A worker may still be computing until the result is read.
            size_bytes = ctypes.sizeof(first_value)
            base.ggml_backend_tensor_get(results[-1], ctypes.byref(first_value), 0, size_bytes)

        compute()
        return median_seconds(compute, single_thread=self._alone)


@contextmanager
def _contexts(count: int) -> Iterator[list[int]]:
    """Contexts of ggml for a few tensors each, whose data is allocated elsewhere."""
    base = _ggml()
    size = _TENSORS * base.ggml_tensor_overhead() + base.ggml_graph_overhead()
    contexts = [base.ggml_init(_InitParameters(size, None, True)) for _ in range(count)]
    try:
        yield contexts
    finally:
        for context in contexts:
            base.ggml_free(context)


@contextmanager
def _allocated(context: int, buffer_type: int) -> Iterator[None]:
    base = _ggml()
    buffer = base.ggml_backend_alloc_ctx_tensors_from_buft(context, buffer_type)
    if not buffer:
        raise AppError(ErrorCode.SPEED_UNMEASURED, reason=tr("there is not enough free memory"))
    # As a model's weights have them.
    request_huge_pages()
    try:
        yield
    finally:
        base.ggml_backend_buffer_free(buffer)


def _fill(tensor: int, content: npt.NDArray[Any]) -> None:
    _ggml().ggml_backend_tensor_set(tensor, content.ctypes.data, 0, content.nbytes)


def _random(shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def _set_threads(device: int, backend: int, threads: int) -> None:
    """Set the threads of the processor's backend; others have no such function."""
    address = _function_of(device, b"ggml_backend_set_n_threads")
    if address:
        ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int)(address)(backend, threads)


def _extra_buffer_types(device: int) -> Iterator[int]:
    """Yield the buffer types that repack weights (make_cpu_buft_list in src/llama-model.cpp)."""
    address = _function_of(device, b"ggml_backend_dev_get_extra_bufts")
    if not address:
        return
    get = ctypes.CFUNCTYPE(ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)(address)
    found = get(device)
    place = 0
    while found and found[place]:
        yield found[place]
        place += 1


def _function_of(device: int, name: bytes) -> int | None:
    base = _ggml()
    registry = base.ggml_backend_dev_backend_reg(device)
    address: int | None = base.ggml_backend_reg_get_proc_address(registry, name)
    return address


@functools.cache
def _ggml() -> ctypes.CDLL:
    pointer, number, size = ctypes.c_void_p, ctypes.c_int64, ctypes.c_size_t
    kind, real = ctypes.c_int, ctypes.c_float
    library = load_ggml_base()
    for name, result, arguments in (
        ("ggml_init", pointer, (_InitParameters,)),
        ("ggml_free", None, (pointer,)),
        ("ggml_tensor_overhead", size, ()),
        ("ggml_graph_overhead", size, ()),
        ("ggml_new_tensor_2d", pointer, (pointer, kind, number, number)),
        ("ggml_new_tensor_3d", pointer, (pointer, kind, number, number, number)),
        ("ggml_mul_mat", pointer, (pointer,) * 3),
        ("ggml_flash_attn_ext", pointer, (*(pointer,) * 5, real, real, real)),
        ("ggml_new_graph", pointer, (pointer,)),
        ("ggml_build_forward_expand", None, (pointer, pointer)),
        ("ggml_backend_dev_init", pointer, (pointer, ctypes.c_char_p)),
        ("ggml_backend_free", None, (pointer,)),
        ("ggml_backend_dev_buffer_type", pointer, (pointer,)),
        ("ggml_backend_dev_supports_op", ctypes.c_bool, (pointer, pointer)),
        ("ggml_backend_dev_backend_reg", pointer, (pointer,)),
        ("ggml_backend_reg_get_proc_address", pointer, (pointer, ctypes.c_char_p)),
        ("ggml_backend_buft_alloc_buffer", pointer, (pointer, size)),
        ("ggml_backend_alloc_ctx_tensors_from_buft", pointer, (pointer, pointer)),
        ("ggml_backend_buffer_free", None, (pointer,)),
        ("ggml_backend_tensor_set", None, (pointer, pointer, size, size)),
        ("ggml_backend_tensor_get", None, (pointer, pointer, size, size)),
        ("ggml_backend_graph_compute", kind, (pointer, pointer)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
