"""Stage `export`: the files that are served, checked against torch, with a model card.

weights of rl, else of sft ─▶ adapter.gguf (and a merged model, if wanted) ─agreement with torch─▶ card.md
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.errors import BadEnvironment
from . import served
from .base import Base, Dtype, HubTokens, device, find_base, trained
from .card import card
from .decontamination import looked_at
from .gguf_file import Quantisation, write_merged
from .optimise import enough_memory
from .sft import prepared
from .stages import TRAINER, WORKER, Context, FileStage
from .store import Progress, read_records
from .tokens import Encoded
from .types import Conversation

if TYPE_CHECKING:
    from .agree import Agreement

_PROMPTS = 20
"""Conversations on which torch and the engine are compared."""
_LONGEST = 1024


class Merged(StrEnum):
    """Whether a LoRA is also written as a whole model, and in which form."""

    NO = "no"
    Q8_0 = "Q8_0"
    Q6_K = "Q6_K"


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [export]."""

    merged: Merged = Merged.NO
    """Also write a whole model, `Q8_0` or `Q6_K`; below 6 bits what was learnt is lost. A LoRA needs none."""


@enough_memory()
def make(context: Context, settings: Settings, inputs: Mapping[str, Path], folder: Path) -> Mapping[str, float]:
    """Leave what the engine loads in `folder`. Raises BadEnvironment when it does not say what torch says."""
    from .agree import agreement  # here: it needs what only the extras `model` and `train` bring

    source = inputs.get("rl", inputs["sft"])
    base = find_base(str(served.of(source).base))
    records = _records(base, [path for name, path in inputs.items() if name not in ("rl", "sft")])
    made = _copied(source, folder)
    net = trained(base, source / served.WEIGHTS, Dtype.FLOAT32).to(device())
    both = settings.merged is not Merged.NO and made.adapter is not None
    compared = Progress((1 + both) * len(records), note="compared with torch")

    def tell() -> None:
        compared.done += 1
        context.tell(compared)

    found = {"served": agreement(net, made, records, tell)}
    if both:
        whole = replace(made, model=folder / f"model-{settings.merged}.gguf", adapter=None)
        merged = net.merge_and_unload()
        write_merged(merged, base, whole.model, Quantisation(settings.merged))
        found["merged"] = agreement(merged, whole, records, tell)
    _judge(found, folder)
    (folder / "card.md").write_text(card(context.folder, base, found, looked_at(context)), encoding="utf-8")
    return {f"{name}_{key}": value for name, each in found.items() for key, value in asdict(each).items()}


STAGE = FileStage(
    "export",
    Settings,
    inputs=("sft",),
    make=make,
    also=("rl", "sft_data", "debug_data", "traces"),
    libraries=(*TRAINER, *WORKER),
)


def _records(base: Base, paths: Sequence[Path]) -> tuple[Encoded, ...]:
    conversations = [each for path in paths for each in read_records(path, Conversation)]
    found = prepared(HubTokens(base.folder), conversations, _LONGEST)
    return (*found.held_out, *found.learnt)[:_PROMPTS]


def _copied(source: Path, folder: Path) -> served.Served:
    for path in source.iterdir():
        if path.suffix == ".gguf" or path.name == served.ABOUT:
            shutil.copy2(path, folder / path.name)
    return served.of(folder)


def _judge(found: Mapping[str, Agreement], folder: Path) -> None:
    """Keep the figures; refuse an export that is another model than the one trained."""
    from .agree import TOLERANCE

    figures = {name: asdict(each) for name, each in found.items()}
    (folder / "agreement.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name, each in found.items():
        if not each.holds:
            raise BadEnvironment(
                f"The {name} export differs from what was trained by {each.mean_kl:.4f} nats a token (at most "
                f"{TOLERANCE}); see {folder / 'agreement.json'}. It cannot be used: train again with dtype = 'float32'"
                f"{', or leave `merged` out' if name == 'merged' else ''}."
            )
