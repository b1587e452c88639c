"""Writing a test: calls from docstring, model and neighbourhood, kept when they hold, depend on the result, and kill
mutants of the function (mutate.py). The test stands in the user's own style, and ran before it is offered.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from ..sandbox.session import Session
from ..sandbox.types import CallResult, Limits, Outcome
from . import behaviour, checks, prompt_write
from .compose import Composed, compose
from .config import Budget
from .errors import BadInput, ModelError
from .events import Event, Phase, Tried
from .habits import Home, home_of
from .literals import bare
from .model import Model, Role, Sampling
from .mutate import mutants
from .nearby import neighbours
from .parse import is_hole
from .stop import Stop
from .stub import Meant, plain
from .suite import SUITE_LIMITS, Suite
from .trial import ended_by_itself
from .types import Patch
from .written import Check, Teller, TestDone, TestWritten

_LIMITS = Limits(wall_s=60.0, cpu_s=30.0, test_wall_s=12.0, test_cpu_s=5.0)
_EACH_S = 1.0
_MOST_MUTANTS = 40
_MOST_CHECKS = 5
_MOST_NEIGHBOURS = 24
_ASKED = 6
_TOKENS = 400
_TRIES = 3
_SENTINELS = ("return object()", "return type('Nothing', (), {'__bool__': lambda self: False})()")


@dataclass
class _Bench:
    session: Session
    suite: Suite
    meant: Meant
    stop: Stop
    base: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """The code as it should be, in place of the files as they are (a repair that is not applied yet)."""
    mutants: list[bytes] = field(default_factory=list[bytes])
    crashed: bool = False
    """No call gave anything."""

    def call(self, calls: Sequence[str], edits: Mapping[str, bytes]) -> tuple[CallResult, ...]:
        stop = self.stop
        return self.session.call(
            self.meant.path, calls, edits, nodeids=(), limits=_LIMITS, each_s=_EACH_S, cancelled=lambda: bool(stop)
        )

    def passes(self, composed: Composed, edits: Mapping[str, bytes]) -> bool | None:
        """None when the run says nothing."""
        files = {**edits, **{change.path: change.after for change in composed.patch.files}}
        stop = self.stop
        run = self.session.run((composed.nodeid,), files, limits=_LIMITS, cancelled=lambda: bool(stop))
        test = next((t for t in run.tests if t.nodeid == composed.nodeid), None)
        if test is None or not ended_by_itself(run):
            return None if stop or test is None else False
        return test.outcome is Outcome.PASSED


def write_test(
    session: Session, suite: Suite, meant: Meant, model: Model | None, budget: Budget, stop: Stop, seed: int = 0
) -> Iterator[Event | TestDone]:
    """A test for a function that has a body; the last event is TestDone. Nothing of the user's is changed.

    `suite` was run with Detail.COVERAGE. Raises BadInput for a stub.
    """
    name = meant.name
    if is_hole(meant.function.node):
        raise BadInput(
            f"{meant.place}: {plain(meant.function.qualname)} has no body to test; `darner write` writes one."
        )
    began = time.monotonic()
    bench = _Bench(session, suite, meant, stop.within(budget.seconds))
    found = list(checks.from_docstring(meant))
    trouble = ""
    if model is not None:
        yield Phase(name, "model", f"asking {model.name} for calls")
        try:
            found += _asked(bench, model, seed)
        except ModelError as error:
            trouble = str(error)
    yield Phase(name, "run", f"running {len(found)} calls and others near them")
    held = _held(bench, found)
    if not held:
        yield TestDone(_none(bench, began, trouble or _no_calls(bench)))
        return
    kills = _kills(bench, held)
    yield Tried(name, len(bench.mutants), len(set[int]().union(*kills.values())) if kills else 0)
    yield Phase(name, "confirm", "running the new test, on the code and on wrong versions of it")
    yield TestDone(_composed(bench, home_of(session.root, suite, meant), held, kills, began))


def example_test(
    session: Session, suite: Suite, meant: Meant, check: Check, base: Patch, others: Sequence[Patch], stop: Stop
) -> TestWritten:
    """The answer to a question as a test: it passes with the chosen edit (`base`) and fails with each of the others."""
    began = time.monotonic()
    bench = _Bench(session, suite, meant, stop, {change.path: change.after for change in base.files})
    home = home_of(session.root, suite, meant)
    composed = compose(session.root, meant, home, [check])
    if bench.passes(composed, bench.base) is not True:
        return _none(bench, began, f"{check.call} does not give {check.value} when it is run as a test.")
    wrong = [{change.path: change.after for change in other.files} for other in others]
    told = sum(bench.passes(composed, edits) is False for edits in wrong)
    if told < len(wrong):
        return _none(bench, began, "The example does not tell the chosen repair from the other one when it is run.")
    return _done(bench, composed, (check,), told, len(wrong), began)


def _asked(bench: _Bench, model: Model, seed: int) -> list[Check]:
    """Assert statements of the model's, which sees the whole function."""
    meant = bench.meant
    messages = prompt_write.inputs(meant, _ASKED, meant.source.text_of(meant.function))
    beginning = "```python\nassert "
    found: dict[str, Check] = {}
    for n, temperature in ((1, 0.0), (3, 0.8)):
        if bench.stop:
            break
        sampling = Sampling(
            n, temperature, max_tokens=_TOKENS, seed=seed, stop=("\n```",), prefill=beginning, role=Role.AUDITOR
        )
        for answer in model.sample(messages, sampling, bench.stop):
            for check in checks.from_model(beginning + answer.text, meant):
                found.setdefault(check.call, check)
    return list(found.values())


