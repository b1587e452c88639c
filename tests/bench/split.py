"""Which share of a project's passing tests can be judged from a process of its own, and how long that takes.

For each sampled test: the project function that it calls first is changed by a statement without effect, and the test
runs split (darner/sandbox/split.py). Everything but PASS is a test for which assurance A is out of reach.

    python tests/bench/split.py FOLDER [--tests 60] [--seed 0]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections import Counter
from pathlib import Path

from darner.engine.protected import is_test_path
from darner.engine.source import Source
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.sandbox.session import Session, open_session
from darner.sandbox.split import Split, split
from darner.sandbox.types import Call, Detail, Limits, Status

_ROOMY = Limits(wall_s=60.0, cpu_s=60.0, test_wall_s=50.0, test_cpu_s=40.0)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("folder", type=Path)
    given.add_argument("--tests", type=int, default=60)
    given.add_argument("--seed", type=int, default=0)
    given.add_argument("--each", action="store_true", help="one line for every test")
    options = given.parse_args()
    ended: Counter[str] = Counter()
    why: Counter[str] = Counter()
    seconds: list[float] = []
    with open_session(options.folder.resolve(), Path(sys.executable), trusted=False) as session:
        passing = sorted(run_suite(session, (), Stop(600.0)).passed)
        for nodeid in random.Random(options.seed).sample(passing, min(options.tests, len(passing))):
            result = measured(session, nodeid)
            ended[result.status if result else "calls nothing"] += 1
            if result is not None and result.status is Status.PASS:
                seconds.append(result.seconds)
            elif result is not None:
                why[f"{result.status}: {result.detail}"] += 1
            if options.each:
                print(nodeid, result, flush=True)
        backend = session.guarantees.backend
    asked = sum(ended.values()) - ended["calls nothing"]
    print(f"{options.folder.name}: {len(passing)} pass, {asked} sampled that call the project; backend {backend}")
    print(f"split: {ended[Status.PASS]} of {asked} ({100 * ended[Status.PASS] / max(asked, 1):.0f} %); {dict(ended)}")
    if seconds:
        print(f"seconds: median {statistics.median(seconds):.3f}, least {min(seconds):.3f}")
    for reason, count in why.most_common(12):
        print(f"  {count:3d}  {reason}")


def measured(session: Session, nodeid: str) -> Split | None:
    run = session.run((nodeid,), limits=_ROOMY, detail=Detail.EVIDENCE)
    calls = [call for test in run.tests for call in test.calls]
    first = next((c for c in calls if not is_test_path(c.path) and "<locals>" not in c.function), None)
    data = _changed(session, first) if first is not None else None
    if first is None or data is None:
        return None
    return split(session, nodeid, {first.path: data}, _ROOMY, lambda: False)


def _changed(session: Session, call: Call) -> bytes | None:
    """The file with `pass` at the end of the called function's docstring, or before its first statement."""
    source = Source.parse(call.path, (session.root / call.path).read_bytes())
    function = next((f for f in source.functions() if f.qualname == call.function), None)
    if function is None or function.node.body[0].lineno == function.def_line:
        return None
    last = function.node.body[-1]
    at = source.line_start(last.lineno)
    return source.data[:at] + b" " * last.col_offset + b"pass\n" + source.data[at:]


if __name__ == "__main__":
    main()
