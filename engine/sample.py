"""Candidates from a model: parallel samples of a suspicious function, revised on what really happened.

At most two revisions in a row with only the last round in context (papers.md 3.3), then fresh starts. A batch ends
early when two different answers that pass do the same (papers.md 9, laptop budget). The branch to revise is drawn by
Thompson sampling, Beta(1 + C h, 1 + C (1 - h) + failures), with h the share of tests that pass and C = 20 (REx,
papers.md 8.9).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from ..sandbox.types import CallResult
from .behaviour import grouped, inputs_for, outputs, tells
from .case import Case
from .choose import text_after
from .config import Budget
from .errors import PromptTooLong
from .feedback import feedback_of, in_steps
from .forms import FENCE, Asked, left_out, repair
from .model import Completion, Ending, Model, Role, Sampling
from .parse import Unusable, patch_from
from .pool import targets_of
from .prompt import Attempt, Target, write
from .search import allowed, identity
from .shorten import USUAL, Space
from .stop import Stop
from .types import Candidate, FileChange, Origin, Repair, Verdict

_C = 20.0
_MOST_TARGETS = 2
_TEMPERATURE = 0.7
_REVISION_TEMPERATURE = 0.8
_COMPARE_S = 2.0
_REVISED_MOST_S = 20.0
"""After a cure of some of the failing tests, to find one of all."""
_MOST_LOOKED_AT = 4
_PAIR = 2
"""Answers to each revision, and to each fresh start."""
_TOKENS_PER_CHARACTER = 0.4
_SPARE_TOKENS = 160
_MOST_TOKENS = 1_200

Try = Callable[[Candidate], Verdict | None]
"""Run a candidate; None when it was tried before."""
Ask = Callable[[Space], Asked]
"""A prompt, as long as there is space."""


@dataclass(slots=True)
class Branch:
    """One failed sample that may be revised."""

    target: Target
    attempt: Attempt
    share: float
    """Of the covering tests that still pass, the failing one included."""
    depth: int = 0
    """Revisions that led here."""
    failures: int = 0


class Sampler:
    """Draws candidates for one failing test until one cures all that fail alike, or time or rounds are used up."""

    def __init__(
        self,
        model: Model,
        case: Case,
        budget: Budget,
        seed: int,
        attempt: Try,
        stop: Stop,
        verified: Repair | None = None,
    ) -> None:
        """`verified`: cures some of what fails alike; what it leaves is told first."""
        self._verified = verified
        self._model, self._case, self._budget = model, case, budget
        self._seed, self._try, self._stop = seed, attempt, stop
        self._chance = random.Random(seed)
        self._seen: set[tuple[tuple[str, bytes], ...]] = set()
        self._branches: list[Branch] = []
        self.passed: list[Candidate] = []
        self._given: list[Mapping[str, CallResult]] = []
        """What those give where they were compared; computed when there are two."""
        self._space = USUAL
        self.left_out: dict[str, None] = {}
        """What the prompts did not show for lack of space, in words."""

    def run(self) -> None:
        """Per suspicious function: greedy, then samples, from its description and from the failure; then revisions."""
        if self._verified is not None:
            self._go_on_from(self._verified)
        for target in self._case.targets(most=_MOST_TARGETS) if not self._done() else ():
            asked: list[Ask] = [partial(_written, target)] if target.description else []
            asked.append(partial(self._repaired, target, None))
            for temperature, n in ((0.0, 1), (_TEMPERATURE, max(self._budget.samples // len(asked), 1))):
                for ask in asked:
                    self._sample(target, ask, n, temperature)
                    if self._done():
                        return
        for _ in range(self._budget.rounds * max(self._budget.samples // 2, 1)):
            if self._done():
                return
            self._revise()

    def _go_on_from(self, verified: Repair) -> None:
        """As many samples as of a failure, shown what was verified and how a test fails that it leaves."""
        for target in targets_of(self._case, [verified.candidate]).values():
            feedback = self._feedback(verified.candidate, verified.verdict, 0)
            attempt = Attempt(text_after(target, verified.candidate), feedback)
            ask, space = partial(self._repaired, target, attempt), self._space
            with suppress(PromptTooLong):  # a prompt without the code that was tried may fit
                self._sample(target, ask, self._budget.samples, _REVISION_TEMPERATURE)
            self._space = space

    def _revise(self) -> None:
        """The most promising branch that was not revised too often; where none is left, a fresh start."""
        most = self._budget.rounds
        open_ones = [branch for branch in self._branches if branch.depth < most and branch.failures < most]
        if not open_ones:
            for target in self._case.targets(most=1):
                self._sample(target, partial(self._repaired, target, None), _PAIR, _TEMPERATURE)
            return
        branch = max(open_ones, key=self._draw)
        branch.failures += 1
        ask = partial(self._repaired, branch.target, branch.attempt)
        self._sample(branch.target, ask, _PAIR, _REVISION_TEMPERATURE, branch)

    def _done(self) -> bool:
        return bool(self._stop) or bool(self.passed)

    def _draw(self, branch: Branch) -> float:
        return self._chance.betavariate(1 + _C * branch.share, 1 + _C * (1 - branch.share) + branch.failures)

    def _sample(self, target: Target, ask: Ask, n: int, temperature: float, revised: Branch | None = None) -> None:
        """Raises ModelError, for a prompt that does not fit only when nothing more can be left out of it."""
        self._seed += 1_000
        while True:
            asked = ask(self._space)
            sampling = sampling_for(target, n, temperature, self._seed, asked.opening)
            batch = self._stop.branch()
            judge = partial(self._judge, target, asked.opening, revised, batch)
            try:
                self._model.sample(asked.messages, sampling, batch, on_completion=judge)
                self.left_out |= dict.fromkeys(left_out(target, self._model.form, self._space))
                return
            except PromptTooLong:
                less = self._space.less()
                if less is None:
                    raise
                self._space = less

    def _repaired(self, target: Target, last: Attempt | None, space: Space) -> Asked:
        """In the model's form at this moment: an adapter may be adopted or taken back between two requests."""
        return repair(target, self._model.form, last, space)

    def _judge(
        self, target: Target, opening: str, revised: Branch | None, batch: Stop, _: int, completion: Completion
    ) -> None:
        if batch.cancelled or completion.ending is Ending.CANCELLED:
            return  # others agree already: what ended in the meantime would change nothing
        try:
            candidate, text = candidate_from(completion, target, self._model.name, opening)
        except Unusable:
            return
        key = identity(candidate.patch)
        if key in self._seen or is_unchanged(candidate):
            return
        self._seen.add(key)
        verdict = self._try(candidate) if allowed(self._case, candidate) else None
        if verdict is None:
            return
        if verdict.target_passed and not verdict.broken and not verdict.uncured:
            self.passed.append(candidate)
            if self._agree():
                batch.cancel()
            return
        if verdict.uncured:
            self._stop = self._stop.within(_REVISED_MOST_S)
        depth = revised.depth + 1 if revised is not None else 0
        earlier = revised.attempt if revised is not None and self._budget.history else None
        attempt = Attempt(text, self._feedback(candidate, verdict, depth), earlier)
        self._branches.append(Branch(target, attempt, _share(verdict), depth))

    def _agree(self) -> bool:
        """Two different answers that pass give the same wherever they were compared: no more are waited for."""
        case, passed = self._case, self.passed
        if len(passed) < 2:
            return False
        inputs = inputs_for(case.evidence, targets_of(case, passed[:1]), case.sources)
        for candidate in passed[len(self._given) :]:
            stop = self._stop.within(_COMPARE_S)
            self._given.append(outputs(case.trial.session, candidate, inputs, case.evidence.nodeid, stop))
        return any(len(each.members) > 1 and tells(each.outputs) for each in grouped(self._given))

    def _feedback(self, candidate: Candidate, verdict: Verdict, depth: int) -> str:
        trial = self._case.trial
        nodeid = self._left(candidate, verdict) or trial.nodeid
        other = f"That test passes with it, but {nodeid.split('::')[-1]}, which failed too, still fails.\n"
        said = other if nodeid != trial.nodeid else ""
        if depth == 0:
            return said + feedback_of(trial.look(candidate, nodeid, self._stop), nodeid)
        return said + in_steps(trial.look_closely(candidate, nodeid, self._stop), nodeid, candidate)

    def _left(self, candidate: Candidate, verdict: Verdict) -> str:
        """The first test that is not cured and fails alone, too: of others a run would show nothing."""
        trial = self._case.trial
        for nodeid in verdict.uncured[:_MOST_LOOKED_AT]:
            run = trial.look(candidate, nodeid, self._stop)
            if any(test.nodeid == nodeid and test.failure is not None for test in run.tests):
                return nodeid
        return ""


