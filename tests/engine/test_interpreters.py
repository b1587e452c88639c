"""An interpreter is asked once; whatever could change its answer has it asked again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from darner.engine import interpreters, project
from darner.engine.errors import BadEnvironment

NOTING = "__version__ = '{version}'\nwith open({log!r}, 'a') as log:\n    log.write('imported')\n"


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment of its own, with a pytest that is one line, and a state folder of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True, timeout=300)
    package = folder_of(tmp_path / "venv") / "pytest"
    package.mkdir()
    log = tmp_path / "state" / "log"
    log.parent.mkdir()
    (package / "__init__.py").write_text(NOTING.format(version="1.0", log=str(log)))
    return tmp_path / "venv" / "bin" / "python"


def folder_of(venv: Path) -> Path:
    return next((venv / "lib").glob("python*")) / "site-packages"


def asked_again(python: Path) -> bool:
    """Whether finding the interpreter starts it: its pytest notes each import."""
    log = Path(os.environ["XDG_STATE_HOME"]) / "log"
    before = log.stat().st_size
    project.find_interpreter(Path("/"), str(python))
    return log.stat().st_size > before


def test_an_unchanged_interpreter_is_asked_once(python: Path) -> None:
    """Asking costs as much as importing pytest, at every start."""
    first = project.find_interpreter(Path("/"), str(python))

    assert not asked_again(python)
    assert project.find_interpreter(Path("/"), str(python)) == first
    assert (first.pytest, first.path) == ("1.0", python)


def upgrade(python: Path) -> None:
    file = folder_of(python.parent.parent) / "pytest" / "__init__.py"
    file.write_text(file.read_text().replace("1.0", "1.0.1"))


def install(python: Path) -> None:
    (folder_of(python.parent.parent) / "anything.py").touch()


def spoil(_: Path) -> None:
    file = Path(os.environ["XDG_STATE_HOME"]) / "darner" / "interpreters.json"
    file.write_text(file.read_text().replace('"said": [', '"said": [1, '))


@pytest.mark.parametrize("change", [upgrade, install, spoil])
def test_a_change_has_it_asked_again(change: Callable[[Path], None], python: Path) -> None:
    """A version that is no longer there would be shown, or a pytest that was removed."""
    project.find_interpreter(Path("/"), str(python))
    change(python)

    assert asked_again(python)
    assert not asked_again(python)


def test_a_pytest_that_was_removed_is_missed(python: Path) -> None:
    """A remembered answer must not outlive what it was about."""
    project.find_interpreter(Path("/"), str(python))
    package = folder_of(python.parent.parent) / "pytest"
    shutil.rmtree(package)

    with pytest.raises(BadEnvironment, match="pytest is not installed"):
        project.find_interpreter(Path("/"), str(python))


def test_a_shim_is_asked_every_time(python: Path, tmp_path: Path) -> None:
    """pyenv's `python` means what a file says that we do not know."""
    shim = tmp_path / "python"
    shim.write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    shim.chmod(0o755)
    project.find_interpreter(Path("/"), str(shim))

    assert asked_again(shim)


def test_a_state_folder_that_cannot_be_written_is_no_trouble(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then every start asks."""
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    project.find_interpreter(Path("/"), str(python))

    assert interpreters.recall(str(python)) is None


@pytest.mark.parametrize("name", [".venv", "venv", "env", "my environment"])
def test_an_environment_in_the_projects_folder_is_found_by_any_name(python: Path, tmp_path: Path, name: str) -> None:
    """Darner's own Python would run the tests without what the project needs."""
    root = tmp_path / "project"
    root.mkdir()
    shutil.move(python.parent.parent, root / name)

    assert project.find_interpreter(root).path == root / name / "bin" / "python"


def test_an_interpreter_that_does_not_answer_is_not_said_to_lack_pytest(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that is busy the user would install what is there."""
    monkeypatch.setattr(project, "_ASK_S", 1)
    slow = tmp_path / "slow"
    slow.write_text(f'#!/bin/sh\nsleep 5\nexec {python} "$@"\n')
    slow.chmod(0o755)

    with pytest.raises(BadEnvironment, match="did not answer within 1 s"):
        project.find_interpreter(Path("/"), str(slow))
