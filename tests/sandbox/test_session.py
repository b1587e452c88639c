"""A session runs the user's tests with a candidate's files and says truly how each run ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import pytest
from cart_project import GOOD, SOURCE, OpenProject
from darner.sandbox import choice
from darner.sandbox.backend import Tier
from darner.sandbox.errors import NoIsolation, WorkspaceError
from darner.sandbox.process import Process
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Detail, Limits, Outcome, RunResult, Status

BOTH = ("test_cart.py::test_empty", "test_cart.py::test_sum")
MORE_TESTS = """\
import pytest, unittest

@pytest.mark.parametrize('n', [1, 2])
def test_n(n, three, tmp_path):
    assert n < three

@pytest.mark.skip
def test_skipped(): pass

@pytest.mark.xfail
def test_expected(): assert 0

@pytest.fixture
def broken(): raise ValueError('no')

def test_fixture(broken): pass

class TestOld(unittest.TestCase):
    def test_it(self): self.assertEqual(1, 1)
"""
SHORT = Limits(wall_s=2.0, test_wall_s=1.8, test_cpu_s=1.8)
"""For what never ends."""
ROOMY = Limits(wall_s=120.0, test_wall_s=60.0, test_cpu_s=60.0)


def run_with(session: Session, head: str, limits: Limits = ROOMY) -> RunResult:
    """Run both tests with this code at the head of the (still faulty) module."""
    return session.run(BOTH, {"cart.py": (head + "\n" + SOURCE).encode()}, limits=limits)


def test_the_failing_test_is_told_with_the_real_values(session: Session) -> None:
    """Evidence is worth nothing without the values that occurred."""
    run = session.run((), detail=Detail.EVIDENCE)

    assert run.status is Status.FAIL
    failing = next(t for t in run.tests if t.nodeid == "test_cart.py::test_sum")
    assert failing.failure is not None
    assert (failing.failure.operator, failing.failure.left, failing.failure.right) == ("==", "-3", "3")
    assert ("numbers", "[1, 2]") in failing.failure.frames[-1].locals
    assert dict(failing.lines)["cart.py"] == (2, 3, 4, 5)
    call = next(c for c in failing.calls if c.function == "total")
    assert (call.arguments, call.result, call.text) == ((("numbers", "[1, 2]"),), "-3", "total([1, 2])")


def test_a_good_candidate_passes_warm_and_fresh_and_leaves_the_users_file_alone(
    session: Session, project: Path
) -> None:
    """The same verdict from the fork and from a new interpreter; the user's tree is not written."""
    for fresh in (False, True):
        run = session.run(BOTH, {"cart.py": GOOD.encode()}, fresh=fresh)

        assert run.status is Status.PASS, run
        assert (session.root / "cart.py").read_text() == SOURCE


def test_a_candidate_leaves_nothing_to_the_next_run(session: Session) -> None:
    """Same size, same second: a stale bytecode cache would let the bad file pass."""
    for _ in range(5):
        assert session.run(BOTH, {"cart.py": GOOD.encode()}).status is Status.PASS
        assert session.run(BOTH).status is Status.FAIL


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("import os; os._exit(0)", Status.CRASH),
        ("import ctypes; ctypes.string_at(0)", Status.CRASH),
        ("import sys; sys.exit(0)", Status.CRASH),
        ("import pytest; pytest.exit('done', returncode=0)", Status.FAIL),
        ("while True: pass", Status.TIMEOUT),
        ("import time; time.sleep(60)", Status.TIMEOUT),
        ("import time, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)", Status.TIMEOUT),
        ("x = [0] * 10**11", Status.FAIL),
        ("import sys; sys.stdin.read()", Status.FAIL),
        ("raise SystemExit(0)", Status.CRASH),
        ("def broken(:", Status.FAIL),
    ],
)
def test_nothing_but_passing_tests_is_a_pass(session: Session, head: str, status: Status) -> None:
    """However a candidate ends its process, the supervisor names it, and it is never PASS."""
    run = run_with(session, head, SHORT if status is Status.TIMEOUT else ROOMY)

    assert run.status is status, run
    assert session.run(BOTH, {"cart.py": GOOD.encode()}).status is Status.PASS


