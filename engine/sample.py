"""Candidates from a model: parallel samples of a suspicious function, revised on what really happened.

At most two revisions with only the last round in context (papers.md 3.3); the branch to revise is drawn by Thompson
sampling, Beta(1 + C h, 1 + C (1 - h) + failures) with h the share of tests that pass and C = 20 (REx, papers.md 8.9).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .case import Case
from .config import Budget
from .model import Completion, Message, Model, Role, Sampling
from .parse import Unusable, patch_from
from .prompt import Attempt, Target, repair, write
from .search import allowed, identity
from .stop import Stop
from .types import Candidate, Origin, Verdict

_C = 20.0
_MOST_TARGETS = 2
_TEMPERATURE = 0.7
_REVISION_TEMPERATURE = 0.8
_TOKENS_PER_CHARACTER = 0.4
_SPARE_TOKENS = 160
_MOST_TOKENS = 1_200

Try = Callable[[Candidate], Verdict | None]
"""Run a candidate; None when it was tried before."""


@dataclass(slots=True)
class Branch:
    """One failed sample that may be revised."""

    target: Target
    attempt: Attempt
    share: float
    """Of the covering tests that still pass, the failing one included."""
    failures: int = 0


class Sampler:
    """Draws candidates for one failing test until one passes, time is up or the rounds are used."""

    def __init__(self, model: Model, case: Case, budget: Budget, seed: int, attempt: Try, stop: Stop) -> None:
        self._model, self._case, self._budget = model, case, budget
        self._seed, self._try, self._stop = seed, attempt, stop
        self._chance = random.Random(seed)
        self._seen: set[tuple[tuple[str, bytes], ...]] = set()
        self._branches: list[Branch] = []
        self.passed = 0

    def run(self) -> None:
        """Per suspicious function: greedy, then samples, from its description and from the failure; then revisions."""
        for target in self._case.targets(most=_MOST_TARGETS):
            asked = [write(target)] if target.description else []
            asked.append(repair(target))
            for temperature, n in ((0.0, 1), (_TEMPERATURE, max(self._budget.samples // len(asked), 1))):
                for messages in asked:
                    self._sample(target, messages, n, temperature)
                    if self._done():
                        return
        for _ in range(self._budget.rounds * max(self._budget.samples // 2, 1)):
            if self._done() or not self._branches:
                return
            branch = max(self._branches, key=self._draw)
            branch.failures += 1
            self._sample(branch.target, repair(branch.target, branch.attempt), 2, _REVISION_TEMPERATURE)

    def _done(self) -> bool:
        return bool(self._stop) or self.passed > 0

    def _draw(self, branch: Branch) -> float:
        return self._chance.betavariate(1 + _C * branch.share, 1 + _C * (1 - branch.share) + branch.failures)

    def _sample(self, target: Target, messages: Sequence[Message], n: int, temperature: float) -> None:
        self._seed += 1_000
        sampling = Sampling(
            n=n,
            temperature=temperature,
            max_tokens=min(_MOST_TOKENS, int(len(target.text) * _TOKENS_PER_CHARACTER) + _SPARE_TOKENS),
            seed=self._seed,
            stop=("\n```\n", "\n```"),
            prefill="```python\n",
            python=True,
            role=Role.REPAIRER,
        )
        self._model.sample(messages, sampling, self._stop, on_completion=lambda _, c: self._judge(target, c))

    def _judge(self, target: Target, completion: Completion) -> None:
        try:
            patch, text = patch_from(f"```python\n{completion.text}", target.source, target.function)
        except Unusable:
            return
        candidate = Candidate(
            patch=patch,
            origin=Origin.MODEL,
            description=f"`{target.function.qualname}` written again by {self._model.name}",
            operator=self._model.name,
            prior=0.5,
            path=target.source.path,
            line=_first_difference(patch.files[0].before, patch.files[0].after, target.function.def_line),
        )
        key = identity(patch)
        if key in self._seen or patch.files[0].before == patch.files[0].after:
            return
        self._seen.add(key)
        verdict = self._try(candidate) if allowed(self._case, candidate) else None
        if verdict is None:
            return
        if verdict.target_passed and not verdict.broken:
            self.passed += 1
            return
        self._branches.append(Branch(target, Attempt(text, self._feedback(candidate)), _share(verdict)))

    def _feedback(self, candidate: Candidate) -> str:
        """What the failing test says now, with the innermost values."""
        run = self._case.trial.look(candidate, self._stop)
        test = next((t for t in run.tests if t.nodeid == self._case.trial.nodeid), None)
        if test is None or test.failure is None:
            return run.detail or "A test that passed before fails now."
        failure = test.failure
        lines = [f"{failure.exception}: {failure.message}"]
        for frame in failure.frames[-2:]:
            values = ", ".join(f"{name} = {value}" for name, value in frame.locals[:8])
            lines.append(f"at line `{frame.source}` in {frame.function}{f', where {values}' if values else ''}")
        return "\n".join(lines)


def _share(verdict: Verdict) -> float:
    return (verdict.still_passing + verdict.target_passed) / (verdict.passed_before + 1)


def _first_difference(before: bytes, after: bytes, otherwise: int) -> int:
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    return next((i for i, (a, b) in enumerate(pairs, start=1) if a != b), otherwise)
