"""A suite of 20,000 tests: selection, localisation, memory and the search for a polluter all stay usable."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from cli_runner import Bench

FILES, TESTS = 100, 200
MODULE = """\
def step(x):
    return x + {n}


def scaled(x):
    return step(x) * 2
"""
TEST = """\
import pytest
from part_{n} import scaled, step


@pytest.mark.parametrize("x", range({half}))
def test_step(x):
    assert step(x) == x + {n}


@pytest.mark.parametrize("x", range({half}))
def test_scaled(x):
    assert scaled(x) == 2 * x + 2 * {n}
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    for n in range(FILES):
        made.write({f"part_{n}.py": MODULE.format(n=n), f"test_{n}.py": TEST.format(n=n, half=TESTS // 2)})
    subprocess.run(["git", "init", "-q"], cwd=made.root, check=True)
    return made


@pytest.mark.slow
def test_twenty_thousand_tests_are_no_trouble(bench: Bench) -> None:
    """A hundred of them fail, of one fault. Anything quadratic would take longer than the limit."""
    bench.write({"part_57.py": MODULE.format(n=57).replace("* 2", "* 3")})

    with bench.start("fix", "--json", "--no-model", "--trust", "--budget", "600") as process:
        out, err = process.communicate(timeout=1500)

    assert process.returncode == 0, err
    failures = json.loads(out)["failures"]
    assert len(failures) == TESTS // 2
    assert {failure["status"] for failure in failures} == {"repaired"}
    assert (failures[0]["explanation"]["file"], failures[0]["explanation"]["line"]) == ("part_57.py", 6)
