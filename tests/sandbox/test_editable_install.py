"""Projects are installed editable into their own environment: what runs is the copy, with a candidate's files."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.sandbox.backend import Backend
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Status

HEAD = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "shop"
version = "1"
"""
CODE = "def total(prices):\n    return sum(prices)\n"
LAYOUTS = {
    "a .pth file": ("src/shop/__init__.py", "[tool.setuptools.package-dir]\n'' = 'src'\n"),
    "a finder of packages": ("code/shop/__init__.py", "[tool.setuptools.package-dir]\nshop = 'code/shop'\n"),
    "a finder of modules": (
        "code/shop.py",
        "[tool.setuptools]\npy-modules = ['shop']\npackage-dir = {shop = 'code/shop'}\n",
    ),
    "a finder of namespaces": (
        "code/ours/shop.py",
        "[tool.setuptools]\npackages = ['ours']\npackage-dir = {ours = 'code/ours'}\n",
    ),
}
BUILD = "from setuptools import build_meta; import sys; print(build_meta.build_editable(sys.argv[1]))"


@pytest.fixture(scope="module", params=LAYOUTS)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project that setuptools installed editable into an environment inside of it, and the path of its code."""
    path, settings = LAYOUTS[request.param]
    root = tmp_path_factory.mktemp("editable") / "project"
    code = root / path
    code.parent.mkdir(parents=True)
    code.write_text(CODE)
    (root / "pyproject.toml").write_text(HEAD + settings)
    name = "ours.shop" if "ours" in path else "shop"
    (root / "tests").mkdir()
    (root / "tests" / "test_shop.py").write_text(
        f"from {name} import total\ndef test_sum():\n    assert total([1, 2]) == 3\n"
    )
    _install(root)
    return root, path


@pytest.fixture
def session(installed: tuple[Path, str], backend: Backend) -> Iterator[Session]:
    root, _ = installed
    with open_session(root, root / ".venv" / "bin" / "python", trusted=True, backend=backend) as opened:
        yield opened


def test_a_candidate_is_what_the_tests_import(session: Session, installed: tuple[Path, str]) -> None:
    """In a fork of the session's interpreter and in a fresh one."""
    _, path = installed
    spoiled = {path: CODE.replace("sum(prices)", "0").encode()}
    runs = [session.run([]), session.run([], spoiled), session.run([], spoiled, fresh=True), session.run([])]
    assert [run.status for run in runs] == [Status.PASS, Status.FAIL, Status.FAIL, Status.PASS], runs[0].output
    assert [len(run.tests) for run in runs] == [1, 1, 1, 1]


def _install(root: Path) -> None:
    """As pip does without the network: setuptools' own editable wheel, unpacked into the environment."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    (site,) = (root / ".venv").glob("lib/python*/site-packages")
    (site / "pytest-from-here.pth").write_text(sysconfig.get_path("purelib") + "\n")
    wheels = root.parent / "wheels"
    wheels.mkdir()
    subprocess.run([sys.executable, "-c", BUILD, wheels], cwd=root, check=True, capture_output=True)
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