def test_a_flood_of_output_is_drained_and_cut(session: Session) -> None:
    """100 MB on stdout must neither block the run nor fill anything."""
    run = session.run(BOTH, {"cart.py": ("print('x' * 100_000_000)\n" + GOOD).encode()}, limits=ROOMY)

    assert run.status is Status.PASS
    assert len(run.output) < 100_000


def test_rows_forged_on_every_descriptor_are_tampering(session: Session) -> None:
    """A report without the nonce was not written by the probe."""
    forge = (
        "import os, json\n"
        "row = json.dumps({'nonce': 'x', 'finished': {'code': 0, 'ids': []}}).encode() + b'\\n'\n"
        "for fd in range(3, 64):\n    try: os.write(fd, row)\n    except OSError: pass\nos._exit(0)\n"
    )

    assert run_with(session, forge).status is Status.TAMPERED


def test_a_deleted_copy_is_whole_again_for_the_next_run(session: Session) -> None:
    """A run may spoil its own copy; the user's files and the next run do not notice."""
    spoil = "import shutil, os\nshutil.rmtree(os.path.dirname(os.path.abspath(__file__)), ignore_errors=True)\n"

    run_with(session, spoil)

    assert (session.root / "cart.py").read_text() == SOURCE
    assert session.run(BOTH, {"cart.py": GOOD.encode()}).status is Status.PASS
    assert session.run(BOTH).status is Status.FAIL


def test_folders_that_a_run_makes_or_removes_are_as_before_for_the_next_run(
    open_project: OpenProject, project: Path
) -> None:
    """A test that makes a folder would pass once, fail ever after, and be called broken by every candidate."""
    (project / "kept").mkdir()
    (project / "test_cart.py").write_text(
        "import os\n\ndef test_it():\n    os.makedirs('made/below')\n    os.rmdir('kept')\n"
    )
    session = open_project(project)

    assert [session.run(()).status for _ in range(3)] == [Status.PASS] * 3


def test_a_candidate_is_never_written_through_a_link_that_leads_to_the_users_files(
    open_project: OpenProject, project: Path, tmp_path: Path
) -> None:
    """A copied absolute link leads out of the copy: the supervisor itself would overwrite the user's source."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "far.py").write_text("FAR = 1\n")
    (project / "inner").mkdir()
    (project / "inner" / "near.py").write_text("NEAR = 1\n")
    (project / "linked").symlink_to(project / "inner")
    (project / "away").symlink_to(tmp_path / "other")
    (project / "test_cart.py").write_text(
        "from linked.near import NEAR\n\ndef test_it():\n    open('linked/new', 'w')\n    assert NEAR == 2\n"
    )
    session = open_project(project)

    assert session.run(["test_cart.py"], {"linked/near.py": b"NEAR = 2\n"}).status is Status.PASS
    assert session.run(()).status is Status.FAIL
    with pytest.raises(WorkspaceError, match="is reached by a link out of"):
        session.run((), {"away/far.py": b"FAR = 2\n"})
    assert (project / "inner" / "near.py").read_text() == "NEAR = 1\n"
    assert not (project / "inner" / "new").exists()
    assert (tmp_path / "other" / "far.py").read_text() == "FAR = 1\n"


def test_a_candidate_that_rewrites_a_test_is_tampering_however_well_that_test_then_passes(session: Session) -> None:
    """At import the test file is still to be read: a module that may open files could write its own examination."""
    head = "open('test_cart.py', 'w').write('def test_empty(): pass\\ndef test_sum(): pass')\n"
    run = session.run(BOTH, {"cart.py": (head + SOURCE).encode()}, fresh=True)

    assert run.status is Status.TAMPERED
    assert run.detail == "The run rewrote test_cart.py, so its verdict proves nothing."


def test_a_run_may_write_data_whatever_its_form(project: Path, open_project: OpenProject) -> None:
    """A library of TOML writes TOML in its tests; what is run, and pytest's settings, alone speak for a candidate."""
    (project / "data").mkdir()
    (project / "data" / "example.toml").write_text("a = 1\n")
    writing = "def test_writes():\n    open('data/example.toml', 'w').write('a = 2')\n"
    (project / "test_data.py").write_text(writing)
    session = open_project(project)

    assert session.run(("test_data.py",), {"cart.py": GOOD.encode()}, fresh=True).status is Status.PASS
    setting = f"open('pytest.ini', 'w')\n{GOOD}".encode()
    assert session.run((), {"cart.py": setting}, fresh=True).status is Status.TAMPERED


