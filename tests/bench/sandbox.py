"""`make bench-sandbox`: what confinement costs, beside a fresh `python -m pytest` of the same two tests.

Every row asserts the verdicts it timed. A row is a function from a `Place` to samples in milliseconds; `ROWS` is the
list, and whoever adds a way to run a candidate adds a row. Bars are printed, not asserted: a busy machine is slower.
Options: `--backend NAME` (the strongest by default; may be repeated), `--runs N`, `--dockerd`, `--python PYTHON` (the
project's; this one by default, whose pytest has the plugins that Darner's own tests use).
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darner.sandbox.backend import Backend, Launch, Runtime
from darner.sandbox.choice import BACKENDS, examined, strongest
from darner.sandbox.fork_server import ForkServer
from darner.sandbox.oracle import Claim, verdict
from darner.sandbox.runtime import answered, ask_runtime
from darner.sandbox.session import Session, open_session
from darner.sandbox.split import split
from darner.sandbox.staged import row_of
from darner.sandbox.types import Assurance, Detail, Limits, Status
from darner.sandbox.wire import parse_line
from darner.sandbox.workspace import Workspace

BAD = "def total(numbers):\n    result = 0\n    for number in numbers:\n        result -= number\n    return result\n"
GOOD = BAD.replace("-=", "+=")
TESTS = """\
from cart import total


def test_empty():
    assert total([]) == 0


def test_sum():
    assert total([1, 2]) == 3
"""
_MAKING_S = 3.0
"""Longer than a container takes to start."""
LIMITS = Limits(wall_s=60.0, cpu_s=30.0)
BOTH = ("test_cart.py::test_empty", "test_cart.py::test_sum")


@dataclass(frozen=True)
class Place:
    """One project under one backend."""

    root: Path
    backend: Backend
    runtime: Runtime
    runs: int


@dataclass(frozen=True)
class Row:
    name: str
    measure: Callable[[Place], Sequence[float]]
    bar: float
    """Milliseconds the median is held against; for a rate, the least per second."""
    rate: bool = False


def fresh_pytest(place: Place) -> list[float]:
    def once() -> None:
        command = (str(place.runtime.python), "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider")
        done = subprocess.run(command, cwd=place.root, capture_output=True, check=False)
        assert done.returncode == 1, done

    return timed(once, max(3, place.runs // 5))


def jail_set_up(place: Place) -> list[float]:
    """What a child does to itself before the candidate's first line, by its own clock."""
    found: list[float] = []
    with closing(Workspace(place.root, place.backend.owner())) as workspace:
        launch = Launch(workspace, place.runtime)
        with closing(ForkServer(place.backend, launch)) as server:
            for _ in range(place.runs):
                request: dict[str, object] = {"do": "list", "nodeids": [], "nonce": "", "timed": True}
                request["limits"] = row_of(LIMITS)
                rows: list[str] = []
                end = server.ask(request, LIMITS.wall_s, lambda: False, rows.append)
                assert end["exit"] == 0, end
                (seconds,) = [row["confined_s"] for row in map(parse_line, rows) if "confined_s" in row]
                assert isinstance(seconds, float)
                found.append(1000 * seconds)
    return found


