"""A hub folder: the weights of which the served GGUF is a quantisation, to train a LoRA over in its place.

    config.json + *.safetensors ─the GGUF's names, shapes and, nearly, values?─▶ net, in the served configuration

What is served stays the GGUF: the loss before and after is its, `rl` goes on over it, and so does the export's check.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..engine.errors import BadInput
from .base import Base, Dtype, load_net
from .libraries import Library, Net, Tensor, library

_FAR = 0.5
"""Relative distance of two tensors from which they are other weights; 4 bits cost about 0.1."""
_HEAD = "lm_head.weight"


def load_hub(base: Base, folder: Path, dtype: Dtype) -> Net:
    """Raises BadInput with the first weight that is missing, of another shape, unknown, or far from the served one."""
    served = load_net(base.folder, dtype)
    net, found = _loaded(folder, served.config, dtype)
    missing = set(found["missing_keys"])
    if _HEAD in missing and _hub_config(folder).tie_word_embeddings:  # the GGUF holds it twice
        net.lm_head.weight.data.copy_(net.get_input_embeddings().weight.data)
        missing.remove(_HEAD)
    shapes = {name: tuple(theirs) for name, theirs, *_ in found["mismatched_keys"]}
    ours: Mapping[str, Tensor] = net.state_dict()
    for name, theirs in served.state_dict().items():
        if why := _difference(name, ours[name], theirs, missing, shapes):
            raise BadInput(_refusal(folder, base, f"{name} {why}"))
    if found["unexpected_keys"]:
        raise BadInput(_refusal(folder, base, f"{min(found['unexpected_keys'])} is not served"))
    return net


def _difference(name: str, ours: Tensor, theirs: Tensor, missing: set[str], shapes: Mapping[str, Any]) -> str:
    if name in missing:
        return "is missing"
    if name in shapes:
        return f"has the shape {shapes[name]}, not {tuple(theirs.shape)}"
    apart = float((ours.float() - theirs.float()).norm() / theirs.float().norm().clamp(min=1e-12))
    return f"is {apart:.0%} away from what is served" if apart > _FAR else ""


def _refusal(folder: Path, base: Base, why: str) -> str:
    return f"{folder} is not the model of {base.gguf.name}: {why}. Name its own folder in [sft] hub, or leave that out."


def _loaded(folder: Path, config: Library, dtype: Dtype) -> tuple[Net, Mapping[str, Any]]:
    """The net, and what transformers says of names and shapes."""
    how = {"config": config, "dtype": getattr(library("torch"), dtype), "use_safetensors": True}
    how |= {"ignore_mismatched_sizes": True, "output_loading_info": True}  # looked at here, with a sentence
    try:
        _hub_config(folder)
        return library("transformers").AutoModelForCausalLM.from_pretrained(str(folder), **how)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{folder} is no hub folder ({str(error).splitlines()[0]}); [sft] hub names one with config.json and "
            "*.safetensors."
        ) from error


def _hub_config(folder: Path) -> Library:
    return library("transformers").AutoConfig.from_pretrained(str(folder))