def test_processes_that_outlive_their_run_are_killed(session: Session) -> None:
    """A daemon left behind would hold files, ports and cores of the user's machine."""
    daemon = textwrap.dedent("""
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True: time.sleep(0.01)
            os._exit(0)
        """)

    assert session.run(BOTH, {"cart.py": (daemon + GOOD).encode()}).status is Status.PASS

    mark = str(session.root)
    listed = subprocess.run(["ps", "-eo", "stat,args"], capture_output=True, text=True, check=True).stdout
    children = [
        line for line in listed.splitlines() if "child.py" in line and mark in line and not line.startswith("Z")
    ]
    assert len(children) <= 2  # the server, and bubblewrap's own process around it


def test_a_cancel_ends_the_run_and_the_session_goes_on(session: Session) -> None:
    """Cancel must work in the middle of a test that never ends."""
    asked = threading.Event()
    threading.Timer(0.5, asked.set).start()
    began = time.monotonic()

    run = session.run(
        BOTH,
        {"cart.py": b"while True: pass\n"},
        limits=ROOMY,
        cancelled=asked.is_set,
    )

    assert run.status is Status.ABORT
    assert time.monotonic() - began < 30
    assert session.run(BOTH, {"cart.py": GOOD.encode()}).status is Status.PASS


SPINNING = """\
import time


def spin():
    while True:
        pass


def work():
    ends = time.process_time() + 1.5
    while time.process_time() < ends:
        pass
"""
TESTS_OF_SPINNING = """\
import pytest
import spinning


def test_slow_before():
    pass


@pytest.mark.parametrize("n", range(6))
def test_loop(n):
    spinning.spin()


def test_slow():
    spinning.work()
"""


def test_after_an_endless_test_only_those_that_stand_in_the_same_place_are_waited_for_less(
    project: Path, open_project: OpenProject
) -> None:
    """A slow test is healthy; and a loop that six tests run into costs its whole limit once."""
    (project / "spinning.py").write_text(SPINNING)
    (project / "test_spinning.py").write_text(TESTS_OF_SPINNING)
    limits = Limits(test_cpu_s=4.0, test_wall_s=120.0, cpu_s=4.0 + 5 * 2.0 + 3.0, wall_s=400.0)

    run = open_project(project).run(["test_spinning.py"], limits=limits)

    outcomes = {t.nodeid.split("::", 1)[1]: t.outcome for t in run.tests}
    assert outcomes.pop("test_slow") is outcomes.pop("test_slow_before") is Outcome.PASSED
    assert run.status is Status.FAIL, run.detail
    assert {t.failure.exception for t in run.tests if t.failure} == {"TestTimeout"}
    assert list(outcomes.values()) == [Outcome.FAILED] * 6


def test_a_hanging_test_is_interrupted_where_it_stands(session: Session) -> None:
    """The frames of an endless loop are the evidence that finds it."""
    endless = "def total(numbers):\n    turns = 0\n    while True:\n        turns += 1\n"

    run = session.run(
        BOTH, {"cart.py": endless.encode()}, limits=Limits(test_cpu_s=0.3, test_wall_s=1.0), detail=Detail.EVIDENCE
    )

    assert run.status is Status.FAIL
    assert {t.failure.exception for t in run.tests if t.failure} == {"TestTimeout"}
    failure = run.tests[0].failure
    assert failure is not None
    assert failure.frames[-1].path == "cart.py"
    assert "turns" in dict(failure.frames[-1].locals)


