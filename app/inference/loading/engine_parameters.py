"""Convert load options to llama.cpp's structures."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.core.llama_parameters import context_values, expert_patterns, load_mode
from app.core.load_options import LoadOptions
from app.machine.cores import usable_threads
from app.native.devices import Pointers, pointers_to, pointers_with_room
from app.native.library import engine_function, load_llama


@dataclass(frozen=True)
class ModelParameters:
    """`llama_model_params`, and the objects it points to, which must outlive the loaded model."""

    structure: Any
    kept: tuple[object, ...]


class _BufferOverride(ctypes.Structure):
    """`llama_model_tensor_buft_override`: tensors matching a pattern use that type of buffer."""

    _fields_ = (("pattern", ctypes.c_char_p), ("buffer_type", ctypes.c_void_p))


def model_parameters(
    options: LoadOptions,
    gpu_layers: int,
    experts_on_cpu: int,
    devices: Pointers | None,
    *,
    is_mapped: bool,
) -> ModelParameters:
    """Return `llama_model_params` for loading a model's weights.

    Everything not set here has llama.cpp's default, which is llama-server's too
    (common_model_params_to_llama in common/common.cpp): layers are split across devices, tensors
    are not checked, and layers for multi-token prediction are left out.

    Args:
        options: Everything not among the following.
        gpu_layers: The number of layers on devices, counting the output as one.
        experts_on_cpu: The number of first layers whose experts stay in RAM.
        devices: As `app.native.rpc.add_workers` returns them; None for all of this machine.
            Without layers none is used: it would allocate buffers for prompts, and end the process
            when full.
        is_mapped: Whether the file is mapped into memory, if the devices allow it.
    """
    llama = load_llama()
    structure = llama.llama_model_default_params()
    structure.n_gpu_layers = gpu_layers
    structure.load_mode = load_mode(is_mapped=is_mapped, is_locked=options.memory_lock)
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
        # llama.cpp reads one value for each device that exists.
        shares = (ctypes.c_float * max(llama.llama_max_devices(), len(options.device_shares)))(
            *options.device_shares
        )
        structure.tensor_split = shares
        kept.append(shares)
    if experts_on_cpu:
        overrides = _in_ram(expert_patterns(experts_on_cpu))
        structure.tensor_buft_overrides = ctypes.addressof(overrides)
        kept.append(overrides)
    return ModelParameters(structure, tuple(kept))


def context_parameters(
    options: LoadOptions,
    tokens: int,
    *,
    sequences: int,
    single_batch: bool,
    all_outputs: bool = False,
) -> Any:
    """Return `llama_context_params` for opening a context of `tokens` tokens.

    Everything that takes memory is set as in llama-server (common_context_params_to_llama in
    common/common.cpp, and what tools/server sets before it), so that a load takes no more here.

    Args:
        options: Everything not among the following.
        tokens: The size of the context.
        sequences: The number of sequences that share it.
        single_batch: Whether a prompt must be evaluated in one micro-batch, keeping all outputs.
        all_outputs: Whether the outputs of all tokens of a batch are needed. Otherwise there is
            one for each sequence: compute buffers have a row of logits for each possible output.
    """
    parameters = load_llama().llama_context_default_params()
    for name, value in context_values(options, tokens, usable_threads()).items():
        setattr(parameters, name, value)
    parameters.n_seq_max = sequences
    parameters.kv_unified = True
    # A step has at least one token for each reply.
    parameters.n_batch = tokens if single_batch else max(options.batch, sequences)
    parameters.n_ubatch = tokens if single_batch else options.micro_batch
    # 0: as many as the batch has tokens.
    parameters.n_outputs_max = 0 if single_batch or all_outputs else sequences
    # llama-server times each step, and prints the times at the end; not needed here.
    parameters.no_perf = True
    return parameters


def _in_ram(patterns: Iterable[str]) -> ctypes.Array[_BufferOverride]:
    # llama.cpp compares addresses, so it must come from the library that llama.cpp itself uses.
    cpu_buffer_type = engine_function("ggml_backend_cpu_buffer_type")
    cpu_buffer_type.restype = ctypes.c_void_p
    buffer_type = cpu_buffer_type()
    overrides = [_BufferOverride(pattern.encode(), buffer_type) for pattern in patterns]
    return (_BufferOverride * (len(overrides) + 1))(*overrides, _BufferOverride())
