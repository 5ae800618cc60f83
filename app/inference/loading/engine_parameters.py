"""Load options as llama.cpp's own structures."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.core.load_options import LoadOptions
from app.gguf_file.tensor_types import TYPE_NUMBERS
from app.machine.cores import usable_threads
from app.native.devices import Pointers, pointers_to, pointers_with_room
from app.native.library import engine_function, load_llama

_FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}
_EXPERTS_OF_LAYER = r"blk\.{}\.ffn_(up|down|gate|gate_up)_(ch|)exps"
"""The experts of a layer, as llama.cpp's --n-cpu-moe names them (common/common.h)."""


@dataclass(frozen=True)
class ModelParameters:
    """`llama_model_params`, and what it points to, which must live while the model is loaded."""

    structure: Any
    kept: tuple[object, ...]


class _BufferOverride(ctypes.Structure):
    """`llama_model_tensor_buft_override`: tensors of these names lie in that type of buffer."""

    _fields_ = (("pattern", ctypes.c_char_p), ("buffer_type", ctypes.c_void_p))


def model_parameters(
    options: LoadOptions,
    gpu_layers: int,
    experts_on_cpu: int,
    devices: Pointers | None,
    *,
    is_mapped: bool,
) -> ModelParameters:
    """How a model's weights are loaded, as `llama_model_params`.

    What is not set here has llama.cpp's default, which is llama-server's too
    (common_model_params_to_llama in common/common.cpp): layers are split over devices, tensors are
    not checked, and layers that foretell several tokens are left out.

    Args:
        options: What is not among the following.
        gpu_layers: The layers on devices, the output as one of them.
        experts_on_cpu: For how many of the first layers the experts stay in RAM.
        devices: As `app.native.rpc.add_workers` gives them; None for all of this machine. Without
            layers none is used: it would keep buffers for prompts, and end the process when full.
        is_mapped: Whether the file is mapped into memory, where the devices allow it.
    """
    llama = load_llama()
    structure = llama.llama_model_default_params()
    structure.n_gpu_layers = gpu_layers
    structure.load_mode = _load_mode(is_mapped=is_mapped, is_locked=options.memory_lock)
    structure.use_extra_bufts = options.extra_buffers
    kept: list[object] = []
    if gpu_layers == 0:
        devices = pointers_to(())
    elif devices is None:
        devices = pointers_with_room()
    if devices is not None:
        structure.devices = ctypes.addressof(devices)
        kept.append(devices)
    if options.device_shares:
        # llama.cpp reads one for each device that there is.
        shares = (ctypes.c_float * max(llama.llama_max_devices(), len(options.device_shares)))(
            *options.device_shares
        )
        structure.tensor_split = shares
        kept.append(shares)
    if experts_on_cpu:
        overrides = _in_ram(_EXPERTS_OF_LAYER.format(layer) for layer in range(experts_on_cpu))
        structure.tensor_buft_overrides = ctypes.addressof(overrides)
        kept.append(overrides)
    return ModelParameters(structure, tuple(kept))


def context_parameters(
    options: LoadOptions,
    tokens: int,
    *,
    sequences: int,
    reads_at_once: bool,
    all_outputs: bool = False,
) -> Any:
    """How a context of `tokens` is opened, as `llama_context_params`.

    What takes memory is as llama-server has it (common_context_params_to_llama in
    common/common.cpp, and what tools/server sets before), so that a load takes no more here.

    Args:
        options: What is not among the following.
        tokens: The size of the context.
        sequences: How many texts it holds at the same time; they share it.
        reads_at_once: Whether a text must be read in one micro-batch, all outputs being kept.
        all_outputs: Whether the outputs of all tokens of a batch may be asked for. Else it is one
            for each sequence: compute buffers have a row of logits for each that there may be.
    """
    parameters = load_llama().llama_context_default_params()
    parameters.n_ctx = tokens
    parameters.n_seq_max = sequences
    parameters.kv_unified = True
    parameters.swa_full = options.swa_full
    # A step has a token for each reply at least.
    parameters.n_batch = tokens if reads_at_once else max(options.batch, sequences)
    parameters.n_ubatch = tokens if reads_at_once else options.micro_batch
    # 0 is for as many as the batch has tokens.
    parameters.n_outputs_max = 0 if reads_at_once or all_outputs else sequences
    parameters.n_threads = options.threads or usable_threads()
    parameters.n_threads_batch = options.threads_batch or parameters.n_threads
    parameters.flash_attn_type = _FLASH_ATTENTION[options.flash_attention]
    parameters.type_k = TYPE_NUMBERS[options.cache_type_k]
    parameters.type_v = TYPE_NUMBERS[options.cache_type_v]
    parameters.offload_kqv = options.kv_on_device
    # llama-server times each step, and prints it at the end; nobody would read it here.
    parameters.no_perf = True
    return parameters


def _load_mode(*, is_mapped: bool, is_locked: bool) -> int:
    llama = load_llama()
    modes: dict[tuple[bool, bool], int] = {
        # Automatic: mapped, unless a device can't take its weights from there.
        (True, False): llama.LLAMA_LOAD_MODE_AUTO,
        (True, True): llama.LLAMA_LOAD_MODE_MMAP_MLOCK,
        (False, False): llama.LLAMA_LOAD_MODE_NONE,
        (False, True): llama.LLAMA_LOAD_MODE_MLOCK,
    }
    return modes[is_mapped, is_locked]


def _in_ram(patterns: Iterable[str]) -> ctypes.Array[_BufferOverride]:
    # llama.cpp knows it by its address, so it must come from the library that it uses itself.
    buffer_type_of_processor = engine_function("ggml_backend_cpu_buffer_type")
    buffer_type_of_processor.restype = ctypes.c_void_p
    buffer_type = buffer_type_of_processor()
    overrides = [_BufferOverride(pattern.encode(), buffer_type) for pattern in patterns]
    return (_BufferOverride * (len(overrides) + 1))(*overrides, _BufferOverride())
