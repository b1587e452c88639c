"""Does the engine say what torch says? Next-token distributions of both on the same tokens; the gate of every export.

An exported file that silently lacks what was learnt looks well in every other check: it loads, and it talks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..engine.errors import BadEnvironment
from ..engine.llama_adapter import AdapterRefused, Adapters
from ..engine.llama_native import BATCH_TOKENS, AbortFlag, Context, Entry, NativeError, Weights
from .libraries import Net, library
from .served import Served
from .tokens import Encoded

TOLERANCE = 0.02
"""Mean KL(torch || engine) in nats up to which they are the same model; measured for a LoRA over Q4_K_M: 0.0003."""
_POSITIONS = 32
"""Of each record, from the first learnt token on."""

Rows = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    mean_kl: float
    worst_kl: float
    same_first: float
    """Share of positions at which both find the same token likeliest."""
    positions: int

    @property
    def holds(self) -> bool:
        return self.mean_kl <= TOLERANCE


def agreement(
    net: Net, served: Served, records: Sequence[Encoded], tell: Callable[[], None] = lambda: None
) -> Agreement:
    """Compare the trained net with the files that the engine will load, in its own llama.cpp; `tell` hears each record.

    Raises BadEnvironment when llama.cpp cannot load or run them.
    """
    gaps: list[npt.NDArray[np.float64]] = []
    same = 0
    for record, theirs in zip(records, _engine_says(served, records), strict=True):
        ours = _torch_says(net, record)
        gaps.append((np.exp(ours) * (ours - theirs)).sum(-1))
        same += int((ours.argmax(-1) == theirs.argmax(-1)).sum())
        tell()
    every = np.concatenate(gaps)
    if not np.isfinite(every).all():
        raise BadEnvironment(
            "The engine's log-probabilities are not finite, so this export cannot be used; train again with a lower "
            "learning_rate."
        )
    return Agreement(float(every.mean()), float(every.max()), same / len(every), len(every))


def _asked(record: Encoded) -> range:
    """Positions whose next-token distribution is compared."""
    return range(record.start - 1, min(len(record.tokens) - 1, record.start - 1 + _POSITIONS))


def _torch_says(net: Net, record: Encoded) -> Rows:
    """Log-probabilities, shape (positions, vocabulary)."""
    torch = library("torch")
    asked = _asked(record)
    net.eval()
    with torch.no_grad():
        where = next(net.parameters()).device
        tokens = torch.tensor([record.tokens[: asked.stop]], device=where)
        answer = net(input_ids=tokens, logits_to_keep=len(asked), use_cache=False)
        return answer.logits[0].double().log_softmax(-1).cpu().numpy()


def _engine_says(served: Served, records: Sequence[Encoded]) -> Iterator[Rows]:
    try:
        weights = Weights(str(served.model), 0)
        longest = max(len(record.tokens) for record in records)
        context = Context(weights, math.ceil(longest / 256) * 256, 1, AbortFlag())
        if served.adapter:
            context.adapt(Adapters(weights, served.model).get(str(served.adapter)))
        for record in records:
            context.forget([0])
            yield _decoded(context, record)
        context.close()
    except (NativeError, AdapterRefused) as error:
        raise BadEnvironment(
            f"llama.cpp does not run the export: {error}; `darner doctor` says whether it runs the base."
        ) from error


def _decoded(context: Context, record: Encoded) -> Rows:
    asked = _asked(record)
    found: list[Rows] = []
    for begin in range(0, asked.stop, BATCH_TOKENS):
        piece = range(begin, min(begin + BATCH_TOKENS, asked.stop))
        context.decode([Entry(record.tokens[i], i, (0,), i in asked) for i in piece])
        found += [_log_softmax(context.logits(i - begin)) for i in piece if i in asked]
    return np.stack(found)


def _log_softmax(logits: npt.NDArray[np.float32]) -> Rows:
    wide = logits.astype(np.float64)
    peak = wide.max()
    return wide - peak - np.log(np.exp(wide - peak).sum())
