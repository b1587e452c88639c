"""Log-probabilities of many continuations of one prompt, computed as one tree so that nothing is computed twice.

Continuations that begin alike share the tokens of that beginning: each distinct token after each distinct beginning is
decoded once, visible to every continuation that passes through it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .llama_native import Entry, Native
from .llama_work import Place, Urgency, Work

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CHUNK = 16
"""Tokens per decode: each one's logits cost 8 bytes per vocabulary entry, 19 MB for 16 of Qwen's; more save no time."""


@dataclass(slots=True)
class Node:
    """A token after a beginning, and the continuations (by sequence) that pass through it."""

    token: int
    depth: int
    sequences: list[int] = field(default_factory=list[int])
    children: dict[int, Node] = field(default_factory=dict[int, "Node"])
    log_probability: float = 0.0


class Score(Work):
    """Sum of natural-log probabilities of each continuation after the prompt; an empty one scores 0.

    As many continuations at once as there are sequences free. `result` is () until it is whole: half a score is none.
    """

    def __init__(
        self, number: int, prompt: Sequence[int], adapter: Native | None, continuations: Sequence[Sequence[int]]
    ) -> None:
        super().__init__(number, prompt, Urgency.REPAIR, adapter)
        self._continuations = [list(tokens) for tokens in continuations]
        self._logits: npt.NDArray[np.float32] | None = None
        self._root = Node(-1, -1)
        self._held: list[int] = []
        self._left: list[Node] = []
        self._sent: list[Node] = []
        self._scores: list[float] = []
        self.result: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        return max(1, len(self._continuations))

    @property
    def length(self) -> int:
        return max(map(len, self._continuations), default=0)

    def first(self, place: Place, index: int) -> None:
        self._logits = place.context.logits(index)

    def follow(self, place: Place, room: int, share: int) -> list[Entry]:
        if not self._left:
            self._next_group(place, share)
        self._sent = self._left[: min(room, CHUNK)]
        depth = len(self.prompt)
        return [Entry(n.token, depth + n.depth, tuple(n.sequences), True) for n in self._sent]

    def read(self, place: Place, start: int) -> None:
        for i, node in enumerate(self._sent):
            _read(node, place.context.logits(start + i))
        del self._left[: len(self._sent)]
        if not self._left:
            self._end_group(place)

    def undo(self, place: Place) -> None:
        depths = {sequence: node.depth for node in reversed(self._sent) for sequence in node.sequences}
        for sequence, depth in depths.items():
            place.context.forget([sequence], len(self.prompt) + depth)

    def cancel(self) -> None:
        self.done = True

    def _next_group(self, place: Place, share: int) -> None:
        """Begin the next continuations; those that need no decoding at all are scored at once."""
        assert self._logits is not None
        while not self._left and not self.done:
            while len(self._held) < self._waiting and (sequence := place.take(share)) is not None:
                self._held.append(sequence)
            if not self._held:
                if not self._waiting:
                    self._finish()
                return
            self._root = _tree(dict(zip(self._held, self._continuations[len(self._scores) :], strict=False)))
            _read(self._root, self._logits)
            self._left = [node for node in _walk(self._root) if node is not self._root and node.children]
            if not self._left:
                self._end_group(place)

    @property
    def _waiting(self) -> int:
        return len(self._continuations) - len(self._scores)

    def _end_group(self, place: Place) -> None:
        start = len(self._scores)
        group = self._continuations[start : start + len(self._held)]
        self._scores += [_sum(self._root, tokens) for tokens in group]
        for sequence in self._held:
            place.give(sequence)
        self._held = []
        if not self._waiting:
            self._finish()

    def _finish(self) -> None:
        self.done, self.result = True, tuple(self._scores)


def _tree(group: Mapping[int, Sequence[int]]) -> Node:
    """The continuations by the sequence that each has."""
    root = Node(-1, -1)
    for sequence, tokens in group.items():
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


def _read(node: Node, logits: npt.NDArray[np.float32]) -> None:
    """Give the node's children their log-probabilities: a log-softmax in double precision, only where needed."""
    import numpy as np  # here: 15 MB, of use to scores alone

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
