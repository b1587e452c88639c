"""One task of `make bench-select`: every candidate that anybody comes to, when, and whether it is right.

    chain   the greedy answer, revised on real feedback as often as allowed
    tree    independent samples in batches of four, each revised as often as allowed: every N and R is a part of it
    hunts   the loop itself, without a model, and with N samples

Each part has a clock of its own, which starts before the project is copied. Hidden tests run last, in another sandbox.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from darner.engine import behaviour
from darner.engine.case import Case, open_case
from darner.engine.config import Budget
from darner.engine.crew import expect_help
from darner.engine.events import Done
from darner.engine.evidence import Flaky, gather
from darner.engine.front import Front
from darner.engine.hunt import hunt
from darner.engine.loop import begin, conclude
from darner.engine.model import Completion, Message, Model, Sampling
from darner.engine.pool import UNCHANGED, targets_of
from darner.engine.stop import Stop
from darner.engine.suite import Suite, run_suite
from darner.engine.trial import edits_of
from darner.engine.types import Candidate, FailureReport
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import CallResult, Status
from repair import SCORING
from select_draw import Asking
from select_types import Found, How, Hunt, LeftOut, TaskRow, Unit

_OUTPUTS_S = 8.0


def record(task: dict[str, str], folder: Path, model: Model | None, how: How, python: Path) -> TaskRow:
    """`folder` is empty and the task's own. Raises LeftOut where nothing can be recorded, and ModelError."""
    (folder / "visible").mkdir()
    root = (folder / "visible").resolve()
    (root / "solution.py").write_text(task["source"])
    (root / "test_solution.py").write_text(task["visible_tests"])
    found = Found()
    hunts = list(_hunts(root, model, how, found, python))
    began = time.monotonic()
    with open_session(root, python, trusted=True) as session:
        case = _opened(session, run_suite(session, (), Stop()), Stop())
        setup = time.monotonic() - began
        targets = case.targets(most=1)
        chain: tuple[Unit, ...] = ()
        tree: tuple[tuple[Unit, ...], ...] = ()
        if model is not None and targets:
            asking = Asking(model, case, targets[0], found, how)
            chain, tree = asking.chain(), asking.tree()
        score(task, folder, python, found)
        wanted = {i for units in tree for i in units[0].candidates if i is not None}
        wanted |= {i for one in hunts for i in one.pool}
        wanted |= {i for i, visible in enumerate(found.visible) if visible}
        places, original = behave(case, found, wanted)
    return TaskRow(
        task=task["id"],
        setup_s=round(setup, 3),
        test=case.test,
        facts=case.explanation.facts,
        places=places,
        original=original,
        seen=found.seen(),
        chain=chain,
        tree=tree,
        hunts=tuple(hunts),
    )


def _opened(session: Session, suite: Suite, stop: Stop) -> Case:
    """The first failing test. Raises LeftOut."""
    if not suite.failing:
        raise LeftOut("no visible test fails")
    try:
        return open_case(session, suite, gather(session, suite, suite.failing[0], stop))
    except Flaky as flaky:
        raise LeftOut(flaky.note) from flaky


# The loop itself


def _hunts(root: Path, model: Model | None, how: How, found: Found, python: Path) -> Sequence[Hunt]:
    if not how.full:
        return []
    hunts = [hunted(root, None, 0, how, found, python)]
    for samples in how.full if model is not None else ():
        last = hunts[-1]
        if len(hunts) > 1 and not last.sampled:  # no sample was drawn, so their number changes nothing
            hunts.append(replace(last, samples=samples))
        else:
            hunts.append(hunted(root, model, samples, how, found, python))
    return hunts


def hunted(root: Path, model: Model | None, samples: int, how: How, found: Found, python: Path) -> Hunt:
    budget = Budget("bench", how.seconds, samples=samples, rounds=2, prose=False)
    counted = Counted(model) if model is not None else None
    began, stop = time.monotonic(), Stop()
    with open_session(root, python, trusted=True) as session:
        suite = run_suite(session, (), stop)
        stop = Stop(budget.seconds)
        expect_help(session)
        case = _opened(session, suite, stop)
        work = begin(case, budget, stop, began)
        for _ in hunt(work, counted, budget, how.seed):
            pass
        work.stop = stop
        report = next(e.report for e in conclude(work, counted, prose=False) if isinstance(e, Done))
        seconds = time.monotonic() - began
    offered, rival = _offered(report, found)
    return Hunt(
        samples=samples,
        seconds=round(seconds, 3),
        calls=counted.calls if counted is not None else 0,
        sampled=counted.sampled if counted is not None else False,
        pool=tuple(dict.fromkeys(found.number(candidate) for candidate in work.plausible)),
        offered=offered,
        rival=rival,
        status=str(report.status),
    )


def _offered(report: FailureReport, found: Found) -> tuple[int | None, int | None]:
    if not report.repairs:
        return None, None
    rival = report.repairs[report.question.answers[1].candidate] if report.question is not None else None
    first = found.number(report.repairs[0].candidate)
    return first, found.number(rival.candidate) if rival is not None else None


class Counted(Front[Model]):
    """A model that counts the completions and scorings asked of it."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.calls = 0
        self.sampled = False

    def sample(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stop: Stop,
        on_text: Callable[[int, str], None] | None = None,
        on_completion: Callable[[int, Completion], None] | None = None,
    ) -> tuple[Completion, ...]:
        self.calls += sampling.n
        self.sampled = True
        return super().sample(messages, sampling, stop, on_text, on_completion)

    def score(self, messages: Sequence[Message], continuations: Sequence[str], stop: Stop) -> tuple[float, ...]:
        self.calls += 1
        return super().score(messages, continuations, stop)


# What is known of the candidates afterwards


def behave(case: Case, found: Found, wanted: set[int]) -> tuple[tuple[tuple[str, str], ...], dict[str, CallResult]]:
    """Run those candidates, and the code unrepaired, where no test looks; the places that they edit."""
    chosen = [found.candidates[i] for i in sorted(wanted)]
    places = tuple(targets_of(case, chosen))
    inputs = behaviour.inputs_for(case.evidence, places)
    session, nodeid = case.trial.session, case.evidence.nodeid
    for i in sorted(wanted):
        began = time.monotonic()
        given = behaviour.outputs(session, found.candidates[i], inputs, nodeid, Stop(_OUTPUTS_S))
        found.outputs[i] = (given, round(time.monotonic() - began, 3))
    return places, behaviour.outputs(session, UNCHANGED, inputs, nodeid, Stop(_OUTPUTS_S))


def score(task: dict[str, str], folder: Path, python: Path, found: Found) -> None:
    """Where the tool never looks: every candidate on the visible tests, and those that pass on the hidden ones."""
    root = (folder / "scored").resolve()
    root.mkdir()
    (root / "solution.py").write_text(task["source"])
    (root / "test_solution.py").write_text(task["visible_tests"])
    (root / "test_hidden_tests.py").write_text(task["hidden_tests"])

    def passes(session: Session, candidate: Candidate, file: str) -> bool:
        return session.run((file,), edits_of(candidate.patch), limits=SCORING).status is Status.PASS

    with open_session(root, python, trusted=True) as session:
        for candidate in found.candidates:
            seen = passes(session, candidate, "test_solution.py")
            found.visible.append(seen)
            found.hidden.append(seen and passes(session, candidate, "test_hidden_tests.py"))
