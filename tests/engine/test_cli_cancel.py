"""Ctrl-C and SIGTERM at every phase: nothing changed, no process left, no temporary folder left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from cli_runner import CART, Bench

SLOW_SUITE = {
    **CART,
    "test_slow.py": """
        import time


        def test_slow():
            time.sleep(60)
        """,
}
HARD = {
    "pyproject.toml": CART["pyproject.toml"],
    "hard.py": "def digest(text):\n"
    + "".join(f"    a{n} = len(text) + {n}\n" for n in range(300))
    + "    return text\n",
    "test_hard.py": "from hard import digest\n\n\ndef test_digest():\n    assert digest('abc') == '900150983cd24fb0'\n",
}
"""Three hundred lines to mutate and no single edit that helps: the search lasts as long as its budget."""


def cancel_when(bench: Bench, process: subprocess.Popen[str], said: str, number: signal.Signals) -> str:
    """Signal the command once its stderr has said this, and return everything it wrote to stderr."""
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if said in line:
            break
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    lines.append(err)
    gone, alive = psutil.wait_procs(family, timeout=60)
    assert alive == [], f"left over: {alive}; ended: {gone}; output: {out}"
    return "".join(lines)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("files", "said", "named"),
    [
        (SLOW_SUITE, "copying the project", ()),
        (SLOW_SUITE, "running the tests", ()),
        (SLOW_SUITE, "running the tests", ("test_slow.py::test_slow",)),
        (HARD, "trying edits", ()),
    ],
    ids=["copy", "suite", "named", "search"],
)
def test_a_cancel_leaves_no_trace(
    tmp_path: Path, number: signal.Signals, files: dict[str, str], said: str, named: tuple[str, ...]
) -> None:
    """The user's Ctrl-C and an editor's SIGTERM both end everything that was started."""
    bench = Bench(tmp_path).write(dict(files))
    before = bench.snapshot()
    words = ("fix", *named, "--no-model", "--trust", "--python", sys.executable, "--budget", "60", "--apply", "--json")

    with bench.start(*words) as process:
        err = cancel_when(bench, process, said, number)

    assert process.returncode == 130, err
    assert "Cancelled; no file was changed." in err
    assert bench.snapshot() == before
    assert bench.leftovers() == []