def test_secrets_in_the_project_and_the_environment_are_not_shown(
    open_project: OpenProject, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Model-written code must not find what it could send away."""
    monkeypatch.setenv("DARNER_TEST_TOKEN", "very secret")
    (project / ".env").write_text("TOKEN=very secret")
    peep = textwrap.dedent("""
        import os
        assert "very " + "secret" not in repr(dict(os.environ))
        assert not os.path.exists(".env")
        """)

    run = open_project(project).run(BOTH, {"cart.py": (peep + GOOD).encode()})

    assert run.status is Status.PASS, run


def test_a_confining_backend_keeps_the_network_and_other_files_away(open_project: OpenProject, project: Path) -> None:
    """What the guarantees say holds, and the weaker backend says that it does not."""
    session = open_project(project)
    outside = project.parent / "outside.txt"
    outside.write_text("private")
    probe = (
        "import socket, os\n"
        "reach = []\n"
        "try: socket.create_connection(('127.0.0.1', 9), timeout=1)\n"
        "except OSError as error: reach.append(error.errno)\n"
        f"try: reach.append(bool(open({str(outside)!r}).read()))\n"
        "except OSError: reach.append(False)\n"
        "assert reach[-1] is False\n"
    )

    run = session.run(BOTH, {"cart.py": (probe + GOOD).encode()})

    confined = session.report.tier is not Tier.NONE
    assert (run.status is Status.PASS) == confined
    assert any("network" in text for text in (session.guarantees.holds if confined else session.guarantees.gaps))


def test_calls_are_answered_by_value_and_each_has_its_own_time(session: Session) -> None:
    """Behaviour is compared by outputs; an endless one must not take the others with it."""
    slow = GOOD.replace("    result = 0\n", "    result = 0\n    while numbers == [7]: pass\n")

    given = session.call(
        "cart.py",
        ["total([1, 2])", "total([7])", "total(None)", "{3, 1, 2}"],
        {"cart.py": slow.encode()},
        nodeids=BOTH[:1],
        limits=ROOMY,
        each_s=0.3,
    )

    assert [(r.result, r.exception) for r in given] == [
        ("3", None),
        (None, "Timeout"),
        (None, "TypeError"),
        ("set(1, 2, 3)", None),
    ]


def test_a_closed_session_leaves_no_folder(open_project: OpenProject, project: Path) -> None:
    """Temporary copies are the user's disk."""
    before = _copies()
    session = open_project(project)
    assert len(_copies()) == len(before) + 1

    session.close()

    assert _copies() == before


def test_without_isolation_and_without_agreement_nothing_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No silent downgrade: the person agrees first, or nothing happens."""
    monkeypatch.setattr(choice, "BACKENDS", (Process(),))
    with pytest.raises(NoIsolation, match="--trust"):
        open_session(project, Path(sys.executable), trusted=False)


def test_fixtures_parameters_skips_and_expected_failures_are_told_apart(
    open_project: OpenProject, project: Path
) -> None:
    """Real suites use fixtures, parameters, skips, expected failures and unittest."""
    (project / "conftest.py").write_text(
        "import pytest\n\n\n@pytest.fixture(scope='session')\ndef three():\n    return 3\n"
    )
    (project / "test_more.py").write_text(MORE_TESTS)

    outcomes = {t.nodeid.split("::", 1)[1]: t.outcome for t in open_project(project).run(["test_more.py"]).tests}

    assert outcomes == {
        "test_n[1]": Outcome.PASSED,
        "test_n[2]": Outcome.PASSED,
        "test_skipped": Outcome.SKIPPED,
        "test_expected": Outcome.XFAILED,
        "test_fixture": Outcome.ERROR,
        "TestOld::test_it": Outcome.PASSED,
    }


def _copies() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob(f"darner-{os.getpid()}-*"))
