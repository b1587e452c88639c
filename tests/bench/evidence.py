"""`make bench-evidence`: what the evidence of a failing test costs beside its plain run. The bar is 3 times and 5 MB.

Each program runs plainly and under the probe, in turns, in one warm session; the run's wall clock counts, fork and
pytest included. Bytes: the whole result as text, more than what crosses the sandbox's wall.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from darner.engine.evidence import patient
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Detail, TestResult

PROGRAMS = {
    "tiny": "def work():\n    return 1\n",
    "loop": "def work():\n    t = 0\n    for i in range(1_500_000):\n        t += i\n    return t\n",
    "calls": "def add(a, b):\n    return a + b\n\n\ndef work():\n    t = 0\n    for i in range(400_000):\n"
    "        t = add(t, i)\n    return t\n",
    "recursion": "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n\n\n"
    "def work():\n    return fib(23)\n",
    "containers": "def work():\n    rows = []\n    for i in range(60_000):\n        rows.append({'n': i})\n"
    "    return sorted(rows, key=lambda row: -row['n'])[0]\n",
    "library": "import json\n\n\ndef work():\n    return len(json.dumps([list(range(100))] * 3_000))\n",
}


@dataclass(frozen=True)
class Row:
    program: str
    plain: list[float]
    traced: list[float]
    size: int

    @property
    def ratios(self) -> list[float]:
        return [traced / plain for traced, plain in zip(self.traced, self.plain, strict=True)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--python", default=sys.executable, help="the projects' interpreter, with pytest")
    options = parser.parse_args()
    print(f"{options.python}; {options.rounds} rounds; times of the plain run: min, median, max")
    with tempfile.TemporaryDirectory(prefix="evidence-") as folder:
        for name, source in PROGRAMS.items():
            root = (Path(folder) / name).resolve()
            root.mkdir()
            (root / "program.py").write_text(source)
            (root / "test_program.py").write_text(
                "import program\n\n\ndef test_it():\n    assert program.work() is None\n"
            )
            with open_session(root, Path(options.python), trusted=True) as session:
                print(line(measure(session, name, options.rounds)), flush=True)
    return 0


def measure(session: Session, name: str, rounds: int) -> Row:
    plain: list[float] = []
    traced: list[float] = []
    told: TestResult | None = None
    size = 0
    for _ in range(rounds):
        run = session.run((), limits=patient(told))
        told = run.tests[0]
        plain.append(run.seconds)
        run = session.run((), limits=patient(told), detail=Detail.EVIDENCE)
        traced.append(run.seconds)
        size = max(size, len(repr(run.tests)))
    return Row(name, plain, traced, size)


def line(row: Row) -> str:
    low, middle, high = min(row.ratios), statistics.median(row.ratios), max(row.ratios)
    plain = statistics.median(row.plain)
    shown = f"{row.program:12} {low:5.2f} {middle:5.2f} {high:5.2f}"
    return f"{shown}   plain {1e3 * plain:7.1f} ms   {row.size / 1e6:6.3f} MB"


if __name__ == "__main__":
    sys.exit(main())
