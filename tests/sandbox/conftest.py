"""A real project, a real sandbox: every test here runs under each backend that this machine can start."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cart_project import SOURCE, TESTS, OpenProject
from darner.sandbox import session as sessions
from darner.sandbox.isolate import bubblewrap_trouble
from darner.sandbox.session import Session, open_session

BACKENDS = ("bubblewrap", "process")


@contextmanager
def backend(name: str) -> Generator[None]:
    """Only this backend is there; skips, with the reason, where it does not work."""
    if name == "bubblewrap" and bubblewrap_trouble():
        pytest.skip(bubblewrap_trouble())
    with pytest.MonkeyPatch.context() as patched:
        if name == "process":
            patched.setattr(sessions, "bubblewrap_trouble", lambda: "not wanted in this test")
        yield


def lay_out(root: Path) -> Path:
    root.mkdir()
    (root / "cart.py").write_text(SOURCE)
    (root / "test_cart.py").write_text(TESTS)
    (root / "pytest.ini").write_text("[pytest]\n")
    return root.resolve()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A two-test project whose second test fails, in a folder with a space and an umlaut in its name."""
    return lay_out(tmp_path / "mein Prøject")


@pytest.fixture(params=BACKENDS)
def open_project(request: pytest.FixtureRequest) -> Iterator[OpenProject]:
    """Opens a session on a folder, under each backend; closes it."""
    opened: list[Session] = []

    def open_one(root: Path) -> Session:
        opened.append(open_session(root, Path(sys.executable), trusted=True))
        return opened[-1]

    with backend(request.param):
        yield open_one
        for one in opened:
            one.close()


@pytest.fixture(scope="module", params=BACKENDS)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """One session for many runs: what one run leaves behind would show in the next."""
    root = lay_out(tmp_path_factory.mktemp("shared") / "mein Prøject")
    with backend(request.param), open_session(root, Path(sys.executable), trusted=True) as opened:
        yield opened