def server_ready(place: Place) -> list[float]:
    with closing(Workspace(place.root, place.backend.owner())) as workspace:
        launch = Launch(workspace, place.runtime)
        return timed(lambda: ForkServer(place.backend, launch).close(), max(3, place.runs // 5))


def warm_candidate(place: Place) -> list[float]:
    """Each of two in turn: one bad, one good."""
    with opened(place) as session:
        return [each / 2 for each in timed(lambda: tried(session), place.runs)]


def split_oracle(place: Place) -> list[float]:
    """The tests in one sandbox, the candidate in the other, both open."""
    with opened(place) as session:

        def once(text: str, status: Status) -> None:
            found = split(session, BOTH[1], {"cart.py": text.encode()}, LIMITS, lambda: False)
            assert found.status is status, found

        once(GOOD.replace("result = 0", "result = 1"), Status.FAIL)
        return timed(lambda: once(GOOD, Status.PASS), place.runs)


def whole_proof(place: Place) -> list[float]:
    """What stands between a candidate that passes and a repair: the cold suite, its twins beside it, the split run."""
    claim = Claim(BOTH[1], {"cart.py": GOOD.encode()}, frozenset(BOTH[:1]), (), cold=LIMITS, alone=LIMITS)
    found: list[float] = []
    with opened(place) as session:
        session.partner()
        for _ in range(max(3, place.runs // 5)):
            session.expect_fresh()
            time.sleep(_MAKING_S)
            began = time.perf_counter()
            said = verdict(session, claim, lambda: False)
            found.append(1000 * (time.perf_counter() - began))
            assert said.assurance is (Assurance.A if session.confined else Assurance.B), said
    return found


def kill_overshoot(place: Place) -> list[float]:
    """How much later than asked a candidate that never ends is gone."""
    endless = GOOD.replace("    result = 0\n", "    while True: pass\n").encode()
    limits = Limits(wall_s=1.0, cpu_s=30.0, test_wall_s=30.0, test_cpu_s=30.0)
    found: list[float] = []
    with opened(place) as session:
        for _ in range(max(3, place.runs // 10)):
            began = time.perf_counter()
            run = session.run(BOTH, {"cart.py": endless}, limits=limits)
            found.append(1000 * (time.perf_counter() - began - limits.wall_s))
            assert run.status is Status.TIMEOUT, run
    return found


def confirming_run(place: Place) -> list[float]:
    """A new fork server, a new interpreter, the whole suite."""
    with opened(place) as session:
        return timed(lambda: confirmed(session, place), max(3, place.runs // 5))


def confirming_run_made_ahead(place: Place) -> list[float]:
    """The same with the server started beforehand, as it is while a search runs."""
    found: list[float] = []
    with opened(place) as session:
        for _ in range(max(3, place.runs // 5)):
            session.expect_fresh()
            time.sleep(_MAKING_S)
            began = time.perf_counter()
            confirmed(session, place)
            found.append(1000 * (time.perf_counter() - began))
    return found


def confirmed(session: Session, place: Place) -> None:
    run = session.run((), {"cart.py": GOOD.encode()}, limits=LIMITS, fresh=True)
    assert (run.status, run.backend) == (Status.PASS, place.backend.name), run


def with_workers(count: int) -> Callable[[Place], list[float]]:
    """Candidates a second, from `count` sessions at once."""

    def measure(place: Place) -> list[float]:
        sessions = [opened(place) for _ in range(count)]
        try:
            for session in sessions:
                tried(session)
            threads = [threading.Thread(target=tried_often, args=(one, place.runs)) for one in sessions]
            began = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return [count * place.runs * 2 / (time.perf_counter() - began)]
        finally:
            for session in sessions:
                session.close()

    return measure


ROWS: list[Row] = [
    Row("fresh python -m pytest", fresh_pytest, 0.0),
    Row("jail set-up in a child", jail_set_up, 12.0),
    Row("fork server ready", server_ready, 500.0),
    Row("warm candidate, jailed", warm_candidate, 30.0),
    Row("split oracle", split_oracle, 120.0),
    Row("confirming run", confirming_run, 0.0),
    Row("confirming run, its server made ahead", confirming_run_made_ahead, 0.0),
    Row("whole proof of a repair, its servers made ahead", whole_proof, 0.0),
    Row("kill overshoot", kill_overshoot, 50.0),
    Row("candidates/s, 1 worker", with_workers(1), 20.0, rate=True),
    Row("candidates/s, 2 workers", with_workers(2), 40.0, rate=True),
]


def opened(place: Place) -> Session:
    """As it is when a search begins: the tests ran once, and what they import is imported ahead from then on."""
    session = open_session(place.root, place.runtime.python, trusted=True, backend=place.backend)
    run = session.run((), limits=LIMITS)
    assert run.status is Status.FAIL, run
    return session


def tried(session: Session) -> None:
    """Two candidates, so that neither verdict can be a constant."""
    for text, status in ((BAD + "# again\n", Status.FAIL), (GOOD, Status.PASS)):
        run = session.run(BOTH, {"cart.py": text.encode()}, limits=LIMITS, detail=Detail.VERDICTS)
        assert run.status is status, run


def tried_often(session: Session, runs: int) -> None:
    for _ in range(runs):
        tried(session)


def timed(work: Callable[[], object], runs: int) -> list[float]:
    work()
    found: list[float] = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - began))
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--backend", action="append", choices=[backend.name for backend in BACKENDS])
    asked.add_argument("--runs", type=int, default=50)
    asked.add_argument("--dockerd", action="store_true", help="measure docker, in an engine started for it (root)")
    asked.add_argument("--python", type=Path, default=Path(sys.executable), help="one with few plugins forks faster")
    options = asked.parse_args()
    runtime = answered(options.python, ask_runtime(options.python))
    with engine_of_our_own() if options.dockerd else nullcontext():
        wanted = options.backend or ["docker" if options.dockerd else strongest(trusted=False).name]
        measure_all(wanted, runtime, options.runs)


@contextmanager
def engine_of_our_own() -> Generator[None]:
    """The tests' dockerd (tests/sandbox/dockerd.py), as the one that Darner finds."""
    sys.path.append(str(Path(__file__).resolve().parent.parent / "sandbox"))
    real_daemon: Any = importlib.import_module("dockerd").real_daemon
    with real_daemon() as daemon:
        os.environ["DOCKER_HOST"] = daemon.address
        yield


def measure_all(wanted: Sequence[str], runtime: Runtime, runs: int) -> None:
    print(f"{'backend':<12}{'row':<50}{'median':>9}{'min':>9}{'p90':>9}   bar (load {os.getloadavg()[0]:.1f})")
    with tempfile.TemporaryDirectory(prefix="bench-sandbox-") as folder:
        root = Path(folder).resolve()
        for name, text in (("cart.py", BAD), ("test_cart.py", TESTS), ("pytest.ini", "[pytest]\n")):
            (root / name).write_text(text)
        for backend in BACKENDS:
            if backend.name not in wanted:
                continue
            if trouble := examined(backend).trouble:
                print(f"{backend.name:<12}{trouble}")
                continue
            for row in ROWS:
                show(backend.name, row, row.measure(Place(root, backend, runtime, runs)))


def show(backend: str, row: Row, samples: Sequence[float]) -> None:
    middle, last = statistics.median(samples), sorted(samples)[int(0.9 * (len(samples) - 1))]
    unit = "/s" if row.rate else "ms"
    bar = f"{'>=' if row.rate else '<='} {row.bar:g} {unit}" if row.bar else ""
    print(f"{backend:<12}{row.name:<50}{middle:>9.1f}{min(samples):>9.1f}{last:>9.1f}   {bar}", flush=True)


if __name__ == "__main__":
    main()
