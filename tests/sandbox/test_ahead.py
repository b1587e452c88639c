"""What the first plain run of the tests imported is imported once, before later runs; never where that could matter."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from darner.sandbox.session import Session, open_session
from darner.sandbox.types import Detail, Limits, RunResult, Status

pytestmark = pytest.mark.slow

ROOMY = Limits(wall_s=120.0, cpu_s=60.0, test_wall_s=60.0, test_cpu_s=30.0)
Opening = Callable[..., Session]


@pytest.fixture
def opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opening]:
    """Opens a session on these files; `elsewhere` names modules that lie outside the project."""
    opened: list[Session] = []

    def open_one(files: dict[str, str], elsewhere: dict[str, str] | None = None) -> Session:
        root = tmp_path.resolve() / "project"
        outside = tmp_path.resolve() / "elsewhere"
        for folder, texts in ((root, files), (outside, elsewhere or {})):
            folder.mkdir()
            for name, text in texts.items():
                (folder / name).write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(outside))
        opened.append(open_session(root, Path(sys.executable), trusted=True))
        return opened[-1]

    yield open_one
    for session in opened:
        session.close()


def says(session: Session, edits: dict[str, bytes] | None = None, detail: Detail = Detail.VERDICTS) -> RunResult:
    return session.run((), edits, limits=ROOMY, detail=detail)


LAZY = """\
import itertools
import sys
def test_lazy():
    print("ahead" if "late" in sys.modules else "itself")
    import late
    import shop
    print("own" if shop.seen == ["late"] else "shared")
    assert shop.price() == 1
"""
SHOP = "import sys\nseen = [name for name in ('late', 'shopping') if name in sys.modules]\ndef price(): return {}\n"


def test_what_a_test_imports_is_imported_once_and_the_projects_own_code_in_every_run(opening: Opening) -> None:
    """A plugin that is imported at the first test costs each candidate as much as everything else together."""
    files = {"test_lazy.py": LAZY, "shop.py": SHOP.format(2)}
    session = opening(files, {"late.py": "import shopping\n", "shopping.py": ""})
    said = [says(session).output.split(), says(session).output.split()]

    assert said[0][:1] == ["itself"]
    assert said[1][:1] == ["ahead"]
    assert session.repeats_because == ""
    good, bad = (says(session, {"shop.py": SHOP.format(n).encode()}) for n in (1, 3))
    assert (good.status, bad.status) == (Status.PASS, Status.FAIL)
    assert "ahead" in good.output


UNSAFE = {
    "starts threads": "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n",
    "of the project": "import shop\n",
    "ended the process": "import os, sys\nif 'pytest' in sys.modules and not hasattr(sys, 'testing'): os._exit(3)\n",
}


@pytest.mark.parametrize("why", UNSAFE)
def test_what_must_not_be_imported_ahead_is_imported_by_each_run_for_itself(why: str, opening: Opening) -> None:
    """A fork copies one thread only; a candidate's module must be read from its own file; the stage must live."""
    test = "import sys\ndef test_it():\n    sys.testing = True\n    import late, shop\n    assert shop.price() == 1\n"
    session = opening({"test_it.py": test, "shop.py": SHOP.format(2)}, {"late.py": UNSAFE[why]})
    for _ in range(2):
        assert says(session).status is Status.FAIL

    assert says(session, {"shop.py": SHOP.format(1).encode()}).status is Status.PASS
    assert says(session, {"shop.py": SHOP.format(3).encode()}).status is Status.FAIL
    assert why in session.repeats_because
    assert session.slow_because == ""


FIRST = 'import sys\ndef test_first():\n    assert "late" not in sys.modules\n    import late\n'


def test_a_test_that_can_tell_the_difference_gets_its_imports_back(opening: Opening) -> None:
    """Or a good candidate would fail, and the user's own test would look flaky."""
    session = opening({"test_first.py": FIRST}, {"late.py": ""})

    assert [says(session).status for _ in range(3)] == [Status.PASS] * 3
    assert "changes what they say" in session.repeats_because


TRACED = """\
import itertools
import sys
def test_traced():
    import late
    assert sys.gettrace() is None
    assert not hasattr(sys, "monitoring") or not any(sys.monitoring.get_tool(n) for n in range(6))
"""


def test_a_test_that_differs_by_itself_is_not_blamed_on_imports(opening: Opening) -> None:
    """Here it sees that it is traced; then imports stay ahead, and nobody asks again."""
    session = opening({"test_traced.py": TRACED}, {"late.py": ""})
    assert says(session).status is Status.PASS

    assert says(session, detail=Detail.EVIDENCE).status is Status.FAIL
    assert session.repeats_because == ""
    assert says(session).status is Status.PASS


def test_a_cancel_ends_what_is_imported_ahead_and_the_next_run_is_whole(opening: Opening, tmp_path: Path) -> None:
    """The user waits for the end of the work, and it may have only begun: importing takes seconds."""
    slow = tmp_path.resolve() / "elsewhere" / "slow"
    late = f"import os, time\nif os.path.exists({str(slow)!r}):\n    time.sleep(600)\n"
    session = opening({"test_lazy.py": "def test_lazy():\n    import late\n"}, {"late.py": late})
    assert says(session).status is Status.PASS
    slow.write_text("")
    polls = itertools.count()

    stopped = session.run((), limits=ROOMY, cancelled=lambda: next(polls) > 20)

    assert (stopped.status, stopped.tests) == (Status.ABORT, ())
    slow.unlink()
    assert [says(session).status for _ in range(2)] == [Status.PASS, Status.PASS]
