"""A test that passes alone and fails in the suite: which test before it leaves behind what it trips over?"""

from __future__ import annotations

from collections.abc import Sequence

from ..sandbox.session import Session
from ..sandbox.types import Limits, Outcome
from .culprit import least
from .stop import Stop
from .suite import Suite

_LIMITS = Limits(wall_s=300.0, cpu_s=300.0, test_wall_s=40.0, test_cpu_s=20.0)
_MOST_RUNS = 60
"""A single polluter among 20,000 tests takes about 17."""


def before(suite: Suite, nodeid: str) -> tuple[str, ...]:
    """Tests that ran before this one, in their order."""
    names = [test.nodeid for test in suite.results if test.phase != "collect"]
    return tuple(names[: names.index(nodeid)]) if nodeid in names else ()


def polluters(session: Session, earlier: Sequence[str], nodeid: str, stop: Stop) -> tuple[str, ...]:
    """The fewest of the earlier tests after which it fails (usually one); empty when it passes after all of them."""
    runs = 0

    def fails(chosen: Sequence[str]) -> bool:
        nonlocal runs
        runs += 1
        if stop or runs > _MOST_RUNS:
            return False
        run = session.run((*chosen, nodeid), limits=_LIMITS, cancelled=lambda: bool(stop))
        return any(test.nodeid == nodeid and test.outcome in (Outcome.FAILED, Outcome.ERROR) for test in run.tests)

    return least(earlier, fails) if earlier and fails(earlier) else ()
