"""Log-probabilities of many continuations of one prompt, computed as one tree so that nothing is computed twice.

Continuations that begin alike share the tokens of that beginning: each distinct token after each distinct beginning is
decoded once, visible to every continuation that passes through it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .llama_batch import LANES, Engine
from .llama_native import Context, Entry

CHUNK = 64
"""Tokens per decode: each one's logits cost 4 bytes per vocabulary entry, 39 MB for 64 of Qwen's."""


@dataclass(slots=True)
class Node:
    """A token after a beginning, and the continuations (by sequence) that pass through it."""

    token: int
    depth: int
    sequences: list[int] = field(default_factory=list[int])
    children: dict[int, Node] = field(default_factory=dict[int, "Node"])
    log_probability: float = 0.0


def score(
    engine: Engine, prompt: Sequence[int], continuations: Sequence[Sequence[int]], on_progress: Callable[[], None]
) -> tuple[float, ...]:
    """Sum of natural-log probabilities of each continuation after `prompt`; an empty one scores 0.

    Raises TooLong, NativeError, or Aborted: half a score is no score.
    """
    engine.check(len(prompt), max(map(len, continuations), default=0))
    try:
        scores: list[float] = []
        for start in range(0, len(continuations), LANES):
            scores += _score_group(engine, prompt, continuations[start : start + LANES], on_progress)
        return tuple(scores)
    finally:
        engine.recover()


def _score_group(
    engine: Engine, prompt: Sequence[int], group: Sequence[Sequence[int]], on_progress: Callable[[], None]
) -> list[float]:
    root = _tree(group)
    nodes = [node for node in _walk(root) if node is not root]
    last = engine.prefill(prompt, on_progress, len(prompt) + len(nodes))
    context = engine.context()
    _read(root, context.logits(last))
    for sequence in range(1, len(group) + 1):
        context.share(0, sequence)
    inner = [node for node in nodes if node.children]
    for start in range(0, len(inner), CHUNK):
        chunk = inner[start : start + CHUNK]
        _decode(context, chunk, len(prompt))
        on_progress()
    return [_sum(root, tokens) for tokens in group]


def _tree(group: Sequence[Sequence[int]]) -> Node:
    root = Node(-1, -1)
    for sequence, tokens in enumerate(group, start=1):
        node = root
        for depth, token in enumerate(tokens):
            node = node.children.setdefault(token, Node(token, depth))
            node.sequences.append(sequence)
    return root


def _walk(root: Node) -> Iterator[Node]:
    """Depth first: parents before children, and every branch whole before the next, as llama.cpp demands."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children.values()))


def _decode(context: Context, chunk: Sequence[Node], offset: int) -> None:
    context.decode([Entry(n.token, offset + n.depth, tuple(n.sequences), True) for n in chunk])
    for i, node in enumerate(chunk):
        _read(node, context.logits(i))


def _read(node: Node, logits: npt.NDArray[np.float32]) -> None:
    """Give the node's children their log-probabilities: a log-softmax in double precision, only where needed."""
    if node.children:
        peak = float(logits.max())
        total = peak + float(np.log(np.exp(logits.astype(np.float64) - peak).sum()))
        for child in node.children.values():
            child.log_probability = float(logits[child.token]) - total


def _sum(root: Node, tokens: Sequence[int]) -> float:
    node, total = root, 0.0
    for token in tokens:
        node = node.children[token]
        total += node.log_probability
    return total
