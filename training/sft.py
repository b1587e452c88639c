"""Stage `sft`: learn the answers of conversations, each by its weight (SelfCodeAlign, LEDEX).

sft_data, debug_data ─▶ tokens ─▶ rows ─▶ optimiser ─▶ weights ─▶ adapter.gguf
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..engine import catalogue
from ..engine.errors import BadInput
from ..engine.model import Message
from ..engine.stop import Stop
from . import losses, served, together
from .base import Base, HubTokens, Lora, device, find_base, keep, load_net, trained, with_lora
from .hub import load_hub
from .job import SCRATCH, digest_of, replacing
from .kept_back import kept_back
from .libraries import Net, Tensor
from .masking import masked
from .optimise import Steps, enough_memory, logprobs, optimise
from .place import Place, outcome_of, place_in, steps_of, tell_curve
from .shape import Count, Share, Size, Some, shaped
from .stages import TRAINER, Context, FileStage
from .store import read_records
from .student import student_of
from .tokens import Encoded, Row, Tokens, encode
from .types import Conversation

_MEASURED = 32
"""Held-out records whose loss is told, before and after: enough for a curve's end, and minutes on a processor."""


@dataclass(frozen=True, slots=True)
class Settings(Steps):
    """Section [sft]. A learning rate of 2e-4 is for a LoRA; about 1e-5 for all weights."""

    base: str = ""
    """GGUF to train: a catalogue name or a path; empty: the model of section [model]."""
    layers: Some = 0
    """Train a small student instead: so many blocks of the base, as a model of its own (student.py); 0: the base."""
    start: str = ""
    """Folder of the stage `rl` or `sft` of an earlier run, whose LoRA learns on (another round); empty: a new one."""
    hub: str = ""
    """Folder of the base as it is published (config.json, safetensors): its unquantised weights are trained in place of
    the GGUF's, which is still what is served and measured (hub.py); empty: the GGUF's, dequantised."""
    rank: Some = 16
    """Of the LoRA; 0 trains all weights."""
    alpha: Size = 32.0
    """The LoRA is scaled by alpha / rank."""
    hidden: Share = 0.0
    """Share of the words of wrong code in the prompts that are hidden (CYCLE's past-generation masking); 0: none."""
    processes: Count = 1
    """That train together, each with a device of its own (together.py); a step is then of so many times the rows."""
    sharded: bool = False
    """Each process holds a share of the weights (FSDP2): for a base that one device cannot hold."""


@dataclass(frozen=True, slots=True)
class Records:
    """The conversations in tokens."""

    learnt: tuple[Encoded, ...]
    held_out: tuple[Encoded, ...]
    too_long: int
    explains: bool
    """Some of what is learnt is explanations."""


@enough_memory()
def make(context: Context, settings: Settings, inputs: Mapping[str, Path], folder: Path) -> Mapping[str, float]:
    """Train from the last checkpoint in `folder`, if any; leave weights, their GGUF and the curve there."""
    if not inputs:
        raise BadInput("[sft] has nothing to learn: the recipe needs a section [sft_data], [debug_data] or [traces].")
    if settings.sharded and settings.processes == 1:
        raise BadInput("sharded = true in [sft] needs processes that share the weights: set processes = 2 or more.")
    named = settings.base or context.base
    base = find_base(str(student_of(named, settings.layers)) if settings.layers else named)
    records = prepared(HubTokens(base.folder), _read(inputs.values(), settings, context.seed), settings.tokens_per_row)
    rows = settings.rows(records.learnt, context.seed)
    net = _start(base, settings, context.seed)
    held_out = records.held_out[:_MEASURED]
    served_first = partial(_start, base, replace(settings, hub=""), context.seed) if settings.hub else lambda: net
    before = _first_loss(served_first, held_out, folder)
    place = place_in(context, folder, STAGE.name)
    if settings.processes == 1:
        _learn(net, rows, settings, place)
    else:
        paths, events = [str(path) for path in inputs.values()], str(place.events or "")
        shared = {"base": str(base.gguf), "seed": context.seed, "events": events}
        job: dict[str, object] = {**shared, "settings": asdict(settings), "inputs": paths}
        steps = steps_of(len(rows), settings.rows_per_step, settings.processes)
        together.train(job, folder, settings.processes, context.stop, lambda: tell_curve(place, steps))
    net = trained(base, folder / served.WEIGHTS, settings.dtype).to(device())
    after = mean_loss(net, held_out)
    served.put(folder, base, explains=records.explains or _explained(settings.start))
    counts = {"learnt": len(records.learnt), "held_out": len(records.held_out), "too_long": records.too_long}
    figures = {"rows": len(rows), "held_out_loss_before": before, "held_out_loss_after": after}
    return counts | figures | outcome_of(folder)


