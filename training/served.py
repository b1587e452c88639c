"""What a training stage leaves for the engine: the base file with an adapter over it, or a model file of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine import adopted
from ..engine.errors import BadInput
from ..engine.llama import LlamaModel
from ..engine.model import Form, Role
from .base import Base, Dtype, is_lora, trained
from .gguf_file import Quantisation, write_adapter, write_merged

WEIGHTS = "weights"
"""Folder of a stage's result as torch reads it."""
ABOUT = "served.json"
"""Which base the weights in a folder are for."""


@dataclass(frozen=True, slots=True)
class Served:
    """Files that the model worker loads."""

    model: Path
    """The base's GGUF, or the merged one."""
    adapter: Path | None
    base: Path
    """The GGUF that was trained on."""
    base_sha256: str
    explains: bool = False
    """The weights learnt to explain, not only to repair."""
    form: Form = Form.ENGINE
    """In which the engine asks it for a repair."""

    def open(self, name: str) -> LlamaModel:
        """As the engine serves these weights. The caller closes it."""
        adapters: dict[Role, Path] = {Role.REPAIRER: self.adapter} if self.adapter else {}
        if self.adapter and self.explains:
            adapters[Role.AUDITOR] = self.adapter
        return LlamaModel(self.model, name, adapters=adapters, form=self.form)


def put(folder: Path, base: Base, *, explains: bool) -> Served:
    """Write the weights in `folder`/weights as GGUF beside them, and say so in `served.json`."""
    if is_lora(folder / WEIGHTS):
        made = Served(base.gguf, folder / "adapter.gguf", base.gguf, base.sha256, explains)
        write_adapter(folder / WEIGHTS, base, folder / "adapter.gguf")
    else:
        made = Served(folder / "model.gguf", None, base.gguf, base.sha256, explains)
        write_merged(trained(base, folder / WEIGHTS, Dtype.FLOAT32), base, folder / "model.gguf", Quantisation.Q8_0)
    about = {"base": str(base.gguf), "base_sha256": base.sha256, "lora": made.adapter is not None, "explains": explains}
    (folder / ABOUT).write_text(json.dumps(about) + "\n", encoding="utf-8")
    return made


def of(folder: Path) -> Served:
    """What the stage left in `folder`. Raises BadInput when it left nothing."""
    about = _about(folder)
    base, digest, explains = Path(about["base"]), str(about["base_sha256"]), about.get("explains") is True
    if about["lora"]:
        return Served(base, folder / "adapter.gguf", base, digest, explains)
    return Served(folder / "model.gguf", None, base, digest, explains)


def before(new: Served) -> Served:
    """What the engine serves over the same base without `new`: with the adapter that was adopted, if one was."""
    digest = rival(new)
    adapter = adopted.path_of(digest) if digest else None
    return Served(new.base, adapter, new.base, new.base_sha256, *adopted.as_worn(new.base, digest))


def rival(new: Served) -> str:
    """SHA-256 of the adapter that the engine would use if `new` was not; empty for the bare base."""
    return adopted.rival(new.base, new.adapter)


def _about(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{folder} holds no trained weights ({error}); name the folder of a stage `sft` or `rl`."
        ) from error
