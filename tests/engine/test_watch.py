"""`darner watch` on a real project: a save turns a test red, and the repair is there before anybody asks."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from cli_runner import COMMAND, Bench
from darner.engine import watch as watching
from darner.engine.config import QUICK
from darner.engine.errors import BadEnvironment
from darner.engine.events import Done
from darner.engine.stop import Stop
from darner.engine.warm import WarmProject
from darner.engine.watch import Round, watch

GOOD = "def total(prices):\n    result = 0\n    for price in prices:\n        result += price\n    return result\n"
FILES = {
    "pyproject.toml": "",
    "cart.py": GOOD,
    "other.py": "def one():\n    return 1\n",
    "test_cart.py": "from cart import total\n\n\ndef test_total():\n    assert total([19, 23]) == 42\n",
    "test_other.py": "from other import one\n\n\ndef test_one():\n    assert one() == 1\n",
}


class Watching:
    """A running `darner watch`, whose lines are waited for."""

    def __init__(self, bench: Bench) -> None:
        command = [*COMMAND, "watch", "--root", str(bench.root)]
        environment = {**bench.environment(), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=bench.root
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def wait_for(self, words: str) -> str:
        """All that was said until a line with these words."""
        heard = ""
        while words not in heard:
            heard += self._lines.get(timeout=120)
        return heard


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path).write(FILES)


@pytest.fixture
def running(bench: Bench) -> Generator[Watching]:
    running = Watching(bench)
    yield running
    running.process.kill()
    running.process.wait()


@pytest.mark.slow
def test_a_save_runs_what_it_affects_and_ctrl_c_leaves_nothing(bench: Bench, running: Watching) -> None:
    """Red when it breaks, green when it is mended; the other test is left alone."""
    running.wait_for("2 of 2 tests ran, 0 fail")
    (bench.root / "cart.py").write_text(GOOD.replace("+=", "-="))
    red = running.wait_for("red    test_cart.py::test_total")
    assert "1 of 2 tests ran, 1 fail" in red
    (bench.root / "cart.py").write_text(GOOD)
    assert "1 of 2 tests ran, 0 fail" in running.wait_for("green  test_cart.py::test_total")

    running.process.send_signal(signal.SIGINT)

    assert running.process.wait(timeout=120) == 130
    assert list(bench.tmp.glob("darner-*")) == []


@pytest.mark.slow
def test_a_red_test_gets_its_repair_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the load of the machine that runs this."""
    monkeypatch.setattr(watching, "reason_to_rest", lambda: "")
    monkeypatch.setattr(watching, "QUICK", replace(QUICK, seconds=120.0))
    root = Bench(tmp_path).write({**FILES, "cart.py": GOOD.replace("+=", "-=")}).root

    with closing(WarmProject(root, None)) as project:
        stop = Stop()
        done = next(news for news in watch(project, stop) if isinstance(news, Done))

    assert done.report.repairs[0].verdict.verified
    assert done.report.repairs[0].candidate.path == "cart.py"


def test_a_save_with_which_pytest_cannot_start_is_told_and_the_next_one_runs(tmp_path: Path) -> None:
    """A slip in the root's conftest.py lasts until the next save, and so does the trouble."""
    bench = Bench(tmp_path).write(FILES)

    with closing(WarmProject(bench.root, sys.executable)) as project:
        news = watch(project, Stop())
        assert isinstance(next(news), Round)
        bench.write({"conftest.py": "import no_such_module_anywhere\n"})
        assert "no_such_module_anywhere" in getattr(next(news), "text", "")
        bench.write({"conftest.py": "import math\n"})
        assert isinstance(next(news), Round)


def test_a_machine_without_pytest_ends_the_watch(tmp_path: Path) -> None:
    """What no save mends is said at once, and once."""
    root = Bench(tmp_path).write(FILES).root

    with closing(WarmProject(root, "/nowhere/python")) as project, pytest.raises(BadEnvironment, match="/nowhere"):
        next(watch(project, Stop()))


def test_a_busy_machine_is_left_to_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests run all the same; only the search does not begin."""
    monkeypatch.setattr(watching, "reason_to_rest", lambda: "The machine is busy.")
    root = Bench(tmp_path).write({**FILES, "cart.py": GOOD.replace("+=", "-=")}).root
    heard: list[object] = []

    with closing(WarmProject(root, None)) as project:
        stop = Stop()
        for news in watch(project, stop):
            heard.append(news)
            stop.cancel()

    assert [type(news) for news in heard] == [Round]
