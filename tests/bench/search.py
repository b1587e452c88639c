"""`make bench-search`: how fast candidates are tried, beside a fresh `python -m pytest NODEID` for each of them.

Four projects: the demo's, and three packages whose source distributions hold their tests. In each, one line is spoiled
so that one quick test fails; the candidates are the search's own mutants of the spoiled function. Every row asserts its
verdicts: the same candidates end the same way in a fresh pytest, the spoiled file fails, the original passes.
With `--soak N` the first project runs N candidates more, and the row asserts that nothing grows.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from pathlib import Path

import psutil
from darner.engine.mutate import mutants
from darner.engine.source import Source
from darner.engine.types import Candidate
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Detail, Limits, Status
from repair import HERE, commit, machine

LIMITS = Limits(wall_s=60.0, cpu_s=30.0, test_wall_s=20.0, test_cpu_s=5.0)
HASTY = replace(LIMITS, test_cpu_s=0.1)
RATIO, MEDIAN_MS, MORE_MB = 20.0, 15.0, 60.0
"""What the rows are held against (printed, not asserted: a busy machine is slower)."""
GROWTH_MB, GROWTH_FDS = 8.0, 4
AT_ONCE = 16


@dataclass(frozen=True)
class Subject:
    """One project and the line that is spoiled."""

    name: str
    requirement: str
    """Of its source distribution; empty for a project of this repository."""
    file: str
    good: str
    bad: str
    nodeid: str


SUBJECTS = (
    Subject(
        "orders", "", "orders/prices.py", "if quantity >= start:", "if quantity > start:",
        "tests/test_prices.py::test_a_tier_starts_at_its_own_quantity",
    ),
    Subject(
        "more-itertools", "more-itertools==10.8.0", "more_itertools/more.py",
        "    partial_size = full_size - 1\n    num_full", "    partial_size = full_size - 2\n    num_full",
        "tests/test_more.py::ChunkedEvenTests::test_4",
    ),
    Subject(
        "tabulate", "tabulate==0.9.0", "tabulate/__init__.py", "pos = string.rfind(\".\")", "pos = string.find(\"1\")",
        "test/test_internal.py::test_align_column_decimal",
    ),
    Subject(
        "toolz", "toolz==1.0.0", "toolz/itertoolz.py",
        "    args = [iter(seq)] * n\n    if pad", "    args = [iter(seq)] * 3\n    if pad",
        "toolz/tests/test_itertoolz.py::test_partition",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """Milliseconds of one way to try a candidate."""

    least: float
    median: float
    most: float

    @staticmethod
    def of(seconds: Sequence[float]) -> Spread:
        return Spread(*(round(1000 * s, 2) for s in (min(seconds), statistics.median(seconds), max(seconds))))

    def __str__(self) -> str:
        return f"{self.least:8.1f} {self.median:8.1f} {self.most:8.1f}"


@dataclass(frozen=True)
class Row:
    project: str
    candidates: int
    in_memory: int
    """Of the candidates, those that needed no fresh import."""
    test_ms: float
    """The test itself, as pytest reports it."""
    ours: Spread
    """A candidate as the search tries it: sixteen in a screen, and who does not fail there by itself."""
    alone: Spread
    """A candidate in a run of its own."""
    fresh: Spread
    import_mb: float
    """Resident size of a plain interpreter that imports the spoiled file's package and pytest."""
    worker_mb: float
    """Resident size of the process that candidates are forked from."""

    @property
    def ratio(self) -> float:
        return self.fresh.median / self.ours.median

    def __str__(self) -> str:
        more = self.worker_mb - self.import_mb
        return (
            f"{self.project:15} {self.candidates:5} {self.in_memory:6} {1000 / self.ours.median:7.0f}/s {self.ours}"
            f" {self.alone.median:7.1f} {self.fresh} {self.ratio:6.1f}x {self.test_ms:7.2f} {more:+7.1f}"
        )


