"""One model at one held-out mistake: repair it, greedily and by samples, and write the function from its docstring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..engine import prompt
from ..engine.model import Message, Model
from .bench import Bench
from .practice import Case, Graded, ask, grade, sample


@dataclass(frozen=True, slots=True)
class Effort:
    """How much each model may try."""

    samples: int
    turns: int
    """Of the greedy chain."""
    temperature: float
    """Of the samples."""


@dataclass(frozen=True, slots=True)
class Score:
    """One model on one mistake."""

    mistake: str
    seed: str
    """What its task comes from."""
    model: str
    """`before` or `new`."""
    greedy: bool
    """The first greedy answer passes."""
    chain: bool
    """An answer of the greedy chain passes."""
    repaired: int
    """Of the samples."""
    written: int
    """Of the samples that were asked to write the function from its description."""


@dataclass(frozen=True, slots=True)
class Examiner:
    """One model at one mistake after another."""

    model: Model
    bench: Bench
    effort: Effort
    seed: int

    def chain(self, case: Case) -> Iterator[Graded]:
        """Greedy answers, each after the first with the feedback of the one before."""
        last: Graded | None = None
        for _ in range(self.effort.turns):
            last = self.answers(case, ask(case, last, explain=False), 1, 0.0)[0]
            yield last
            if last.passed == 1.0:
                return

    def answers(self, case: Case, messages: Sequence[Message], n: int, temperature: float) -> list[Graded]:
        found = sample(self.model, case, messages, n, temperature, self.seed, self.bench.stop, explain=False)
        return [grade(self.bench, case, answer) for answer in found]

    def passed(self, case: Case, messages: Sequence[Message]) -> int:
        found = self.answers(case, messages, self.effort.samples, self.effort.temperature)
        return sum(each.passed == 1.0 for each in found)


def examined(case: Case, name: str, examiner: Examiner) -> Score:
    """`name`: `before` or `new`."""
    chain = list(examiner.chain(case))
    repaired = examiner.passed(case, ask(case, None, explain=False))
    written = examiner.passed(case, prompt.write(case.target))
    solved = [each.passed == 1.0 for each in chain]
    mistake = case.mistake
    return Score(mistake.id, mistake.task.seed, name, solved[0], solved[-1], repaired, written)
