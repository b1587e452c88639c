"""One model at one held-out mistake: repair it, greedily and by samples, and write the function from its docstring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..engine import prompt
from ..engine.model import Message, Model
from .bench import Bench
from .dialogue import Form, opening
from .practice import FENCE, Case, Graded, ask, grade, sample


@dataclass(frozen=True, slots=True)
class Effort:
    """How much each model may try."""

    samples: int
    turns: int
    """Of the greedy chain."""
    temperature: float
    """Of the samples."""
    form: Form = Form.ENGINE
    """In which a repair is asked for."""


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
            last = self.repairs(case, last, 1, 0.0)[0]
            yield last
            if last.passed == 1.0:
                return

    def repairs(self, case: Case, last: Graded | None, n: int, temperature: float) -> list[Graded]:
        form = self.effort.form
        messages = ask(case, last, explain=False, form=form)
        return self._answers(case, messages, n, temperature, opening(case.function.qualname, form))

    def written(self, case: Case, n: int, temperature: float) -> list[Graded]:
        return self._answers(case, prompt.write(case.target), n, temperature, FENCE)

    def _answers(
        self, case: Case, messages: Sequence[Message], n: int, temperature: float, beginning: str
    ) -> list[Graded]:
        stop, seed = self.bench.stop, self.seed
        found = sample(self.model, case, messages, n, temperature, seed, stop, explain=False, beginning=beginning)
        return [grade(self.bench, case, answer) for answer in found]


def examined(case: Case, name: str, examiner: Examiner) -> Score:
    """`name`: `before` or `new`."""
    chain = list(examiner.chain(case))
    many = examiner.effort.samples, examiner.effort.temperature
    repaired, written = examiner.repairs(case, None, *many), examiner.written(case, *many)
    solved, mistake = _solved(chain), case.mistake
    counts = sum(_solved(repaired)), sum(_solved(written))
    return Score(mistake.id, mistake.task.seed, name, solved[0], solved[-1], *counts)


def _solved(answers: Sequence[Graded]) -> list[bool]:
    return [each.passed == 1.0 for each in answers]
