"""Every backend gives the same verdict on the same candidate: which one a machine has decides nothing."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from darner.sandbox.choice import BACKENDS, examined
from darner.sandbox.docker_backend import Docker
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import RunResult
from mixed_candidates import Mixed, mixed

_COUNT = 200


@pytest.mark.slow
def test_two_hundred_mixed_candidates_get_the_same_verdict_everywhere(docker: Docker, project: Path) -> None:
    """Endings are made by different kernels' means in each backend; what the user is told must not differ."""
    others = [backend for backend in BACKENDS if not isinstance(backend, Docker)]
    usable = [backend for backend in (*others, docker) if not examined(backend).trouble]
    assert len(usable) >= 3, [examined(backend).trouble for backend in others]
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    with ExitStack() as stack:
        python = Path(sys.executable)
        sessions = [stack.enter_context(open_session(project, python, trusted=True, backend=one)) for one in usable]
        for candidate in mixed(_COUNT):
            seen[candidate.kind] += 1
            wrong += _differences(candidate, sessions)
    assert min(seen.values()) >= _COUNT // 20, seen
    assert not wrong, "\n".join(wrong)


def _differences(candidate: Mixed, sessions: list[Session]) -> list[str]:
    verdicts = {session.report.backend: _verdict(_run(session, candidate)) for session in sessions}
    statuses = {name: status for name, (status, _) in verdicts.items()}
    if set(statuses.values()) == {str(candidate.expected)} and len({str(each) for each in verdicts.values()}) == 1:
        return []
    return [f"{candidate.kind}, expected {candidate.expected}: {verdicts}\n{candidate.source}"]


def _run(session: Session, candidate: Mixed) -> RunResult:
    return session.run((), {"cart.py": candidate.source.encode()}, limits=candidate.limits)


def _verdict(run: RunResult) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The status, and what each test came to."""
    return str(run.status), tuple((test.nodeid, str(test.outcome)) for test in run.tests)