def _learn(net: Net, rows: Sequence[Row], settings: Settings, place: Place, *, first: bool = True) -> None:
    """`first`: of the processes that do it together, the one that writes."""
    gathered = optimise(net, rows, _objective, settings, place, sharded=settings.sharded)
    if first:
        keep(net, place.folder / served.WEIGHTS, gathered)


def learn_together(job: Mapping[str, Any], folder: Path, *, first: bool) -> None:
    """One process of several (together.py): the same rows, of which the Trainer gives each its own."""
    settings, base = shaped(Settings, job["settings"]), find_base(job["base"])
    records = prepared(HubTokens(base.folder), _read(job["inputs"], settings, job["seed"]), settings.tokens_per_row)
    net, rows = _start(base, settings, job["seed"]), settings.rows(records.learnt, job["seed"])
    events = Path(job["events"]) if job["events"] else None
    _learn(net, rows, settings, Place(folder, job["seed"], Stop(), events), first=first)


def _read(paths: Iterable[Path | str], settings: Settings, seed: int) -> list[Conversation]:
    """What is held out is measured as it is."""
    every = [each for path in paths for each in read_records(Path(path), Conversation)]
    return [each if kept_back(_family(each)) else masked(each, settings.hidden, seed) for each in every]


def _first_loss(net: Callable[[], Net], records: Sequence[Encoded], folder: Path) -> float:
    """Of the held-out records before the first step; a run that goes on reads what the first one wrote."""
    path = folder / SCRATCH / "first_loss.json"
    try:
        return float(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        found = mean_loss(net().to(device()), records)
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as write:
            write(json.dumps(found).encode())
        return found


def _start(base: Base, how: Settings, seed: int) -> Net:
    """Raises BadInput when the earlier run trained another base, or the hub's folder is another model."""
    net = load_hub(base, Path(how.hub).expanduser(), how.dtype) if how.hub else None
    if how.start:
        earlier = Path(how.start).expanduser()
        if served.of(earlier).base_sha256 != base.sha256:
            raise BadInput(f"{earlier} was trained over another base than {base.gguf.name}; start anew, or name that.")
        return trained(base, earlier / served.WEIGHTS, how.dtype, trainable=True, under=net)
    net = load_net(base.folder, how.dtype) if net is None else net
    return with_lora(net, Lora(how.rank, how.alpha), seed) if how.rank else net


def _explained(start: str) -> bool:
    """The weights that were gone on with had learnt to explain."""
    return bool(start) and served.of(Path(start).expanduser()).explains


def _outside(context: Context, settings: Settings) -> Mapping[str, str]:
    name = settings.base or context.base
    entry = catalogue.CATALOGUE.get(name)
    found = {"base": entry.sha256 if entry else catalogue.sha256_of(catalogue.find(name))}
    folders = {"start": settings.start, "hub": settings.hub}
    return found | {key: digest_of(Path(folder).expanduser()) for key, folder in folders.items() if folder}


STAGE = FileStage(
    "sft",
    Settings,
    inputs=(),
    make=make,
    also=("sft_data", "debug_data", "traces"),
    outside=_outside,
    libraries=TRAINER,
)


def prepared(tokens: Tokens, conversations: Sequence[Conversation], longest: int) -> Records:
    """Raises BadInput when nothing is left to learn."""
    whole = [(each, encode(tokens, messages_of(each), each.weight)) for each in conversations]
    fitting = [(each, record) for each, record in whole if len(record.tokens) <= longest]
    learnt = tuple(record for each, record in fitting if not kept_back(_family(each)))
    held = tuple(record for each, record in fitting if kept_back(_family(each)))
    if not learnt:
        raise BadInput(
            f"Of {len(whole)} conversations {len(whole) - len(fitting)} have more than {longest} tokens and {len(held)}"
            " are held out: nothing is left to learn. Raise tokens_per_row, or mine more seeds."
        )
    explains = any(each.meta.get("shape") == "explain" for each, _ in fitting if not kept_back(_family(each)))
    return Records(learnt, held, len(whole) - len(fitting), explains)


def messages_of(conversation: Conversation) -> list[Message]:
    return [Message(turn.role, turn.content) for turn in conversation.messages]


def _family(conversation: Conversation) -> str:
    """What the record comes from: no relative of a held-out record is learnt."""
    return conversation.meta.get("seed") or conversation.meta.get("trace") or conversation.id


def mean_loss(net: Net, records: Sequence[Encoded]) -> float:
    """Mean over the records of their tokens' mean negative log-likelihood, in nats; 0 without records."""
    found = [logprobs(net, record)[0] for record in records]
    return -sum(sum(each) / len(each) for each in found) / len(found) if found else 0.0


def _objective(found: Tensor, _values: Tensor | None, columns: Mapping[str, Tensor]) -> Tensor:
    return losses.likelihood(found, columns["share"])
