"""A real project, a real sandbox: every test here runs under each backend that this machine can start."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cart_project import OpenProject, lay_out
from darner.sandbox.backend import Backend
from darner.sandbox.choice import BACKENDS, examined
from darner.sandbox.docker_backend import Docker
from darner.sandbox.session import Session, open_session
from dockerd import Daemon, real_daemon

CANDIDATES = tuple(backend for backend in BACKENDS if not isinstance(backend, Docker))

EVERY_TIME = frozenset({"namespaces", "landlock"})
"""The strongest that needs nothing, and the one with the least from the kernel; the others are tested as slow ones."""

DOCKER = pytest.param("docker", marks=pytest.mark.slow, id="docker")
"""The engine of the tests' own (dockerd.py): `make test` does not wait for it, `make test-sandbox` does."""


@pytest.fixture(scope="session")
def daemon() -> Iterator[Daemon]:
    with real_daemon() as started:
        yield started


@pytest.fixture(scope="session")
def docker(daemon: Daemon) -> Docker:
    return Docker(daemon.address)


@pytest.fixture(
    scope="module",
    params=[
        *(
            pytest.param(each, id=each.name, marks=() if each.name in EVERY_TIME else pytest.mark.slow)
            for each in CANDIDATES
        ),
        DOCKER,
    ],
)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each backend in turn; skips, with the reason, those that do not work here."""
    chosen: Backend = request.getfixturevalue("docker") if request.param == "docker" else request.param
    if trouble := examined(chosen).trouble:
        pytest.skip(trouble)
    return chosen


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A two-test project whose second test fails, in a folder with a space and an umlaut in its name."""
    return lay_out(tmp_path / "mein Prøject")


@pytest.fixture
def open_project(backend: Backend) -> Iterator[OpenProject]:
    """Opens a session on a folder, under each backend; closes it."""
    opened: list[Session] = []

    def open_one(root: Path) -> Session:
        opened.append(open_session(root, Path(sys.executable), trusted=True, backend=backend))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def session(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """One session for many runs: what one run leaves behind would show in the next."""
    root = lay_out(tmp_path_factory.mktemp("shared") / "mein Prøject")
    with open_session(root, Path(sys.executable), trusted=True, backend=backend) as opened:
        yield opened
