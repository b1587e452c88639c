"""Samples of a model and their revisions, drawn as S* draws them: no search, no early end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from darner.engine.case import Case
from darner.engine.feedback import feedback_of
from darner.engine.forms import Asked, opening, repair
from darner.engine.model import Completion, Model
from darner.engine.parse import Unusable
from darner.engine.prompt import Attempt, Target
from darner.engine.sample import candidate_from, is_unchanged, sampling_for
from darner.engine.stop import Stop
from darner.engine.trial import edits_of
from darner.sandbox.types import Outcome, Status
from select_types import BATCH, Found, How, Unit

_TEMPERATURE = 0.7


@dataclass(frozen=True)
class Answer:
    number: int | None
    passes: bool
    attempt: Attempt


class Asking:
    """Answers of a model on the most suspicious function, each tried on every visible test."""

    def __init__(self, model: Model, case: Case, target: Target, found: Found, how: How) -> None:
        self._model, self._case, self._target, self._found, self._how = model, case, target, found, how
        self._stop = Stop()

    def chain(self) -> tuple[Unit, ...]:
        """One shot, then its revisions; ends when it passes, or says again what it said."""
        units: list[Unit] = []
        last: Attempt | None = None
        for _ in range(self._how.rounds + 1):
            began = time.monotonic()
            asked = self._asked(last)
            sampling = sampling_for(self._target, 1, 0.0, self._how.seed, asked.opening)
            said = self._model.sample(asked.messages, sampling, Stop())
            answer = self._tried(said[0])
            units.append(self._unit(began, [answer]))
            if answer.passes or (last is not None and last.code == answer.attempt.code):
                break
            last = answer.attempt
        return tuple(units)

    def tree(self) -> tuple[tuple[Unit, ...], ...]:
        """Batches, each with its revisions, until all are drawn or the tree's own time is over."""
        self._stop = Stop(self._how.tree_seconds)
        whole: list[tuple[Unit, ...]] = []
        for batch in range(self._how.samples // BATCH):
            if self._stop:
                break
            began = time.monotonic()
            asked = self._asked(None)
            sampling = sampling_for(self._target, BATCH, _TEMPERATURE, self._seed(batch, 0), asked.opening)
            said = self._model.sample(asked.messages, sampling, Stop())
            lanes: list[Answer] = [self._tried(one) for one in said]
            units = [self._unit(began, lanes)]
            for turn in range(1, self._how.rounds + 1):
                if self._stop or all(lane.passes for lane in lanes):
                    break
                units.append(self._revised(lanes, batch, turn))
            whole.append(tuple(units))
        return tuple(whole)

    def _revised(self, lanes: list[Answer], batch: int, turn: int) -> Unit:
        """Each lane that fails is asked again, all at once; `lanes` then holds the new answers."""
        began = time.monotonic()
        waiting = [i for i, lane in enumerate(lanes) if not lane.passes]

        def again(i: int) -> Completion:
            asked = self._asked(lanes[i].attempt)
            sampling = sampling_for(self._target, 1, _TEMPERATURE, self._seed(batch, turn) + i, asked.opening)
            return self._model.sample(asked.messages, sampling, Stop())[0]

        with ThreadPoolExecutor(BATCH) as pool:
            said = list(pool.map(again, waiting))
        for i, one in zip(waiting, said, strict=True):
            lanes[i] = self._tried(one)
        return self._unit(began, [lanes[i] for i in waiting])

    def _asked(self, last: Attempt | None) -> Asked:
        """In the model's own form, as the product asks it."""
        return repair(self._target, self._model.form, last)

    def _seed(self, batch: int, turn: int) -> int:
        return self._how.seed * 1_000_003 + batch * 10_007 + turn * 101

    def _unit(self, began: float, answers: Sequence[Answer]) -> Unit:
        return Unit(round(time.monotonic() - began, 3), tuple(answer.number for answer in answers))

    def _tried(self, completion: Completion) -> Answer:
        try:
            begun = opening(self._target.function, self._model.form)
            candidate, text = candidate_from(completion, self._target, self._model.name, begun)
        except Unusable as why:
            return Answer(None, False, Attempt(completion.text, str(why)))
        trial = self._case.trial
        run = trial.session.run(("test_solution.py",), edits_of(candidate.patch), limits=trial.limits)
        number = None if is_unchanged(candidate) else self._found.number(candidate)
        failing = next((t.nodeid for t in run.tests if t.outcome is not Outcome.PASSED), trial.nodeid)
        return Answer(number, run.status is Status.PASS, Attempt(text, feedback_of(run, failing)))
