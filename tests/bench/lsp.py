"""`make bench-lsp`: how long a client waits for the server, while a repair runs, on a project of 5,000 tests.

Everything is real: server, engine, sandbox, pytest. Times are the client's, from the first byte sent to the whole
answer read, and include the client's own decoding.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from darner.engine import catalogue

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lsp"))
from raw_client import RawClient, Row, family

SERVER = (sys.executable, "-P", "-m", "darner.lsp")
CAPABILITIES: Row = {
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "window": {"workDoneProgress": True},
    "textDocument": {
        "publishDiagnostics": {"relatedInformation": True, "dataSupport": True},
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}}},
        "hover": {"contentFormat": ["markdown"]},
        "inlineCompletion": {},
    },
}
HARD = """\
def scramble(values):
    result = 0
    for index, value in enumerate(values):
        if index % 3 == 1:
            result += value * 7 - index
        elif index % 3 == 2:
            result -= value // 2 + index
        else:
            result ^= value
    return result
"""
MEGABYTES = 10
GHOST = "qwen2.5-coder-0.5b"


@dataclass(frozen=True)
class Figure:
    name: str
    bar: float
    """In `unit`; the p95 must not be above it."""
    unit: str
    values: Sequence[float]

    def line(self) -> str:
        p50, p95 = statistics.median(self.values), percentile(self.values, 95)
        verdict = "ok" if p95 <= self.bar else "MISSED"
        return f"{self.name:<44}{p50:>9.1f}{p95:>9.1f} {self.unit:<3}{self.bar:>8.0f}  n={len(self.values):<4}{verdict}"


def percentile(values: Sequence[float], part: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * part // 100)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=int, default=5000, help="tests in the project")
    parser.add_argument("--repeat", type=int, default=100, help="requests of each kind")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an editor does not set it: its server keeps what was compiled
    print(f"{platform.platform()}, {os.cpu_count()} cores, load before {os.getloadavg()[0]:.2f}", flush=True)
    print(f"{'':<44}{'p50':>9}{'p95':>9}    {'bar':>8}")
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for measure in (starting, responding, cancelling, flooded, typing_in_a_huge_file, completing, resting):
            for figure in measure(Path(folder) / measure.__name__, options.tests, options.repeat):
                missed += percentile(figure.values, 95) > figure.bar
                print(figure.line(), flush=True)
    print(f"load after {os.getloadavg()[0]:.2f}" + (": a busy machine; the figures say little" if busy() else ""))
    return 1 if missed else 0


def busy() -> bool:
    """More than what was measured itself: a client, a server and a repair on two cores."""
    return os.getloadavg()[0] > 2.5


def starting(folder: Path, tests: int, repeat: int) -> list[Figure]:
    """From the process's start to its answer to `initialize`. The first start compiles, and is left out."""
    project(folder, 10)
    seconds: list[float] = []
    for _ in range(max(3, repeat // 20) + 1):
        started = time.perf_counter()
        client = RawClient(SERVER, folder / "state")
        client.initialize(folder, CAPABILITIES)
        seconds.append(time.perf_counter() - started)
        client.leave()
    return [Figure("initialize, with the process's start", 1000, "ms", [s * 1000 for s in seconds[1:]])]


def responding(folder: Path, tests: int, repeat: int) -> list[Figure]:
    """Requests while the suite of all tests has run and a repair runs."""
    client, job = started(folder, tests)
    arrival = [news(row) for row in client.received if row.get("method") == "textDocument/publishDiagnostics"]
    where = {"textDocument": {"uri": (folder / "test_0.py").as_uri()}}
    position = {"line": 5, "character": 4}
    span = {"start": position, "end": position}
    asked: dict[str, Row] = {
        "hover": {**where, "position": position},
        "codeAction": {**where, "range": span, "context": {"diagnostics": []}},
        "codeLens": where,
    }
    figures = [
        Figure(f"{name}, while a repair runs", 30, "ms", timed(client, lambda n=name: ask(client, n, asked[n]), repeat))
        for name in asked
    ]
    assert job in str(client.command("showStatus")), "the repair was to run all the time"
    seconds = client.leave()
    return [
        Figure("failing diagnostics after the test failed", 300, "ms", [ms for all in arrival for ms in all]),
        *figures,
        Figure("exit, while a repair runs", 1000, "ms", [seconds * 1000]),
    ]


def cancelling(folder: Path, tests: int, repeat: int) -> list[Figure]:
    """From the command `darner.cancel` to its answer, and to the end of the job in the engine."""
    client, job = started(folder, min(tests, 100))
    acknowledged: list[float] = []
    stopped: list[float] = []
    for turn in range(max(3, repeat // 10)):
        time.sleep(0.2 + 0.1 * (turn % 8))  # in another phase every time
        wait = client.begin("workspace/executeCommand", {"command": "darner.wait", "arguments": [{"job": job}]})
        begun = time.perf_counter()
        client.command("cancel", job=job)
        acknowledged.append((time.perf_counter() - begun) * 1000)
        client.answer(wait)
        stopped.append((time.perf_counter() - begun) * 1000)
        job = begin_repair(client, folder)
    client.leave()
    return [
        Figure("cancel acknowledged", 50, "ms", acknowledged),
        Figure("cancel: work stopped", 250, "ms", stopped),
    ]


def flooded(folder: Path, tests: int, repeat: int) -> list[Figure]:
    """Hovers while every test of the project fails at once."""
    project(folder, tests, failing=True)
    client = RawClient(SERVER, folder / "state")
    client.initialize(folder, CAPABILITIES, trust=True)
    job = client.command("runTests", root=str(folder))["result"]["job"]
    wait = client.begin("workspace/executeCommand", {"command": "darner.wait", "arguments": [{"job": job}]})
    client.notification("textDocument/publishDiagnostics")
    params = {"textDocument": {"uri": (folder / "test_0.py").as_uri()}, "position": {"line": 5, "character": 4}}
    values: list[float] = []
    ended = False
    while not ended:
        values += timed(client, lambda: ask(client, "hover", params), 1, forget=False)
        ended = any(row.get("id") == wait and "method" not in row for row in client.received)
        client.received.clear()
    client.leave()
    return [Figure(f"hover, while {tests} tests begin to fail", 30, "ms", values)]


def typing_in_a_huge_file(folder: Path, tests: int, repeat: int) -> list[Figure]:
    """A change, and the answers to a hover and to the lenses behind it, as an editor asks for them."""
    project(folder, 10)
    client = RawClient(SERVER, folder / "state")
    client.initialize(folder, CAPABILITIES)
    line = "    total = compute(first, second)  # a line\n"
    text = line * (MEGABYTES * 1_000_000 // len(line))
    client.open(folder / "test_0.py", text)
    document = {"uri": (folder / "test_0.py").as_uri()}
    hover = {"textDocument": document, "position": {"line": 5, "character": 4}}
    ask(client, "hover", hover)
    middle = {"line": text.count("\n") // 2, "character": 4}

    def change(**content: object) -> None:
        changes = {"textDocument": {**document, "version": 2}, "contentChanges": [content]}
        client.notify("textDocument/didChange", changes)
        ask(client, "hover", hover)
        ask(client, "codeLens", {"textDocument": document})

    def key() -> None:
        change(range={"start": middle, "end": middle}, text="x")

    figures = [
        Figure(f"didChange, a key in {MEGABYTES} MB", 50, "ms", timed(client, key, max(10, repeat // 5))),
        Figure(f"didChange, all {MEGABYTES} MB", 250, "ms", timed(client, lambda: change(text=text), 5)),
    ]
    client.leave()
    return figures


def completing(folder: Path, tests: int, repeat: int) -> list[Figure]:
    """Ghost text while a line is written, key by key, from the resident 0.5B model; an empty answer counts as one."""
    if not catalogue.path_of(catalogue.entry_of(GHOST)).exists():
        print(f"ghost text: left out, because {GHOST} is not installed (darner model pull {GHOST})")
        return []
    project(folder, 10)
    client = RawClient(SERVER, folder / "state")
    client.initialize(folder, CAPABILITIES, trust=True, inlineCompletion=True, completionModel=GHOST)
    client.open(folder / "shop.py")
    document = {"uri": (folder / "shop.py").as_uri()}
    line = "def mean(values): return sum(values) / len(values)"
    values: list[float] = []
    shown = 0
    for version, end in enumerate(range(4, min(len(line), 4 + max(10, repeat))), start=2):
        text = f"{HARD}\n\n{line[:end]}"
        change = {"textDocument": {**document, "version": version}, "contentChanges": [{"text": text}]}
        client.notify("textDocument/didChange", change)
        place = {"line": text.count("\n"), "character": end}
        begun = time.perf_counter()
        params = {"textDocument": document, "position": place, "context": {"triggerKind": 2}}
        answer = client.request("textDocument/inlineCompletion", params)["result"]
        values.append((time.perf_counter() - begun) * 1000)
        shown += bool(answer["items"])
        time.sleep(0.3)  # a slow writer: what is late goes on, and the next key profits
    client.leave()
    return [Figure(f"ghost text ({shown} of {len(values)} not empty)", 500, "ms", values)]


def resting(folder: Path, tests: int, repeat: int) -> list[Figure]:
    """After all tests have run and nothing more is asked."""
    project(folder, tests)
    client = RawClient(SERVER, folder / "state")
    client.initialize(folder, CAPABILITIES, trust=True)
    client.open(folder / "test_0.py")
    fresh = psutil.Process(client.process.pid).memory_info().rss / 1e6
    client.command("wait", **client.command("runTests", root=str(folder))["result"])
    memory = psutil.Process(client.process.pid).memory_info().rss / 1e6
    time.sleep(1.0)

    def used() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in family(client.process.pid))

    before = used()
    time.sleep(5.0)
    idle = (used() - before) / 5.0 * 100
    client.leave()
    return [
        Figure("memory of the server, fresh", 120, "MB", [fresh]),
        Figure(f"memory of the server, {tests} tests run", 120, "MB", [memory]),
        Figure("idle: processor time of all processes", 0, "%", [idle]),
    ]


def project(folder: Path, tests: int, *, failing: bool = False) -> None:
    """Ten files; in the first a test fails that no small edit repairs, in every file one says when it failed."""
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("")
    (folder / "shop.py").write_text(HARD)
    for number in range(10):
        lines = ["import time", "from shop import scramble", "", "", "def test_hard():"]
        lines += ["    assert scramble([3, 1, 4, 1, 5, 9, 2, 6]) == 123456" if number == 0 else "    pass", ""]
        lines += ["def test_late():", "    assert not time.monotonic()", ""]
        for test in range(max(0, tests // 10 - 2)):
            lines += [
                f"def test_{test}():",
                f"    value = {test}",
                f"    assert value {'!=' if failing else '=='} {test}",
                "",
            ]
        (folder / f"test_{number}.py").write_text("\n".join(lines))


def started(folder: Path, tests: int) -> tuple[RawClient, str]:
    """A client whose project's tests have run and whose repair of the hard test runs."""
    project(folder, tests)
    client = RawClient(SERVER, folder / "state")
    client.initialize(folder, CAPABILITIES, trust=True, budget="deep", model="none")
    for name in ("test_0.py", "shop.py"):
        client.open(folder / name)
    client.command("wait", **client.command("runTests", root=str(folder))["result"])
    return client, begin_repair(client, folder)


def begin_repair(client: RawClient, folder: Path) -> str:
    answer = client.command("repair", root=str(folder), nodeid="test_0.py::test_hard", apply=False, budget="600")
    job = str(answer["result"]["job"])
    client.notification("$/progress", lambda params: params["token"] == job)
    return job


def ask(client: RawClient, name: str, params: Row) -> None:
    answer = client.request(f"textDocument/{name}", params)
    assert "error" not in answer, answer


def timed(client: RawClient, action: Callable[[], None], times: int, *, forget: bool = True) -> list[float]:
    """Milliseconds. What was received is forgotten between, so that the client itself stays fast."""
    values: list[float] = []
    for _ in range(times):
        begun = time.perf_counter()
        action()
        values.append((time.perf_counter() - begun) * 1000)
        if forget:
            client.received.clear()
        time.sleep(0.01)
    return values


def news(row: Row) -> list[float]:
    """How old, in milliseconds, the failures were that name their own time."""
    messages = " ".join(diagnostic["message"] for diagnostic in row["params"]["diagnostics"])
    return [(row["received"] - float(found)) * 1000 for found in re.findall(r"not (\d+\.\d+)", messages)]


if __name__ == "__main__":
    sys.exit(main())