def _held(bench: _Bench, found: Sequence[Check]) -> list[Check]:
    """What holds on the present code; calls near the given ones too, recorded as they are."""
    known = {check.call for check in found}
    near: dict[str, None] = {}
    for check in found:
        near.update(dict.fromkeys(islice(neighbours(check.call), _MOST_NEIGHBOURS // max(len(found), 1) + 2)))
    every = [*found, *(Check(call, "", False, Teller.CODE) for call in near if call not in known)]
    given = bench.call([check.call for check in every], bench.base)
    bench.crashed = bool(given) and all(one.exception == "Crash" for one in given)
    held = list(dict.fromkeys(checks.settled(every, given, bench.meant)))
    again = bench.call([check.call for check in held], bench.base)  # a clock gives other values by now
    steady = set(checks.settled(held, again, bench.meant))
    return [check for check in held if check in steady]


def _kills(bench: _Bench, held: Sequence[Check]) -> dict[Check, set[int]]:
    """Which mutants each check notices: another value, or another exception."""
    meant = bench.meant
    lines = dict.fromkeys(range(meant.function.body_line, meant.function.end_line + 1), 1.0)
    bench.mutants = [c.patch.files[0].after for c in islice(mutants(meant.source, lines), _MOST_MUTANTS)]
    calls = [check.call for check in held]
    right = bench.call(calls, bench.base)
    kills: dict[Check, set[int]] = {check: set() for check in held}
    for index, mutant in enumerate(bench.mutants):
        if bench.stop:
            break
        for check, old, new in zip(held, right, bench.call(calls, {meant.path: mutant}), strict=True):
            if bare(behaviour.shown(old)) != bare(behaviour.shown(new)):
                kills[check].add(index)
    return kills


def _chosen(held: Sequence[Check], kills: Mapping[Check, set[int]]) -> list[Check]:
    """A few checks that together kill most: each kills one that those before it leave; told before recorded."""
    order = list(Teller)
    left = set[int]().union(*kills.values())
    chosen: list[Check] = []
    while left and len(chosen) < _MOST_CHECKS:

        def worth(check: Check, left: set[int] = left) -> tuple[bool, int, int, int]:
            gained = len(kills[check] & left)
            return gained > 0, -order.index(check.teller), gained, -len(check.call)

        best = max(held, key=worth)
        if not kills[best] & left:
            break
        chosen.append(best)
        left -= kills[best]
    return sorted(chosen, key=held.index)


def _composed(
    bench: _Bench, home: Home, held: Sequence[Check], kills: Mapping[Check, set[int]], began: float
) -> TestWritten:
    """The test as it will stand, with checks left out that do not hold there."""
    chosen = _chosen(held, kills)
    for _ in range(_TRIES):
        if not chosen or bench.stop:
            break
        composed = compose(bench.session.root, bench.meant, home, chosen)
        if bench.passes(composed, bench.base) is True:
            killed = set[int]().union(*(kills[check] for check in chosen))
            if why := _trivial(bench, composed, sorted(killed)):
                return _none(bench, began, why)
            return _done(bench, composed, tuple(chosen), len(killed), len(bench.mutants), began)
        alone = [c for c in chosen if bench.passes(compose(bench.session.root, bench.meant, home, [c]), bench.base)]
        chosen = alone if len(alone) < len(chosen) else alone[:1]
    if bench.stop:
        return _none(bench, began, "The budget ended before a test was verified; give more seconds.")
    if any(kills.values()):
        return _none(bench, began, "What the calls give could not be told by a test that passes on the present code.")
    return _none(bench, began, "No call that was tried tells the function from wrong versions of it.")


def _trivial(bench: _Bench, composed: Composed, killed: Sequence[int]) -> str:
    """Why the test proves nothing; empty when it fails without the function's result, and on a wrong version of it."""
    meant = bench.meant
    others = [meant.source.replace_body(meant.function, text) for text in _SENTINELS]
    results = [bench.passes(composed, {meant.path: other}) for other in others]
    if False not in results:
        return "The test passes whatever the function gives, so it was not kept."
    for index in killed[:_TRIES]:
        if bench.passes(composed, {meant.path: bench.mutants[index]}) is False:
            return ""
    return "The test passes on every wrong version of the function that was tried, so it was not kept."


def _done(
    bench: _Bench, composed: Composed, kept: tuple[Check, ...], killed: int, tried: int, began: float
) -> TestWritten:
    """The last run: everything from cold, with the test in its place."""
    seconds = 60.0 + 5.0 * bench.suite.run.seconds
    limits = bench.session.within(replace(SUITE_LIMITS, wall_s=seconds, cpu_s=seconds))
    files = {**bench.base, **{change.path: change.after for change in composed.patch.files}}
    stop = bench.stop
    before = sorted(bench.suite.passed)
    names = (composed.nodeid, *before)
    run = bench.session.run(names, files, limits=limits, fresh=True, cancelled=lambda: bool(stop))
    passed = {test.nodeid for test in run.tests if test.outcome is Outcome.PASSED}
    if not ended_by_itself(run) or not {composed.nodeid, *before} <= passed:
        lost = next((n for n in names if n not in passed), composed.nodeid)
        return _none(bench, began, run.detail or f"With the new test in place, {lost} does not pass from cold.")
    return TestWritten(bench.meant.name, composed.patch, composed.nodeid, kept, killed, tried, time.monotonic() - began)


def _none(bench: _Bench, began: float, note: str) -> TestWritten:
    note = "Cancelled; nothing was changed." if bench.stop.cancelled else note
    return TestWritten(bench.meant.name, None, "", (), 0, len(bench.mutants), time.monotonic() - began, note)


def _no_calls(bench: _Bench) -> str:
    name, path = plain(bench.meant.function.qualname), bench.meant.path
    if bench.crashed:
        return f"No call of {name} could be made: {path} could not be imported, or the call ended the process."
    return (
        f"No call of {name} could be written whose result is the same twice and can be compared; "
        "an example in its docstring would help."
    )
