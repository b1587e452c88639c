"""s01 to s60 against every backend that this machine can start: nothing gets through and nothing stays.

After each attack the canaries outside are as before, and the next run still tells the truth about the user's files.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from attacks import ATTACKS, FAST, Attack
from canaries import Canaries, canaries, processes_of
from cart_project import GOOD, SOURCE, lay_out
from darner.sandbox.backend import Backend, Tier
from darner.sandbox.errors import WorkspaceError
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Limits, RunResult, Status
from polling import until

BOTH = ["test_cart.py::test_empty", "test_cart.py::test_sum"]
SECRETS = (
    ".env",
    ".env.local",
    "id_rsa",
    "server.pem",
    ".netrc",
    ".git/config",
    ".aws/credentials",
    ".git-credentials",
)
FRAME = """\
import json
AIM = json.loads({aims!r})


class Escaped(Exception):
    pass


def attack():
{body}


try:
    through = attack()
except (OSError, ValueError, MemoryError):
    through = None
if through:
    raise Escaped(repr(through))
"""


@dataclass(frozen=True, slots=True)
class Target:
    session: Session
    canaries: Canaries
    project: Path

    def run(self, edits: dict[str, str], wall_s: float = 90.0) -> RunResult:
        limits = Limits(
            wall_s=wall_s, cpu_s=60.0, memory_bytes=1 << 30, file_bytes=16 << 20, processes=48, disk_bytes=48 << 20
        )
        return self.session.run(BOTH, {path: text.encode() for path, text in edits.items()}, limits=limits)

    def framed(self, body: str) -> str:
        aims = json.dumps(self.canaries.aims())
        return FRAME.format(aims=aims, body=textwrap.indent(body or "pass", "    ")) + GOOD


@pytest.fixture(scope="module")
def target(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    if backend.tier is Tier.NONE:
        pytest.skip("a plain process confines nothing, and says so")
    folder = tmp_path_factory.mktemp("attacked")
    with canaries(folder / "outside") as watched, pytest.MonkeyPatch.context() as patched:
        patched.setenv("DARNER_TEST_SECRET", watched.secret)
        project = lay_out(folder / "project")
        for name in SECRETS:
            (project / name).parent.mkdir(exist_ok=True)
            (project / name).write_text(watched.secret)
        with open_session(project, Path(sys.executable), trusted=False, backend=backend) as session:
            yield Target(session, watched, project)
        assert until(lambda: not processes_of(str(folder)), 60.0)  # bubblewrap's own ends by itself, a moment later


@pytest.fixture(autouse=True)
def nothing_happens_outside(request: pytest.FixtureRequest) -> Iterator[None]:
    """Before and after: canaries, the user's own files, processes, mounts, shared memory."""
    if "target" not in request.fixturenames:
        yield
        return
    target: Target = request.getfixturevalue("target")
    before = snapshot(target.project)
    yield
    assert target.canaries.disturbed() == []
    assert snapshot(target.project) == before
    assert target.canaries.left_behind(str(target.project)) == []


def snapshot(project: Path) -> dict[str, bytes]:
    return {str(path.relative_to(project)): path.read_bytes() for path in project.rglob("*") if path.is_file()}


def admitted(target: Target, attack: Attack) -> bool:
    return bool(attack.gap) and any(attack.gap in text for text in target.session.report.gaps)


@pytest.mark.parametrize(
    "attack",
    [pytest.param(a, id=f"{a.number}-{a.title}", marks=() if a.number in FAST else pytest.mark.slow) for a in ATTACKS],
)
def test_an_attack_gets_nowhere_and_leaves_nothing(target: Target, attack: Attack) -> None:
    """A gap must be one that the backend's own report names."""
    outside = str(target.canaries.folder / "unpickled")
    source = attack.source.replace("%r", repr(outside)) if attack.source else target.framed(attack.code)

    run = target.run({"cart.py": source, **attack.edits}, attack.wall_s)

    escaped = [t.failure for t in run.tests if t.failure and "Escaped" in (t.failure.exception, t.failure.text[-400:])]
    escaped += [t.failure for t in run.tests if t.failure and "Escaped:" in t.failure.text]
    assert not escaped or admitted(target, attack), escaped
    assert run.status in attack.ends or escaped, run
    shown = run.output + run.detail + "".join(t.failure.message + t.failure.text for t in run.tests if t.failure)
    assert not {"\x1b", "\u202e", "\u2066", "\x07"} & set(shown)
    assert len(shown) < 200_000
    truth = target.run({})
    assert {t.nodeid: t.outcome.value for t in truth.tests} == dict(zip(BOTH, ("passed", "failed"), strict=True)), truth


@pytest.mark.slow
@pytest.mark.parametrize("path", ["../planted.py", "/tmp/planted.py", "away/planted.py"])
def test_s46_a_candidate_is_not_written_outside_the_copy(target: Target, path: str) -> None:
    """The supervisor writes a candidate's files itself: a name must not lead it out."""
    with pytest.raises(WorkspaceError):
        target.run({path.replace("away", os.path.relpath(target.canaries.folder, target.project)): "x = 1\n"})


@pytest.mark.slow
def test_s47_a_huge_candidate_costs_only_its_own_run(target: Target) -> None:
    """A model that repeats itself for ever must not take the session along."""
    run = target.run({"cart.py": "x = [\n" + "1234567,\n" * 1_000_000 + "]\n" + GOOD})

    assert run.status in (Status.PASS, Status.FAIL, Status.CRASH, Status.OOM, Status.TIMEOUT), run
    assert target.run({"cart.py": GOOD}).status is Status.PASS


@pytest.mark.slow
def test_s49_a_file_that_its_user_edits_meanwhile_is_noticed(backend: Backend, tmp_path: Path) -> None:
    """A verdict on files that are no longer the user's is worth nothing."""
    if backend.tier is Tier.NONE:
        pytest.skip("the same code for every backend")
    project = lay_out(tmp_path / "edited")
    with open_session(project, Path(sys.executable), trusted=True, backend=backend) as session:
        session.run(BOTH, {"cart.py": GOOD.encode()})
        (project / "cart.py").write_text(SOURCE + "# edited\n")

        with pytest.raises(WorkspaceError, match="changed while"):
            session.run(BOTH, {"cart.py": GOOD.encode()})


@pytest.mark.slow
def test_s52_a_run_does_not_see_what_another_left(target: Target) -> None:
    """Else one candidate could hand its answers to the next."""
    places = ["/tmp/darner-left", "/dev/shm/darner-left", "darner-left"]
    leave = f"for path in {places!r}:\n    try: open(path, 'w').write('x')\n    except OSError: pass"
    find = f"import os\nreturn [path for path in {places!r} if os.path.exists(path)]"
    assert target.run({"cart.py": target.framed(leave)}).status is Status.PASS

    run = target.run({"cart.py": target.framed(find)})

    assert run.status is Status.PASS or any("next run" in text for text in target.session.report.gaps), run
