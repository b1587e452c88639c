"""Generated histories in real git repositories: of many harmless edits, exactly the guilty ones are taken back."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from darner.engine.case import open_case
from darner.engine.culprit import culprits
from darner.engine.evidence import gather
from darner.engine.history import Hunk
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.types import Candidate, Origin
from darner.sandbox.session import open_session

FUNCTION = '''\
def part_{n}(x):
    """Adds {n}."""
    result = x
    result += {n}
    # done
    return result


'''


@dataclass(frozen=True)
class History:
    before: str
    after: str
    guilty: frozenset[int]
    """Lines of `after`, from 1, whose reversal is needed, no more and no less."""
    hunks: int


def history(seed: int) -> History:
    """Some functions edited since the commit, one edit each; one or two of the edits are wrong."""
    chance = random.Random(seed)
    count = chance.randint(3, 14)
    wrong = set(chance.sample(range(count), chance.choice((1, 1, 2))))
    before = after = ""
    guilty: set[int] = set()
    for n in range(count):
        lines = FUNCTION.format(n=n).splitlines(keepends=True)
        before += "".join(lines)
        start = after.count("\n")
        if n in wrong:
            lines[3] = f"    result += {n} + 1\n"
            guilty.add(start + 4)
        else:
            harmless = ((4, ""), (2, "    x = x + 0\n    result = x\n"), (5, "    return result + 0\n"))
            at, new = chance.choice(harmless)
            lines[at : at + 1] = new.splitlines(keepends=True)
        after += "".join(lines)
    return History(before, after, frozenset(guilty), count)


def project(root: Path, past: History) -> None:
    (root / "parts.py").write_text(past.before)
    calls = " + ".join(f"parts.part_{n}(0)" for n in range(past.hunks))
    expected = past.hunks * (past.hunks - 1) // 2
    (root / "test_parts.py").write_text(f"import parts\n\n\ndef test_all():\n    assert {calls} == {expected}\n")
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "first")):
        subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)
    (root / "parts.py").write_text(past.after)


SEEDS = [pytest.param(seed, marks=pytest.mark.slow) if seed >= 2 else seed for seed in range(20)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_guilty_edits_are_found_exactly_and_in_few_runs(seed: int, tmp_path: Path) -> None:
    """At most 3 log2 n + n runs of the user's tests; what was right stays edited."""
    past = history(seed)
    project(tmp_path, past)
    runs = 0
    with open_session(tmp_path, Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        case = open_case(session, suite, gather(session, suite, "test_parts.py::test_all", Stop()))

        def passes(hunks: Sequence[Hunk]) -> bool:
            nonlocal runs
            runs += 1
            return case.trial.quick(Candidate(case.edits.revert(hunks), Origin.REVERT, ""), Stop()).target_passed

        assert len(case.edits.hunks) == past.hunks
        found = culprits(case.edits, passes)

    assert found is not None
    now, then = past.after.splitlines(), found.patch.files[0].after.decode().splitlines()
    assert {n for n, (a, b) in enumerate(zip(now, then, strict=True), 1) if a != b} == past.guilty
    assert runs <= 3 * math.log2(past.hunks) + past.hunks
