"""A verdict is true of what was copied: an edit meanwhile is found by what the files hold."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cart_project import GOOD, SOURCE
from darner.sandbox.errors import WorkspaceError
from darner.sandbox.oracle import Claim, verdict
from darner.sandbox.session import open_session
from darner.sandbox.sources import python_files
from darner.sandbox.types import Limits
from darner.sandbox.workspace import Workspace

ROOMY = Limits(wall_s=120.0, cpu_s=120.0, test_wall_s=100.0, test_cpu_s=100.0)
Change = Callable[[Path], None]


def edited_in_place(root: Path) -> None:
    """Same size, and the time is put back: as a formatter or a file system with a coarse clock would leave it."""
    file = root / "cart.py"
    seen = file.stat()
    file.write_text(SOURCE.replace("-=", "*="))
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def new_conftest(root: Path) -> None:
    (root / "conftest.py").write_text("")


def deleted(root: Path) -> None:
    (root / "pytest.ini").unlink()


def became_a_link(root: Path) -> None:
    (root / "cart.py").rename(root.parent / "cart.py")
    (root / "cart.py").symlink_to(root.parent / "cart.py")


@pytest.mark.parametrize("change", [edited_in_place, new_conftest, deleted, became_a_link])
def test_every_change_of_the_users_files_is_seen(project: Path, change: Change) -> None:
    """By content: neither time nor size has to tell it."""
    workspace = Workspace(project)
    try:
        assert workspace.changed_by_user() == ""
        change(project)
        assert workspace.changed_by_user() != ""
    finally:
        workspace.close()


def test_the_python_files_of_a_project_are_those_that_enter_the_copy_and_can_be_told_of(tmp_path: Path) -> None:
    """No environment whatever it is called, no cache, nothing that a build copied, no name that is no text."""
    inside = ("a.py", "café.py", "src/pkg/b.py", "src/pkg/data/c.py")
    outside = ("own/bin/d.py", ".tox/e.py", ".pixi/envs/g.py", "build/lib/pkg/b.py", "node_modules/f.py", "pkg.txt")
    for path in (*inside, *outside):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    (tmp_path / "own" / "pyvenv.cfg").write_text("")
    with contextlib.suppress(OSError):  # some file systems take no such name
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.py")).write_text("")

    assert tuple(python_files(tmp_path)) == inside


def test_what_programs_write_and_what_is_saved_unchanged_is_no_change(project: Path) -> None:
    """A server's log or a save without an edit must not cost the user the answer."""
    (project / "server.log").write_text("started\n")
    workspace = Workspace(project)
    try:
        (project / "server.log").write_text("started\nasked\n")
        (project / ".coverage").write_bytes(b"x")
        (project / "notes.txt").write_text("new")
        (project / "cart.py").write_text(SOURCE)
        assert workspace.changed_by_user() == ""
    finally:
        workspace.close()


@pytest.mark.parametrize("source", [GOOD, SOURCE.replace("result -=", "result +=  2 *")], ids=["good", "wrong"])
def test_no_verdict_is_given_for_files_that_changed_meanwhile(project: Path, source: str) -> None:
    """Neither a pass nor a failure would be true of what the user now has."""
    with open_session(project, Path(sys.executable), trusted=True) as session:
        edited_in_place(project)
        other = frozenset({"test_cart.py::test_empty"})
        claim = Claim("test_cart.py::test_sum", {"cart.py": source.encode()}, other, (), cold=ROOMY, alone=ROOMY)
        with pytest.raises(WorkspaceError, match=r"cart\.py changed while Darner was working"):
            verdict(session, claim, lambda: False)


def test_a_run_never_goes_on_with_a_file_that_was_edited_while_it_lasted(project: Path) -> None:
    """The copy is put back from the user's files: half old, half new would be nobody's project."""
    workspace = Workspace(project)
    try:
        workspace.place({"cart.py": GOOD.encode()})
        edited_in_place(project)
        for _ in range(2):  # asking again does not make it true
            with pytest.raises(WorkspaceError):
                workspace.restore(everything=False)
    finally:
        workspace.close()