def _written(target: Target, space: Space) -> Asked:
    return Asked(write(target, space))


def sampling_for(target: Target, n: int, temperature: float, seed: int, opening: str = FENCE) -> Sampling:
    """Of answers that begin with the function's code, as `opening` does, and need not be much longer than it."""
    return Sampling(
        n=n,
        temperature=temperature,
        max_tokens=min(_MOST_TOKENS, int(len(target.text) * _TOKENS_PER_CHARACTER) + _SPARE_TOKENS),
        seed=seed,
        stop=("\n```\n", "\n```"),
        prefill=opening,
        python=True,
        role=Role.REPAIRER,
    )


def candidate_from(completion: Completion, target: Target, model: str, opening: str = FENCE) -> tuple[Candidate, str]:
    """The candidate, and the function as the model wrote it behind `opening`.

    Raises Unusable when the answer holds none.
    """
    patch, text = patch_from(opening + completion.text, target.source, target.function)
    candidate = Candidate(
        patch=patch,
        origin=Origin.MODEL,
        description=f"`{target.function.qualname}` written again by {model}",
        operator=model,
        prior=0.5,
        path=target.source.path,
        line=_line_in(target, patch.files[0]),
    )
    return candidate, text


def is_unchanged(candidate: Candidate) -> bool:
    return all(change.before == change.after for change in candidate.patch.files)


def _share(verdict: Verdict) -> float:
    return (verdict.still_passing + verdict.target_passed) / (verdict.passed_before + 1)


def _line_in(target: Target, change: FileChange) -> int:
    """The first changed line of the function: an import that was added above it is not where the repair is."""
    function = target.function
    pairs = enumerate(zip(change.before.splitlines(), change.after.splitlines(), strict=False), start=1)
    line = next((i for i, (a, b) in pairs if a != b), function.def_line)
    return line if function.first_line <= line <= function.end_line else function.def_line
