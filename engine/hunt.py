"""Candidates for one failing test, as long as the budget lasts: search, a model's samples, and search again."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from .choose import lost
from .config import Budget
from .crew import Helper, opens_soon
from .errors import ModelError
from .events import Event, Phase, Tried
from .model import Model
from .sample import Sampler
from .search import reversal
from .work import Work

_SEARCH_S = 12.0
_SEARCH_MOST = 1_500
_MODEL_SHARE = 0.6
"""Of the time that is left; what the model leaves unsolved goes back to the search."""
_LINGER_FACTOR, _LINGER_LEAST, _LINGER_DOUBTFUL, _LINGER_MOST_S = 1.0, 24, 72, 5.0
"""After the first success as many candidates again, at least 24, to see what else passes, and more where all
that passes drops some of what the code read; counted, so that a busy machine finds the same repair as a quiet one.
"""
_PARTIAL_MOST_S = 12.0
"""After a cure of some of the failing tests, to find one of all: it may be two faults that share a function."""
_PARTIAL_MODEL_S = 30.0
"""For a model to find one, once a cure of some is verified."""
_LONG = 60
"""Candidates, after which a partner session is worth any start."""
_ENOUGH_PLAUSIBLE = 24


def hunt(work: Work, model: Model | None, budget: Budget, seed: int) -> Iterator[Event]:
    """Fill `work.plausible`. A model is asked only for what the search did not find (design.md, rule 2)."""
    yield from _search(work, limited=model is not None and budget.samples > 0) if budget.search else ()
    if not work.cures_all and model is not None and budget.samples and not work.stop:
        yield from _ask_model(work, model, budget, seed)
        yield from _search(work, limited=False) if budget.search and not (work.plausible or work.partial) else ()


def _search(work: Work, limited: bool) -> Iterator[Event]:
    """Reversals, then mutants; lingers a little after the first success to see whether others behave differently."""
    nodeid = work.case.evidence.nodeid
    slow = work.case.trial.session.slow_because or work.case.trial.session.repeats_because
    alone = f", each with its own imports: {slow}" if slow else ""
    yield Phase(nodeid, "search", f"trying edits of suspicious lines{alone}")
    stop = work.stop.within(_SEARCH_S) if limited else work.stop
    if not work.tried:
        undone = reversal(work.case, stop)
        if undone is not None:
            work.tried += 1
            if work.heeds(undone):
                work.accept(undone)
                return
    some = work.partial
    stop = stop.within(_PARTIAL_MOST_S) if some else stop
    work.learn_failure()
    with Helper(work.case.trial, work.advance, stop) as helper:
        while not (stop or (limited and work.tried >= _SEARCH_MOST) or len(work.plausible) >= _ENOUGH_PLAUSIBLE):
            if work.tried >= _LONG or opens_soon(work.case.trial.session):
                helper.call()
            if not work.advance(work.case.trial, stop):
                helper.finish()
                if not stop and (work.returned or (not limited and work.begin_again())):
                    continue
                work.exhausted = not work.returned
                break
            if work.plausible and not some:
                some, stop = True, stop.within(_PARTIAL_MOST_S)
            if work.cures_all and work.enough == sys.maxsize:
                least = _LINGER_DOUBTFUL if all(map(lost, work.plausible)) else _LINGER_LEAST
                work.enough = work.tried + max(least, round(_LINGER_FACTOR * work.tried))
                stop = stop.within(_LINGER_MOST_S)
            if work.tried >= work.enough:
                break
            yield Tried(nodeid, work.tried, len(work.plausible))
        helper.rest()
    yield Tried(nodeid, work.tried, len(work.plausible))


def _ask_model(work: Work, model: Model, budget: Budget, seed: int) -> Iterator[Event]:
    nodeid = work.case.evidence.nodeid
    yield Phase(nodeid, "model", f"sampling repairs from {model.name}")
    left = _MODEL_SHARE if budget.search else 1.0
    share = work.stop.within(left * min(work.stop.remaining_s, budget.seconds))
    share = share.within(_PARTIAL_MODEL_S) if work.partial else share
    sampler = Sampler(model, work.case, budget, seed, work.attempt, share, work.verified)
    try:
        sampler.run()
    except ModelError as error:
        work.trouble = str(error)
    if sampler.left_out:
        yield Phase(nodeid, "model", f"left out of the prompt for lack of space: {', '.join(sampler.left_out)}")
    yield Tried(nodeid, work.tried, len(work.plausible))
