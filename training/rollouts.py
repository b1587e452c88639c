"""Stage `rollouts`: the trained model plays, as it will be served: attempt, execution, feedback, repair, up to R turns.

    mistake ─▶ C chains of: prompt ─▶ an answer ─run─▶ what it got wrong ─▶ next turn, unless solved
                                   └▶ N - 1 more ─run─▶ the best, where it is better: what the state teaches

On-policy: the answers come from the weights of stage `sft`, over the quantised base, through the engine's worker, and
the next state is what the first answer led to, never the best: the states are those that the model alone comes to.
Every state is asked with the last round only, as the engine asks.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from ..engine.forms import FENCE
from ..engine.model import Message, Model
from ..engine.stop import Stop
from . import bench, served
from .bench import Bench
from .kept_back import kept_back
from .practice import Case, Graded, ask, case_of, grade, sample
from .shape import Count, Heat, Some
from .stages import WORKER, Context, RecordStage
from .store import Work
from .trajectories import Trajectory, Try
from .types import Dropped, Mistake, Turn


@dataclass(frozen=True, slots=True)
class Settings:
    """Section [rollouts]."""

    chains: Count = 2
    """Of each mistake; leave-one-out needs two."""
    turns: Count = 2
    """Most attempts of a chain."""
    best_of: Count = 1
    """Answers sampled in each state. The first is played; the best is learnt (RISE's self-distillation takes 16)."""
    temperature: Heat = 0.8
    explain: bool = True
    """The answer begins with what is wrong (LEDEX's second shape)."""
    causal: Some = 0
    """Refinements sampled after each explanation, to see what it brings about; 0: their words are compared."""


@dataclass(frozen=True, slots=True)
class Player:
    """The model at one task after another."""

    model: Model
    bench: Bench
    settings: Settings
    stop: Stop
    seed: int

    def chains(self, case: Case) -> Iterator[tuple[Try, ...]]:
        for number in range(self.settings.chains):
            yield tuple(self._chain(case, self.seed + 10_000 * number))

    def _chain(self, case: Case, seed: int) -> Iterator[Try]:
        last: Graded | None = None
        for turn in range(self.settings.turns):
            messages = ask(case, last, explain=self.settings.explain)
            last, *others = self._graded(case, messages, seed + 100 * turn)
            best = max((last, *others), key=lambda each: each.passed)
            yield self._try(case, messages, last, best, seed + 100 * turn)
            if last.passed == 1.0 or self.stop:
                return

    def _graded(self, case: Case, messages: Sequence[Message], seed: int) -> list[Graded]:
        how = self.settings
        answers = sample(self.model, case, messages, how.best_of, how.temperature, seed, self.stop, explain=how.explain)
        return [grade(self.bench, case, answer) for answer in answers]

    def _try(self, case: Case, messages: Sequence[Message], found: Graded, best: Graded, seed: int) -> Try:
        return Try(
            tuple(Turn(message.role, message.content) for message in messages),
            found.answer,
            found.explanation,
            found.code,
            found.passed,
            found.feedback,
            self._cured(case, messages, found.explanation, seed),
            best.answer if best is not found else "",
            best.passed if best is not found else 0.0,
        )

    def _cured(self, case: Case, messages: Sequence[Message], explanation: str, seed: int) -> int | None:
        """How many refinements that begin with this explanation pass."""
        n = self.settings.causal
        if not n or not explanation:
            return None
        said = f"{explanation}\n\n{FENCE}"
        answers = sample(
            self.model, case, messages, n, self.settings.temperature, seed + 50, self.stop, explain=True, beginning=said
        )
        return sum(grade(self.bench, case, answer).passed == 1.0 for answer in answers)


def _units(context: Context, settings: Settings) -> Sequence[Mistake]:
    return [each for each in context.read("mistakes", Mistake) if not kept_back(each.task.seed)]


@contextmanager
def _opened(context: Context, settings: Settings, units: Sequence[Mistake]) -> Generator[Work]:
    with (
        bench.opened(context.stop, trusted=context.trusted) as place,
        closing(served.of(context.path("sft")).open("policy")) as model,
    ):

        def work(mistake: Mistake, index: int) -> Iterable[object]:
            case = case_of(mistake)
            if case is None:
                return [Dropped("not one function")]
            player = Player(model, place, settings, context.stop, context.seed + 1_000_000 * index)
            return [
                Trajectory(f"{mistake.id}-{number}", mistake.id, mistake.task.id, tries, settings.causal)
                for number, tries in enumerate(player.chains(case))
            ]

        yield work


STAGE = RecordStage("rollouts", Settings, ("mistakes", "sft"), units=_units, opened=_opened, libraries=WORKER)
