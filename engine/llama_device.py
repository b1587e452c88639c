"""How much of a model goes to a GPU, decided from free memory and said in words."""

from __future__ import annotations

import ctypes
import importlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .llama_native import Native

SPARE_BYTES = 600 << 20
"""Left free on the GPU for compute buffers and the prompt's KV cells."""
_GPU_KINDS = (1, 2)
"""ggml's device types: discrete and integrated GPU."""


@dataclass(frozen=True, slots=True)
class Gpu:
    name: str
    """`CUDA0: NVIDIA H200`"""
    free: int
    """Bytes."""


def gpus() -> tuple[Gpu, ...]:
    """The GPUs that this build of llama.cpp can use."""
    api: Native = importlib.import_module("llama_cpp.llama_cpp")
    if not api.llama_supports_gpu_offload():
        return ()
    lib: Native = importlib.import_module("llama_cpp._ggml").libggml
    for function in (lib.ggml_backend_dev_get, lib.ggml_backend_dev_name, lib.ggml_backend_dev_description):
        function.restype = ctypes.c_void_p if function is lib.ggml_backend_dev_get else ctypes.c_char_p
    lib.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    lib.ggml_backend_dev_count.restype = ctypes.c_size_t
    return tuple(_gpus(lib))


def _gpus(lib: Native) -> Iterator[Gpu]:
    for i in range(lib.ggml_backend_dev_count()):
        device = ctypes.c_void_p(lib.ggml_backend_dev_get(i))
        if lib.ggml_backend_dev_type(device) in _GPU_KINDS:
            free, total = ctypes.c_size_t(), ctypes.c_size_t()
            lib.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
            name = lib.ggml_backend_dev_name(device).decode("utf-8", "replace")
            yield Gpu(f"{name}: {lib.ggml_backend_dev_description(device).decode('utf-8', 'replace')}", free.value)


def layers_that_fit(found: tuple[Gpu, ...], model_bytes: int, layers: int) -> int:
    """Layers to offload, the output layer counted as one more; 0 without a GPU."""
    room = sum(max(0, gpu.free - SPARE_BYTES) for gpu in found)
    return min(layers + 1, room * (layers + 1) // max(1, model_bytes))


def device_name(found: tuple[Gpu, ...], offloaded: int, layers: int, threads: int) -> str:
    """What really computes, from llama.cpp's own count of offloaded layers."""
    cpu = f"CPU, {threads} threads" if threads > 1 else "CPU, 1 thread"
    if offloaded:
        return f"{', '.join(gpu.name for gpu in found)}, {offloaded} of {layers + 1} layers"
    return f"{cpu} (no room on {', '.join(gpu.name for gpu in found)})" if found else cpu


# The number of layers must be known before loading; GGUF keeps it among the key-value pairs at the start of the file.

_FIXED = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9


def layer_count(path: Path) -> int:
    """`<architecture>.block_count` of a GGUF file. Raises ValueError when the header cannot be read."""
    with path.open("rb") as file:
        magic, _version, _tensors, pairs = struct.unpack("<4sIQQ", _exactly(file, 24))
        if magic != b"GGUF":
            raise ValueError("not a GGUF file")
        for _ in range(pairs):
            key = _string(file)
            (kind,) = struct.unpack("<I", _exactly(file, 4))
            if key.endswith(b".block_count") and kind in (4, 5):
                return int.from_bytes(_exactly(file, 4), "little")
            _skip(file, kind)
    raise ValueError("no layer count in the header")


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise ValueError("the header is cut off")
    return data


def _string(file: BinaryIO) -> bytes:
    (length,) = struct.unpack("<Q", _exactly(file, 8))
    if length > 1 << 20:
        raise ValueError("the header holds an impossible length")
    return _exactly(file, length)


def _skip(file: BinaryIO, kind: int) -> None:
    if kind in _FIXED:
        file.seek(_FIXED[kind], 1)
    elif kind == _STRING:
        _string(file)
    elif kind == _ARRAY:
        inner, length = struct.unpack("<IQ", _exactly(file, 12))
        if inner in _FIXED:
            file.seek(_FIXED[inner] * length, 1)
        else:
            for _ in range(length):
                _skip(file, inner)
    else:
        raise ValueError("the header holds an unknown kind of value")
