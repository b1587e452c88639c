"""One model at one held-out mistake: repair it, greedily and by samples, and write the function from its docstring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..engine import prompt
from ..engine.forms import FENCE, opening
from ..engine.model import Message, Model
from . import dialogue
from .bench import Bench
from .meter import Metered
from .practice import Case, Graded, ask, grade, sample
from .vote import voted

_WRONG = "This is still wrong."


@dataclass(frozen=True, slots=True)
class Effort:
    """How much each model may try."""

    samples: int
    turns: int
    """Of the greedy chain."""
    temperature: float
    """Of the samples."""
    matched: int = 0
    """Answers wide (to one prompt) and as many deep (each after the one before); 0: none."""
    explained: int = 0
    """Repairs sampled after one explanation; 0: none is asked for."""


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
    tokens: int = 0
    seconds: float = 0.0
    """Of the model, for all of this."""
    wide: bool = False
    """One of `matched` answers to the same prompt passes."""
    wide_voted: bool = False
    """The one that a vote over their outputs chooses passes: no test was asked."""
    wide_tokens: int = 0
    deep: bool = False
    """One of `matched` answers in turn passes, each shown what the tests said of the one before."""
    deep_voted: bool = False
    """The vote's choice of `matched` answers in turn passes, each told only that the one before is wrong."""
    deep_tokens: int = 0
    """Of the turns without the tests."""
    cured: int = 0
    """Of the repairs that follow the model's greedy explanation, those that pass."""


@dataclass(frozen=True, slots=True)
class Examiner:
    """One model at one mistake after another."""

    model: Model
    bench: Bench
    effort: Effort
    seed: int

    def chain(self, case: Case) -> Iterator[Graded]:
        """Greedy answers, each after the first with the feedback of the one before."""
        return self._turns(case, self.effort.turns, 0.0)

    def deep(self, case: Case) -> Iterator[Graded]:
        """The same with sampled answers, as many as `matched`."""
        return self._turns(case, self.effort.matched, self.effort.temperature)

    def blind(self, case: Case) -> Iterator[Graded]:
        """As `deep`, without the tests: every answer is told to be wrong, and none ends the turns."""
        last: Graded | None = None
        for turn in range(self.effort.matched):
            told = replace(last, feedback=_WRONG) if last else None
            last = replace(self, seed=self.seed + turn).repairs(case, told, 1, self.effort.temperature)[0]
            yield last

    def cured(self, case: Case) -> int:
        """How many repairs that follow the greedy explanation pass: what it is worth, by what it causes."""
        n, stop = self.effort.explained, self.bench.stop
        messages = ask(case, None, explain=True)
        told = sample(self.model, case, messages, 1, 0.0, self.seed, stop, explain=True)[0] if n else ""
        said = dialogue.parted(told)[0]
        if not said:
            return 0
        return sum(_solved(self._answers(case, messages, n, self.effort.temperature, f"{said}\n\n{FENCE}")))

    def _turns(self, case: Case, turns: int, temperature: float) -> Iterator[Graded]:
        last: Graded | None = None
        for _ in range(turns):
            last = self.repairs(case, last, 1, temperature)[0]
            yield last
            if last.passed == 1.0:
                return

    def repairs(self, case: Case, last: Graded | None, n: int, temperature: float) -> list[Graded]:
        form = self.model.form
        messages = ask(case, last, explain=False, form=form)
        return self._answers(case, messages, n, temperature, opening(case.function, form))

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
    meter = Metered(examiner.model)
    examiner = replace(examiner, model=meter)
    chain = list(examiner.chain(case))
    many = examiner.effort.samples, examiner.effort.temperature
    repaired, written = examiner.repairs(case, None, *many), examiner.written(case, *many)
    solved, mistake = _solved(chain), case.mistake
    counts = sum(_solved(repaired)), sum(_solved(written))
    score = Score(mistake.id, mistake.task.seed, name, solved[0], solved[-1], *counts)
    if examiner.effort.matched:
        score = _matched(score, case, examiner, meter)
    score = replace(score, cured=examiner.cured(case))
    return replace(score, tokens=meter.spent.tokens, seconds=round(meter.spent.seconds, 3))


def _matched(score: Score, case: Case, examiner: Examiner, meter: Metered) -> Score:
    """As many answers wide as deep, with the tests and without."""
    effort, begun = examiner.effort, meter.spent
    wide = examiner.repairs(case, None, effort.matched, effort.temperature)
    turned = meter.spent
    blind = list(examiner.blind(case))
    return replace(
        score,
        wide=any(_solved(wide)),
        wide_voted=_chosen(wide, case, examiner),
        wide_tokens=turned.since(begun).tokens,
        deep_voted=_chosen(blind, case, examiner),
        deep_tokens=meter.spent.since(turned).tokens,
        deep=any(_solved(list(examiner.deep(case)))),
    )


def _chosen(answers: Sequence[Graded], case: Case, examiner: Examiner) -> bool:
    choice = voted(examiner.bench, case, answers)
    return choice is not None and choice.passed == 1.0


def _solved(answers: Sequence[Graded]) -> list[bool]:
    return [each.passed == 1.0 for each in answers]
