"""Most projects keep their environment in their own folder: runs use it under every backend, and leave it as it was."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from cart_project import lay_out
from darner.sandbox.backend import Backend, Tier
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Status
from darner.sandbox.workspace import Workspace

INSIDE = """
import os, sys
from cart import total
def test_here():
    assert total([]) == 0
    assert sys.prefix == ENVIRONMENT
def test_environment_is_written():
    with open(os.path.join(sys.prefix, 'pyvenv.cfg'), 'a') as file:
        file.write('changed')
def test_copy_is_found_twice():
    assert not os.path.exists('/tmp/.darner-below')
"""


@pytest.fixture(scope="module", params=[".venv", "tools/environment"])
def opened(
    request: pytest.FixtureRequest, backend: Backend, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Session]:
    """A session on the cart project by the Python of an environment inside of it, which has pytest from here."""
    root = lay_out(tmp_path_factory.mktemp("inside") / "project")
    environment = root / request.param
    (root / "test_inside.py").write_text(f"ENVIRONMENT = {str(environment)!r}\n{INSIDE}")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "pytest-from-here.pth").write_text(sysconfig.get_path("purelib") + "\n")
    with open_session(root, environment / "bin" / "python", trusted=True, backend=backend) as session:
        yield session


def test_tests_run_by_the_environment_inside_the_project(opened: Session) -> None:
    """The environment is shown on top of the copy; a layer over both was refused by the kernel."""
    run = opened.run(["test_inside.py::test_here", "test_inside.py::test_copy_is_found_twice"])
    assert (run.status, [test.outcome for test in run.tests]) == (Status.PASS, ["passed", "passed"]), run.detail


def test_a_run_does_not_change_the_environment(opened: Session) -> None:
    """It is the user's own, not a copy."""
    if opened.report.tier is Tier.NONE:
        pytest.skip("a plain process may write wherever the user may, and says so")
    (settings,) = opened.root.rglob("pyvenv.cfg")
    before = settings.read_text()
    run = opened.run(["test_inside.py::test_environment_is_written"])
    assert run.status is Status.FAIL, run.detail
    assert settings.read_text() == before


def test_the_folder_that_an_environment_is_shown_on_is_no_left_over(tmp_path: Path) -> None:
    """A fresh server of another backend may have mounted it there: to remove it would take the mount away."""
    root = lay_out(tmp_path / "project")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / "tools" / "environment"], check=True)
    workspace = Workspace(root)
    try:
        shown_on = workspace.tree / "tools" / "environment"
        assert (workspace.kept_outside, list(shown_on.iterdir())) == (("tools/environment",), [])
        inode = shown_on.stat().st_ino
        workspace.restore(everything=True)
        assert shown_on.stat().st_ino == inode
    finally:
        workspace.close()
