"""Trained weights to GGUF: a LoRA as an adapter over the unchanged base, or merged with the base file as its template.

    adapter_model.safetensors ─names, llama's row order─▶ adapter.gguf        knows its base by SHA-256
    all weights ─names, row order, the base's metadata─▶ float16 ─llama.cpp─▶ Q8_0 or Q6_K

An adapter is the default: merged and quantised to 4 bits again, a small difference snaps back to the base's grid and is
lost (measured: 94 %). So nothing below 6 bits is written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Container, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from ..engine.errors import BadEnvironment, BadInput
from .base import Base
from .libraries import Array, Library, Net, library


class Quantisation(StrEnum):
    """What a merged model is written as."""

    Q8_0 = "Q8_0"
    Q6_K = "Q6_K"


_LLAMA_CPP_NUMBER = {Quantisation.Q8_0: 7, Quantisation.Q6_K: 18}
WRITTEN_BY_WRITER = frozenset(("GGUF.version", "GGUF.tensor_count", "GGUF.kv_count", "general.architecture"))
"""Fields that gguf's writer writes by itself."""
_PREFIX = "base_model.model."
_PARTS = {".lora_A.weight": ".lora_a", ".lora_B.weight": ".lora_b"}


def write_adapter(weights: Path, base: Base, out: Path) -> None:
    """The LoRA in the folder `weights` as a GGUF adapter that names its base by SHA-256.

    Raises BadInput for what an adapter file cannot say (biases, whole layers), BadEnvironment when the disk is full.
    """
    from ..engine.llama_adapter import BASE_KEY  # here: it needs numpy, which only some extras bring

    config = json.loads((weights / "adapter_config.json").read_text(encoding="utf-8"))
    odd = [
        name for name in ("use_dora", "use_rslora", "modules_to_save", "rank_pattern", "alpha_pattern") if config[name]
    ]
    if odd or config["bias"] != "none":
        raise BadInput(f"{weights} uses {', '.join(odd) or 'biases'}, which a GGUF adapter cannot hold; train without.")
    names, shape = _Names(base), _shape(base)
    gguf = library("gguf")
    writer = gguf.GGUFWriter(out, base.architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(config["lora_alpha"]))
    writer.add_string(BASE_KEY, base.sha256)
    tensors: Mapping[str, Library] = library("safetensors.torch").load_file(str(weights / "adapter_model.safetensors"))
    for key, tensor in sorted(tensors.items()):
        part = next((part for part in _PARTS if key.endswith(part)), None)
        if part is None or not key.startswith(_PREFIX):
            raise BadInput(f"{weights} holds {key}, which is no part of a LoRA; train again.")
        name = names.of(key.removeprefix(_PREFIX).removesuffix(part) + ".weight")
        array = tensor.float().numpy()
        if part == ".lora_B.weight":  # its rows are the layer's outputs
            array = _reordered(array, name, base.architecture, shape)
        writer.add_tensor(name + _PARTS[part], library("numpy").ascontiguousarray(array))
    finish(writer, out)


def write_merged(net: Net, base: Base, out: Path, kind: Quantisation) -> None:
    """The whole net as a model file; tokenizer, chat template and the rest of the metadata are the base file's.

    Raises BadEnvironment when the disk is full or llama.cpp refuses to quantise.
    """
    gguf = library("gguf")
    reader = gguf.GGUFReader(base.gguf)
    half = out.with_name(f".{out.name}.f16")
    writer = gguf.GGUFWriter(half, base.architecture)
    copy_metadata(reader, writer, without={*WRITTEN_BY_WRITER, "general.file_type"})
    found = dict(_named(net, base))
    for tensor in reader.tensors:
        if tensor.name not in found:  # tables of the architecture, as frequencies: not trained
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        else:
            array = found[tensor.name]
            writer.add_tensor(tensor.name, array if array.ndim == 1 else array.astype("float16"))
    try:
        finish(writer, half)
        quantise(half, out, kind)
    finally:
        half.unlink(missing_ok=True)


_QUANTISE = """\
import ctypes, os, sys
from llama_cpp import llama_cpp as api
params = api.llama_model_quantize_default_params()
params.ftype, params.nthread = int(sys.argv[3]), int(sys.argv[4])
sys.exit(api.llama_model_quantize(os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2]), ctypes.byref(params)) != 0)
"""


def quantise(source: Path, out: Path, kind: Quantisation) -> None:
    """By llama.cpp, in place of `out` when it is whole. Raises BadEnvironment when it refuses.

    In a process of its own: beside torch, whose OpenMP is another, llama.cpp was seen to crash here.
    """
    part = out.with_name(f".{out.name}.part")
    numbers = (str(_LLAMA_CPP_NUMBER[kind]), str(len(os.sched_getaffinity(0))))
    command = [sys.executable, "-P", "-c", _QUANTISE, str(source), str(part), *numbers]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        part.unlink(missing_ok=True)
        raise BadEnvironment(
            f"llama.cpp could not quantise to {out} (code {done.returncode}); free some space, or leave `merged` out."
        )
    os.replace(part, out)


class _Names:
    """GGUF's names of transformers' parameters."""

    def __init__(self, base: Base) -> None:
        gguf = library("gguf")
        kind = next(kind for kind, name in gguf.MODEL_ARCH_NAMES.items() if name == base.architecture)
        self._map = gguf.get_tensor_name_map(kind, _shape(base)["num_hidden_layers"])

    def of(self, name: str) -> str:
        """Raises BadInput for a parameter that llama.cpp has no place for."""
        found: str | None = self._map.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise BadInput(f"llama.cpp has no tensor for {name}; train without that layer.")
        return found


def _named(net: Net, base: Base) -> Iterator[tuple[str, Array]]:
    names, shape = _Names(base), _shape(base)
    for key, tensor in net.state_dict().items():
        name = names.of(key)
        yield name, _reordered(tensor.float().cpu().numpy(), name, base.architecture, shape)


def _reordered(array: Array, name: str, architecture: str, shape: Mapping[str, int]) -> Array:
    """Rows in llama.cpp's order: in its llama family, rotary pairs of queries and keys stand side by side.

    transformers keeps the two halves of a head one behind the other.
    """
    part = next((part for part in (".attn_q.", ".attn_k.") if part in name), None)
    if architecture != "llama" or part is None:
        return array
    heads = shape["num_attention_heads" if part == ".attn_q." else "num_key_value_heads"]
    half = array.shape[0] // heads // 2
    return array.reshape(heads, 2, half, *array.shape[1:]).swapaxes(1, 2).reshape(array.shape)


def _shape(base: Base) -> Mapping[str, int]:
    return json.loads((base.folder / "config.json").read_text(encoding="utf-8"))


def copy_metadata(reader: Library, writer: Library, without: Container[str]) -> None:
    """Every other field of the file that is read, as it is there."""
    for name, field in reader.fields.items():
        if name not in without:
            inner = field.types[-1] if len(field.types) > 1 else None
            writer.add_key_value(name, field.contents(), field.types[0], inner)


def finish(writer: Library, out: Path) -> None:
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    except OSError as error:
        out.unlink(missing_ok=True)
        raise BadEnvironment(f"{out} cannot be written ({error.strerror}); free some space.") from error