def main() -> int:
    options = parse_arguments()
    print(f"{machine()}; commit {commit()}; load {os.getloadavg()[0]:.1f}", flush=True)
    print(f"held against: ratio >= {RATIO:g}, median <= {MEDIAN_MS:g} ms, worker <= import + {MORE_MB:g} MB")
    print(
        f"{'project':15} {'tried':>5} {'memory':>6} {'rate':>9} {'min ms':>8} {'median':>8} {'max':>8}"
        f" {'alone':>7} {'fresh':>8} {'median':>8} {'max':>8} {'ratio':>7} {'test ms':>7} {'+MB':>7}"
    )
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-search-") as folder:
        for subject in SUBJECTS:
            if subject.name in options.projects.split(","):
                root = lay_out(subject, Path(folder).resolve(), options)
                rows.append(measure(subject, root, options))
                print(rows[-1], flush=True)
                if options.soak and len(rows) == 1:
                    print(soak(subject, root, options), flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": machine(),
        "commit": commit(),
        "rows": [{**asdict(r), "ratio": round(r.ratio, 1)} for r in rows],
    }
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--projects", default=",".join(subject.name for subject in SUBJECTS))
    parser.add_argument("--candidates", type=int, default=200, help="of each project")
    parser.add_argument("--alone", type=int, default=40, help="of them tried in runs of their own too")
    parser.add_argument("--fresh", type=int, default=7, help="of them tried in a fresh pytest too")
    parser.add_argument(
        "--soak", type=int, default=0, help="candidates of the first project, to see that nothing grows"
    )
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="an interpreter with pytest")
    parser.add_argument("--sdists", type=Path, default=Path.home() / ".cache" / "darner" / "bench", help="kept here")
    parser.add_argument("--out", type=Path, default=Path("bench-results/search.json"))
    return parser.parse_args()


def lay_out(subject: Subject, folder: Path, options: argparse.Namespace) -> Path:
    """The project with its line spoiled."""
    root = folder / subject.name
    if subject.requirement:
        with tarfile.open(sdist(subject.requirement, options.sdists)) as archive:
            archive.extractall(folder / "unpacked", filter="data")
        name, _, version = subject.requirement.partition("==")
        shutil.copytree(next((folder / "unpacked").glob(f"{name.replace('-', '_')}-{version}")), root)
    else:
        shutil.copytree(HERE.parents[1] / "examples" / subject.name, root)
    file = root / subject.file
    text = file.read_text()
    spoiled = text if subject.bad in text else text.replace(subject.good, subject.bad)
    assert subject.bad in spoiled, f"{subject.file} of {subject.name} does not hold {subject.good!r}"
    file.write_text(spoiled)
    return root


def sdist(requirement: str, folder: Path) -> Path:
    """The source distribution, downloaded once."""
    name, _, version = requirement.partition("==")
    pattern = f"{name.replace('-', '_')}-{version}.tar.gz"
    found = next(folder.glob(pattern), None)
    if found is None:
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", requirement]
        subprocess.run(command, cwd=folder, check=True)
        found = next(folder.glob(pattern))
    return found


