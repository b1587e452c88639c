"""Small real projects of every kind: each candidate is told right, started from collected tests where that is safe."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from darner.sandbox.session import open_session
from darner.sandbox.types import Detail, Limits, Status

ROOMY = Limits(wall_s=120.0, cpu_s=60.0, test_wall_s=60.0, test_cpu_s=30.0)
BAD, GOOD = "return a - b", "return a + b"
ADD = f"def add(a, b):\n    {BAD}\n"


@dataclass(frozen=True)
class Kind:
    """Files by path, the one to repair, and a test that then passes."""

    files: dict[str, str]
    nodeid: str
    file: str = "calc.py"
    needs: tuple[str, ...] = ()
    in_memory: bool = True


KINDS = {
    "parameters": Kind(
        {
            "calc.py": ADD,
            "test_a.py": "import pytest\nfrom calc import add\n@pytest.mark.parametrize('n', [1, 2])\n"
            "def test_add(n): assert add(n, n) == 2 * n\n",
        },
        "test_a.py::test_add",
    ),
    "fixtures of every scope": Kind(
        {
            "calc.py": ADD,
            "conftest.py": "import pytest, calc\nseen = []\n"
            + "".join(
                f"@pytest.fixture(scope='{scope}')\ndef {scope}_sum():\n    seen.append('{scope}')\n"
                f"    yield calc.add(1, 2)\n    seen.remove('{scope}')\n"
                for scope in ("session", "package", "module", "class", "function")
            ),
            "test_a.py": "def test_add(session_sum, package_sum, module_sum, class_sum, function_sum, tmp_path):\n"
            "    assert {session_sum, package_sum, module_sum, class_sum, function_sum} == {3}\n",
        },
        "test_a.py::test_add",
    ),
    "module-level state": Kind(
        {
            "calc.py": "TOTAL = [0]\n" + ADD.replace("    return", "    TOTAL[0] += 1\n    return"),
            "test_a.py": "import calc\ndef test_add():\n    assert calc.add(1, 2) == 3 and calc.TOTAL == [1]\n",
        },
        "test_a.py::test_add",
    ),
    "state computed by the faulty function while importing": Kind(
        {
            "calc.py": ADD + "THREE = add(1, 2)\n",
            "test_a.py": "import calc\ndef test_three(): assert calc.THREE == 3\n",
        },
        "test_a.py::test_three",
        in_memory=False,
    ),
    "warnings are errors, and the tests import a plugin of pytest": Kind(
        {
            "calc.py": ADD + "THREE = add(1, 2)\n",
            "pytest.ini": "[pytest]\nfilterwarnings = error\naddopts = -p no:asyncio\n",
            "test_a.py": "import calc, hypothesis\ndef test_three(): assert calc.THREE == 3\n",
        },
        "test_a.py::test_three",
        in_memory=False,
        needs=("hypothesis",),
    ),
    "unittest": Kind(
        {
            "calc.py": ADD,
            "test_a.py": "import unittest\nfrom calc import add\nclass T(unittest.TestCase):\n"
            "    @classmethod\n    def setUpClass(cls): cls.three = add(1, 2)\n"
            "    def test_add(self):\n        with self.subTest(n=1): self.assertEqual(self.three, 3)\n",
        },
        "test_a.py::T::test_add",
    ),
    "doctest": Kind(
        {
            "calc.py": ADD.replace("    return", '    """\n    >>> add(1, 2)\n    3\n    """\n    return'),
            "pytest.ini": "[pytest]\naddopts = --doctest-modules\n",
        },
        "calc.py::calc.add",
    ),
    "src layout": Kind(
        {
            "src/pkg/__init__.py": "",
            "src/pkg/calc.py": ADD,
            "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['src']\ntestpaths = ['tests']\n",
            "tests/test_a.py": "from pkg.calc import add\ndef test_add(): assert add(1, 2) == 3\n",
        },
        "tests/test_a.py::test_add",
        file="src/pkg/calc.py",
    ),
    "namespace package": Kind(
        {
            "company/tools/calc.py": ADD,
            "tests/test_a.py": "from company.tools.calc import add\ndef test_add(): assert add(1, 2) == 3\n",
        },
        "tests/test_a.py::test_add",
        file="company/tools/calc.py",
    ),
    "an entry point run as python -m": Kind(
        {
            "tool/__init__.py": "",
            "tool/calc.py": ADD,
            "tool/__main__.py": "from .calc import add\nprint(add(1, 2))\n",
            "test_a.py": "import subprocess, sys\ndef test_tool():\n"
            "    assert subprocess.check_output([sys.executable, '-m', 'tool']).strip() == b'3'\n",
        },
        "test_a.py::test_tool",
        file="tool/calc.py",
    ),
    "a plugin in conftest that hooks reports": Kind(
        {
            "calc.py": ADD,
            "conftest.py": "import pytest\nfrom calc import add\n"
            "@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
            "    outcome = yield\n    outcome.get_result().sections.append(('sum', str(add(1, 2))))\n"
            "def pytest_collection_modifyitems(items): items.reverse()\n",
            "test_a.py": "from calc import add\ndef test_add(): assert add(1, 2) == 3\n",
        },
        "test_a.py::test_add",
    ),
    "asyncio": Kind(
        {
            "calc.py": "import asyncio\nasync " + ADD.replace("    return", "    await asyncio.sleep(0)\n    return"),
            "pytest.ini": "[pytest]\nasyncio_mode = auto\n",
            "test_a.py": "from calc import add\nasync def test_add(): assert await add(1, 2) == 3\n",
        },
        "test_a.py::test_add",
        needs=("pytest_asyncio",),
    ),
    "anyio": Kind(
        {
            "calc.py": "import anyio\nasync " + ADD.replace("    return", "    await anyio.sleep(0)\n    return"),
            "test_a.py": "import pytest\nfrom calc import add\npytestmark = pytest.mark.anyio\n"
            "@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n"
            "async def test_add(): assert await add(1, 2) == 3\n",
        },
        "test_a.py::test_add",
        needs=("anyio",),
    ),
    "configured for xdist": Kind(
        {
            "calc.py": ADD,
            "pytest.ini": "[pytest]\naddopts = -n 2\n",
            "test_a.py": "from calc import add\ndef test_add(): assert add(1, 2) == 3\n",
        },
        "test_a.py::test_add",
        needs=("xdist",),
    ),
    "without an installed plugin": Kind(
        {
            "calc.py": ADD,
            "pytest.ini": "[pytest]\naddopts = -p no:xdist\n",
            "test_a.py": "from calc import add\ndef test_add(): assert add(1, 2) == 3\n",
        },
        "test_a.py::test_add",
        needs=("xdist",),
    ),
    "without the plugin for coverage": Kind(
        {
            "calc.py": ADD,
            "pytest.ini": "[pytest]\naddopts = -p no:cov\n",
            "test_a.py": "from calc import add\ndef test_add(): assert add(1, 2) == 3\n",
        },
        "test_a.py::test_add",
        needs=("pytest_cov",),
    ),
    "coverage is demanded": Kind(
        {
            "calc.py": ADD,
            "pytest.ini": "[pytest]\naddopts = --cov=calc --cov-fail-under=100 --cov-report=xml\n",
            "test_a.py": "from calc import add\ndef test_add(): assert add(1, 2) == 3\n",
        },
        "test_a.py::test_add",
        needs=("pytest_cov",),
    ),
    "in an order by chance": Kind(
        {
            "calc.py": ADD,
            "pytest.ini": "[pytest]\naddopts = -p no:cacheprovider --randomly-seed=7\n",
            "test_a.py": "from calc import add\ndef test_add(): assert add(1, 2) == 3\n",
        },
        "test_a.py::test_add",
        needs=("pytest_randomly",),
    ),
    "numpy": Kind(
        {
            "calc.py": "import numpy\ndef add(a, b):\n    a = numpy.asarray(a)\n    return a - b\n",
            "test_a.py": "import numpy as np\nfrom calc import add\n"
            "def test_add(): assert (add(np.ones((9, 9)), [1] * 9) == 2).all()\n",
        },
        "test_a.py::test_add",
        needs=("numpy",),
    ),
}


def check(kind: Kind, root: Path, python: Path) -> None:
    """Unchanged it fails, repaired it passes, quickly and from cold, and nothing of it stays."""
    for path, text in kind.files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    edits = {kind.file: kind.files[kind.file].replace(BAD, GOOD).encode()}
    with open_session(root.resolve(), python, trusted=True) as session:
        assert session.slow_because == ""
        for fresh in (False, True):
            before = session.run([kind.nodeid], limits=ROOMY, detail=Detail.VERDICTS)
            assert (before.status, len(before.tests) > 0) == (Status.FAIL, True), before.output
            after = session.run([kind.nodeid], edits, limits=ROOMY, detail=Detail.VERDICTS, fresh=fresh)
            assert after.status is Status.PASS, after
        assert session.exchanged == kind.in_memory


OFTEN = (
    "fixtures of every scope",
    "state computed by the faulty function while importing",
    "warnings are errors, and the tests import a plugin of pytest",
    "unittest",
    "doctest",
    "without an installed plugin",
)


@pytest.mark.parametrize(
    "name", [name if name in OFTEN else pytest.param(name, marks=pytest.mark.slow) for name in KINDS]
)
def test_a_candidate_is_told_right_in_every_kind_of_project(name: str, tmp_path: Path) -> None:
    """What pytest can run, a candidate can be tried in."""
    for module in KINDS[name].needs:
        pytest.importorskip(module)
    check(KINDS[name], tmp_path, Path(sys.executable))


PLAIN = (
    "parameters",
    "fixtures of every scope",
    "unittest",
    "doctest",
    "src layout",
    "a plugin in conftest that hooks reports",
)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["7.0.1", "7.4.4", "8.0.2", "8.4.2", "9.0.1"])
def test_collected_tests_are_kept_under_every_pytest(version: str, tmp_path: Path) -> None:
    """The stage stands on private parts of pytest: each line of releases is tried, in an environment of its own."""
    python = environment(f"pytest=={version}")
    for name in PLAIN:
        root = tmp_path / name.replace(" ", "-")
        root.mkdir()
        check(KINDS[name], root, python)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "plugin"),
    [
        ("asyncio", "pytest-asyncio"),
        ("anyio", "anyio"),
        ("configured for xdist", "pytest-xdist"),
        ("without the plugin for coverage", "pytest-cov"),
        ("coverage is demanded", "pytest-cov"),
        ("in an order by chance", "pytest-randomly"),
        ("numpy", "numpy"),
    ],
)
def test_plugins_and_compiled_dependencies_work_in_an_environment_of_their_own(
    name: str, plugin: str, tmp_path: Path
) -> None:
    """Nothing here hangs on what the tests' own environment happens to hold."""
    check(KINDS[name], tmp_path, environment("pytest==9.0.1", plugin))


def environment(*requirements: str) -> Path:
    """The interpreter of a virtual environment with these packages, made once and kept in the user's cache."""
    name = "-".join(r.replace("==", "-") for r in requirements)
    folder = Path.home() / ".cache" / "darner" / "test-venvs" / f"{name}-py{sys.version_info[0]}{sys.version_info[1]}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *requirements], check=True)
        (folder / "complete").touch()
    return python
