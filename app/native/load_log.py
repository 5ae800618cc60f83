"""Parse llama.cpp's log of a load: the device of each layer, caches, buffers.

A load without allocation logs every size but those of the buffers that it leaves empty: weights
(known from the file) and caches (logged as a whole besides). A buffer that is mapped from the file
is logged with all that lies between its tensors there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.core.device_memory import PROCESSOR

_MEBIBYTE = 2**20
_LAYER_DEVICE = re.compile(r"load_tensors: layer +\d+ assigned to device (\S+),")
_TENSOR = re.compile(r"loading tensor (\S+)$")
_CACHE_LAYER = re.compile(r"(?:llama_kv_cache:|llama_memory_recurrent,) layer +(\d+): dev = (\S+)$")
_CACHE_SIZE = re.compile(
    r"(?:llama_kv_cache|llama_memory_recurrent): size = +([\d.]+) MiB \( *(\d+) cells,"
    r"[^)]*?(\d+)(?:/\d+)? seqs[^)]*\)"
    r".*?(?:K \((\w+)\): +([\d.]+) MiB, V \((\w+)\): +([\d.]+) MiB)?$"
)
_BUFFER = re.compile(r": +(\S+) +(model|KV|RS|output|compute) buffer size = +([\d.]+) MiB")
_WORKER_DEVICE = re.compile(r": using device (\S+) \(([^()\s]+:\d+)\) \(")
_WORKER_BUFFER = re.compile(r"RPC(\d+)\[(.+)\]")
_UNKNOWN_CACHE = "state buffer size ="


@dataclass(frozen=True)
class Cache:
    """A KV cache or recurrent states: cells, size, layers, and the device of each layer.

    One of keys and values has a cell for each token, at most as many as a sliding window needs,
    and the size and type of each of the two; one of recurrent layers has a cell for each sequence.
    `sequences` is how many there may be.
    """

    cells: int
    size_bytes: int
    layers: tuple[int, ...]
    devices: tuple[str, ...]
    key_bytes: int = 0
    key_type: str = ""
    value_bytes: int = 0
    value_type: str = ""
    sequences: int = 1


@dataclass(frozen=True)
class LoadLog:
    """The facts in the log of a load.

    `layer_devices` has the device of each layer, the output's last; `asked_tensors` are the names
    in the order in which llama.cpp asked for them. Buffer sizes are in bytes by the buffer's name,
    which begins with its device's. A load that failed is not complete, nor is one with caches that
    grow by different rules (DeepSeek 4's).
    """

    layer_devices: tuple[str, ...]
    asked_tensors: tuple[str, ...]
    caches: tuple[Cache, ...]
    model_buffers: dict[str, int] = field(default_factory=dict)
    cache_buffers: dict[str, int] = field(default_factory=dict)
    compute_buffers: dict[str, int] = field(default_factory=dict)
    is_complete: bool = False


def read_load_log(text: str) -> LoadLog:
    """Parse the log of one load and one context, with llama.cpp's debug lines.

    Sizes are as exact as the log: to 0.01 MiB.
    """
    buffers: dict[str, Counter[str]] = {
        kind: Counter() for kind in ("model", "KV", "RS", "output", "compute")
    }
    workers = _worker_devices(text)
    for logged_name, kind, mebibytes in _BUFFER.findall(text):
        name = _qualified_buffer_name(logged_name, workers)
        buffers[kind][name] += _bytes(mebibytes)
    return LoadLog(
        layer_devices=tuple(match[1] for match in _LAYER_DEVICE.finditer(text)),
        asked_tensors=tuple(
            match[1] for line in text.splitlines() if (match := _TENSOR.search(line))
        ),
        caches=tuple(_caches(text)),
        model_buffers=dict(buffers["model"]),
        cache_buffers=dict(buffers["KV"] + buffers["RS"]),
        compute_buffers=dict(buffers["compute"] + buffers["output"]),
        is_complete=bool(buffers["compute"]) and _UNKNOWN_CACHE not in text,
    )


def _worker_devices(text: str) -> dict[str, list[str]]:
    """Return the devices of each worker, in order, by its address."""
    workers: dict[str, list[str]] = {}
    for device, address in _WORKER_DEVICE.findall(text):
        workers.setdefault(address, []).append(device)
    return workers


def _qualified_buffer_name(buffer: str, workers: Mapping[str, Sequence[str]]) -> str:
    """Return a buffer's name with its device's: a worker's buffers carry only the number."""
    match = _WORKER_BUFFER.fullmatch(buffer)
    if match is None or int(match[1]) >= len(workers.get(match[2], ())):
        return buffer
    return f"{workers[match[2]][int(match[1])]}[{match[2]}]"


def device_lines(text: str) -> str:
    """Return the lines of a model's log that are needed to parse the log of each context."""
    return "".join(match[0] + "\n" for match in _WORKER_DEVICE.finditer(text))


def by_device(buffers: Mapping[str, int], devices: Iterable[str]) -> dict[str, int]:
    """Return sizes by device: the one whose name is a prefix of the buffer's name, else the CPU."""
    known = sorted(set(devices) - {PROCESSOR}, key=len, reverse=True)
    sizes: Counter[str] = Counter()
    for buffer, size_bytes in buffers.items():
        sizes[next((name for name in known if buffer.startswith(name)), PROCESSOR)] += size_bytes
    return dict(sizes)


def _caches(text: str) -> Iterator[Cache]:
    layers: list[tuple[int, str]] = []
    for line in text.splitlines():
        if match := _CACHE_LAYER.match(line):
            layers.append((int(match[1]), match[2]))
        elif match := _CACHE_SIZE.match(line):
            size, cells, sequences, key_type, keys, value_type, values = match.groups()
            numbers, devices = zip(*layers, strict=True) if layers else ((), ())
            yield Cache(
                cells=int(cells),
                size_bytes=_bytes(size),
                layers=numbers,
                devices=devices,
                key_bytes=_bytes(keys or "0"),
                key_type=key_type or "",
                value_bytes=_bytes(values or "0"),
                value_type=value_type or "",
                sequences=int(sequences),
            )
            layers = []


def _bytes(mebibytes: str) -> int:
    return round(float(mebibytes) * _MEBIBYTE)