def measure(subject: Subject, root: Path, options: argparse.Namespace) -> Row:
    """Every candidate once by the session, some of them in a fresh pytest, with equal verdicts."""
    file = root / subject.file
    source = Source.parse(subject.file, file.read_bytes())
    candidates = list(islice(candidates_of(subject, source), options.candidates))
    with open_session(root, options.python, trusted=True) as session:
        assert not session.slow_because, session.slow_because
        spoiled = attempt(session, subject, {})
        assert spoiled[0] is Status.FAIL, f"{subject.name}: the spoiled test does not fail"
        good = {subject.file: file.read_text().replace(subject.bad, subject.good).encode()}
        assert attempt(session, subject, good)[0] is Status.PASS, f"{subject.name}: the original does not pass"
        before = session.exchanged
        tried = [row for few in batched(candidates, AT_ONCE) for row in attempt_all(session, subject, few)]
        alone = [attempt(session, subject, edits_of(candidate)) for candidate in candidates[: options.alone]]
        in_memory = session.exchanged - before
        worker = worker_mb()
    step = max(1, len(candidates) // options.fresh)
    chosen = list(range(0, len(candidates), step))[: options.fresh]
    anew = [fresh(subject, root, candidates[i], options.python) for i in chosen]
    for index, (status, _) in zip(chosen, anew, strict=True):
        ended = tried[index][0]
        assert (ended is Status.PASS) == (status is Status.PASS), f"{candidates[index].description}: {ended}, {status}"
    return Row(
        project=subject.name,
        candidates=len(candidates),
        in_memory=in_memory,
        test_ms=round(1000 * spoiled[2], 2),
        ours=Spread.of([seconds for _, seconds in tried]),
        alone=Spread.of([seconds for _, seconds, _ in alone]),
        fresh=Spread.of([seconds for _, seconds in anew]),
        import_mb=round(import_mb(subject, root, options.python), 1),
        worker_mb=round(worker, 1),
    )


def candidates_of(subject: Subject, source: Source) -> Sequence[Candidate]:
    """Mutants of the spoiled function, best first."""
    line = source.data[: source.data.index(subject.bad.encode())].count(b"\n") + 1
    function = source.function_at(line)
    assert function is not None
    return list(mutants(source, dict.fromkeys(range(function.body_line, function.end_line + 1), 0.5)))


def edits_of(candidate: Candidate) -> dict[str, bytes]:
    return {change.path: change.after for change in candidate.patch.files}


def batched(candidates: Sequence[Candidate], size: int) -> Iterator[Sequence[Candidate]]:
    for first in range(0, len(candidates), size):
        yield candidates[first : first + size]


def attempt_all(session: Session, subject: Subject, few: Sequence[Candidate]) -> list[tuple[Status, float]]:
    """As the search does (engine/work.py): how each ended, and its share of the wall clock; seconds."""
    began = time.perf_counter()
    screened = session.screen.failures([subject.nodeid], [edits_of(candidate) for candidate in few], True, HASTY)
    screened += (None,) * (len(few) - len(screened))
    ends = [
        one.run.status if one is not None else attempt(session, subject, edits_of(candidate))[0]
        for candidate, one in zip(few, screened, strict=True)
    ]
    seconds = (time.perf_counter() - began) / len(few)
    return [(status, seconds) for status in ends]


def attempt(session: Session, subject: Subject, edits: Mapping[str, bytes]) -> tuple[Status, float, float]:
    """How it ended, the wall clock of the whole trial, and of the test alone; seconds."""
    began = time.perf_counter()
    run = session.run([subject.nodeid], edits, limits=LIMITS, detail=Detail.VERDICTS)
    seconds = time.perf_counter() - began
    assert run.status is not Status.INFRA, run.detail
    return run.status, seconds, run.tests[0].seconds if run.tests else 0.0


def fresh(subject: Subject, root: Path, candidate: Candidate, python: Path) -> tuple[Status, float]:
    """The named baseline: a new interpreter that runs the one test, in the project itself."""
    file = root / subject.file
    kept = file.read_bytes()
    file.write_bytes(candidate.patch.files[0].after)
    began = time.perf_counter()
    try:
        command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", subject.nodeid]
        done = subprocess.run(command, cwd=root, capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
        code = done.returncode
    except subprocess.TimeoutExpired:
        code = 1
    finally:
        seconds = time.perf_counter() - began
        file.write_bytes(kept)
    assert code in (0, 1, 2), f"{subject.name}: pytest exits with {code}"
    return (Status.PASS if code == 0 else Status.FAIL), seconds


def import_mb(subject: Subject, root: Path, python: Path) -> float:
    """What the project's own imports take: its package and pytest in a plain interpreter."""
    module = subject.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    code = f"import {module}, pytest; print(open('/proc/self/statm').read().split()[1])"
    done = subprocess.run([str(python), "-c", code], cwd=root, capture_output=True, text=True, check=True)
    return int(done.stdout) * os.sysconf("SC_PAGE_SIZE") / 2**20


def worker_mb() -> float:
    """The largest of the processes below this one: the one that holds the collected tests."""
    sizes = [process.memory_info().rss for process in psutil.Process().children(recursive=True)]
    return max(sizes, default=0) / 2**20


def soak(subject: Subject, root: Path, options: argparse.Namespace) -> str:
    """Many candidates in one session; asserts that memory, descriptors and processes stay as they are."""
    source = Source.parse(subject.file, (root / subject.file).read_bytes())
    candidates = cycle(candidates_of(subject, source))
    before: tuple[float, int, int] | None = None
    with open_session(root, options.python, trusted=True) as session:
        for count in range(0, options.soak, AT_ONCE):
            if count >= options.soak // 10 and before is None:
                before = standing()
            attempt_all(session, subject, list(islice(candidates, AT_ONCE)))
        after = standing()
    assert before is not None
    assert after[0] - before[0] <= GROWTH_MB, f"memory grew from {before[0]:.1f} to {after[0]:.1f} MB"
    assert after[1] - before[1] <= GROWTH_FDS, f"open files grew from {before[1]} to {after[1]}"
    assert after[2] <= before[2], f"processes grew from {before[2]} to {after[2]}"
    return (
        f"soak: {options.soak} candidates; MB {before[0]:.1f} -> {after[0]:.1f},"
        f" files {before[1]} -> {after[1]}, processes {before[2]} -> {after[2]}"
    )


def standing() -> tuple[float, int, int]:
    """Resident MB, open files and number of this process and everything below it."""
    every = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(p.memory_info().rss for p in every) / 2**20, sum(p.num_fds() for p in every), len(every)


if __name__ == "__main__":
    sys.exit(main())
