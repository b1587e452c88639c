"""What is a test by the user's configuration is read-only, and what only the sandbox breaks is not repaired."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import typer
from cli_runner import Bench
from darner.engine.project import Project, find_interpreter
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.terminal import ending
from darner.engine.trial import open_session
from darner.sandbox.errors import WorkspaceError


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.slow
def test_a_test_file_of_an_unusual_name_is_never_the_repair(bench: Bench) -> None:
    """`assert v == 3` to `assert v != 3` is one mutation; only pytest's collection knows which files are tests."""
    bench.write({
        "pytest.ini": "[pytest]\npython_files = check_*.py\n",
        "m.py": "def one():\n    return 1\n",
        "check_m.py": "import m\n\ndef test_a():\n    v = 3\n    assert v + m.one() == 3\n",
    })  # fmt: skip
    ended = bench.darner("fix", "--no-model", "--json", "--budget", "90")

    patch = ended.failures()["check_m.py::test_a"]["patch"] or ""
    assert "check_m.py" not in patch


LINT = """
    import pytest


    class Lint(pytest.Item):
        def runtest(self):
            pass


    class Linted(pytest.File):
        def collect(self):
            yield Lint.from_parent(self, name="lint")


    def pytest_collect_file(file_path, parent):
        return Linted.from_parent(parent, path=file_path) if file_path.suffix == ".py" else None
    """


def test_a_source_that_a_linter_checks_or_whose_package_has_an_example_is_no_test_file(bench: Bench) -> None:
    """Else `--ruff`, `--mypy` and `--doctest-modules` make every source read-only, and nothing can be repaired."""
    root = bench.write({
        "pytest.ini": "[pytest]\naddopts = --doctest-modules\npython_files = test_*.py check_*.py\n",
        "conftest.py": LINT,
        "shop/__init__.py": '"""A shop.\n\n>>> 1 + 1\n2\n"""\n',
        "shop/broken.py": "import no_such_module_anywhere\n",
        "test_shop.py": "def test_a():\n    pass\n",
        "check_shop.py": "import unittest\n\nclass Case(unittest.TestCase):\n    def test_b(self):\n        pass\n",
    }).root  # fmt: skip
    with open_session(Project(root, find_interpreter(root, sys.executable)), trusted=True) as session:
        suite = run_suite(session, (), Stop())

    assert suite.result("shop/__init__.py::lint") is not None
    assert suite.test_files == {"test_shop.py", "check_shop.py"}
    assert suite.doctested == {"shop/__init__.py", "shop/broken.py"}


def test_a_test_that_misses_what_the_sandbox_withholds_is_said_so_and_not_repaired(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a test that passes for the user is "repaired" by code that no longer reads its settings."""
    monkeypatch.setenv("MY_KEY", "1")
    bench.write({
        "pytest.ini": "[pytest]\n",
        ".env": "A=1\n",
        "m.py": "import os\n\ndef dot():\n    return open('.env').read()\n\ndef key(): return os.environ['MY_KEY']",
        "test_m.py": "import m\n\ndef test_dot():\n    assert m.dot()\n\ndef test_key():\n    assert m.key()\n",
    })  # fmt: skip
    ended = bench.darner("fix", "--no-model", "--json", "--budget", "90", "--trust")

    found = ended.failures()
    assert ended.code == 1
    assert [f["patch"] for f in found.values()] == [None, None]
    assert "needs .env" in found["test_m.py::test_dot"]["note"]
    assert "environment variable MY_KEY" in found["test_m.py::test_key"]["note"]


def test_trouble_with_the_copy_in_the_middle_of_a_run_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """A file saved while Darner works is nobody's crash: exit code 3 and what to do, no traceback."""
    with pytest.raises(typer.Exit) as left, ending(True):
        raise WorkspaceError("m.py changed while Darner was working on it; run the command again.")

    assert left.value.exit_code == 3
    assert "run the command again" in capsys.readouterr().out
