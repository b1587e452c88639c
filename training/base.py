"""The base: a GGUF file, dequantised once into what torch reads, with its tokenizer. What is served is trained.

model.gguf ──once, cached by SHA-256──▶ folder of float16 weights ──▶ net + LoRA, on the device, in the dtype asked for
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from platformdirs import user_cache_path

from ..engine import catalogue
from ..engine.errors import BadEnvironment, BadInput
from .libraries import Library, Net, Tensor, library

ARCHITECTURES = ("qwen2", "llama", "starcoder2")
"""Whose tensors can go back into a GGUF; DeepSeek-Coder is of the llama family."""
_DONE = "darner.json"


class Dtype(StrEnum):
    """What weights are held in while they are trained; a LoRA itself is float32 in either."""

    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


@dataclass(frozen=True, slots=True)
class Base:
    gguf: Path
    sha256: str
    folder: Path
    """Dequantised weights, configuration and tokenizer."""
    architecture: str
    """As in the GGUF's metadata."""


@dataclass(frozen=True, slots=True)
class Lora:
    """A low-rank difference over every linear layer but the output."""

    rank: int
    alpha: float
    """The difference is scaled by alpha / rank."""


class HubTokens:
    """A transformers tokenizer as `tokens.Tokens`."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer: Library = library("transformers").AutoTokenizer.from_pretrained(str(folder))
        self.template: str | None = self._tokenizer.chat_template
        self.bos: str = (self._tokenizer.bos_token or "") if getattr(self._tokenizer, "add_bos_token", False) else ""
        self.eos: str = self._tokenizer.eos_token or ""
        if self._tokenizer.eos_token_id is None:
            raise BadInput(f"The tokenizer in {folder} names no token that ends a turn; take another base.")
        self.end = int(self._tokenizer.eos_token_id)

    def plain(self, text: str) -> list[int]:
        return self._encode(text, split=True)

    def special(self, text: str) -> list[int]:
        return self._encode(text, split=False)

    def _encode(self, text: str, *, split: bool) -> list[int]:
        found = self._tokenizer(text, add_special_tokens=False, split_special_tokens=split)
        return [int(token) for token in found["input_ids"]]


def find_base(name_or_path: str) -> Base:
    """The base of a recipe, dequantised into the cache if it is not there yet (a minute for half a billion weights).

    Raises ModelError, BadInput for an architecture that has no way back, BadEnvironment when the cache has no room.
    """
    gguf = catalogue.find(name_or_path)
    digest = catalogue.sha256_of(gguf)
    folder = user_cache_path("darner") / "bases" / digest[:32]
    if not (folder / _DONE).exists():
        _dequantise(gguf, digest, folder)
    about = json.loads((folder / _DONE).read_text(encoding="utf-8"))
    return Base(gguf, digest, folder, about["architecture"])


def _dequantise(gguf: Path, digest: str, folder: Path) -> None:
    architecture = _architecture(gguf)
    transformers, torch = library("transformers"), library("torch")
    half = tempfile.mkdtemp(prefix=".half-", dir=_made(folder.parent))
    try:
        where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
        transformers.AutoTokenizer.from_pretrained(**where).save_pretrained(half)
        how = {"dtype": torch.float16, "quantization_config": transformers.GgufConfig(dequantize=True)}
        config = _config(gguf, architecture, transformers.AutoConfig.from_pretrained(**where))
        net = transformers.AutoModelForCausalLM.from_pretrained(**where, **how, config=config)
        if hasattr(net.config, "quantization_config"):  # it is no longer quantised, and would refuse to be saved
            del net.config.quantization_config
        net.hf_quantizer = None
        net.save_pretrained(half)
        about = {"sha256": digest, "file": gguf.name, "architecture": architecture}
        (Path(half) / _DONE).write_text(json.dumps(about) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)  # what a killed run left
        os.replace(half, folder)
    except OSError as error:
        raise BadEnvironment(f"{gguf.name} could not be unpacked into {folder} ({error}); free some space.") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _config(gguf: Path, architecture: str, found: Library) -> Library:
    """With StarCoder2's base of rotary frequencies: transformers 5.23 leaves it in the file and takes 10,000."""
    base = _metadata(gguf, f"{architecture}.rope.freq_base")
    if architecture == "starcoder2" and base:
        found.rope_parameters = {**found.rope_parameters, "rope_theta": float(base)}
    return found


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _architecture(gguf: Path) -> str:
    found = str(_metadata(gguf, "general.architecture"))
    if found not in ARCHITECTURES:
        raise BadInput(
            f"{gguf.name} is of the architecture {found}, which cannot be written back to GGUF here; "
            f"known are {', '.join(ARCHITECTURES)}."
        )
    return found


def _metadata(gguf: Path, key: str) -> str | float | None:
    """What the file says; None where it says nothing."""
    field: Library = library("gguf").GGUFReader(gguf).fields.get(key)
    return field.contents() if field else None


def device() -> str:
    return "cuda" if library("torch").cuda.is_available() else "cpu"


def load_net(folder: Path, dtype: Dtype) -> Net:
    """The causal language model in `folder`, on the CPU; a trainer moves it."""
    torch, transformers = library("torch"), library("transformers")
    return transformers.AutoModelForCausalLM.from_pretrained(str(folder), dtype=getattr(torch, dtype))


def with_lora(net: Net, lora: Lora, seed: int) -> Net:
    """The net with a fresh difference, which is zero at first. The same seed gives the same beginning."""
    peft = library("peft")
    library("transformers").set_seed(seed)
    config = peft.LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, target_modules="all-linear", lora_dropout=0.0, task_type="CAUSAL_LM"
    )
    return peft.get_peft_model(net, config)


def trained(base: Base, weights: Path, dtype: Dtype, *, trainable: bool = False, under: Net | None = None) -> Net:
    """What a stage left in `weights`: the base, or the net `under` it instead, with its LoRA; or weights of its own."""
    if not is_lora(weights):
        return load_net(weights, dtype)
    net = load_net(base.folder, dtype) if under is None else under
    return library("peft").PeftModel.from_pretrained(net, str(weights), is_trainable=trainable)


def keep(net: Net, folder: Path, gathered: Mapping[str, Tensor] | None = None) -> None:
    """Write the weights, or `gathered` where the net holds a share of them only.

    peft holds the names of its layers in a set, whose order differs from process to process.
    """
    for config in getattr(net, "peft_config", {}).values():
        config.target_modules = sorted(config.target_modules)
    net.save_pretrained(str(folder), state_dict=gathered)


def is_lora(weights: Path) -> bool:
    return (weights / "adapter_config.json").exists()
