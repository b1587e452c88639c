"""What a failing test shows: what the code did, not what pytest made of it; of an endless one, where it goes round."""

from __future__ import annotations

import sys
from pathlib import Path

from darner.engine.evidence import gather
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.types import Evidence
from darner.sandbox.session import open_session

SHOWN = """\
class Box:
    def __repr__(self):
        return "Box()"


def opened(box):
    raise ValueError("no key")
"""
ENDLESS = """\
import time


def prepared(seconds):
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass
    return 1


def spun(number):
    while number:
        number += 1
"""
SLOW = "from endless import prepared, spun\n\n\ndef test_it():\n    spun(prepared({seconds}))\n"


def gathered(root: Path, files: dict[str, str]) -> Evidence:
    for name, text in files.items():
        (root / name).write_text(text)
    with open_session(root, Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        return gather(session, suite, suite.failing[0], Stop())


def test_what_pytest_calls_to_render_a_failure_is_no_evidence(tmp_path: Path) -> None:
    """Rendered local variables run the project's `__repr__`, after the test had failed."""
    files = {
        "boxes.py": SHOWN,
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--showlocals'\n",
        "test_boxes.py": "from boxes import Box, opened\n\n\ndef test_it():\n    opened(Box())\n",
    }
    failing = gathered(tmp_path.resolve(), files).failing

    assert failing.failure is not None
    assert "box        = Box()" in failing.failure.text
    assert failing.trace is not None
    assert [one.function for one in failing.trace.activations] == ["test_it", "opened"]


def test_what_the_end_of_a_test_runs_is_evidence_though_its_failure_was_rendered_before(tmp_path: Path) -> None:
    """Fixtures are taken down after the failure; their lines count."""
    tests = (
        "import pytest\nfrom tidy import tidied\n\n\n@pytest.fixture\ndef room():\n    yield 1\n    tidied()\n\n\n"
        "def test_it(room):\n    assert room == 2\n"
    )
    failing = gathered(tmp_path.resolve(), {"tidy.py": "def tidied():\n    return 1\n", "test_tidy.py": tests}).failing

    assert dict(failing.lines)["tidy.py"]


def test_an_endless_test_is_seen_where_it_goes_round_however_long_it_takes_to_get_there(tmp_path: Path) -> None:
    """A glance suffices for most; one that is still on its way then is given more."""
    for name, seconds in (("soon", 0.0), ("late", 0.3)):
        root = (tmp_path / name).resolve()
        root.mkdir()
        files = {"endless.py": ENDLESS, "test_endless.py": SLOW.replace("{seconds}", str(seconds))}
        failing = gathered(root, files).failing

        assert failing.failure is not None
        assert failing.failure.exception == "TestTimeout"
        assert failing.failure.frames[-1].function == "spun"
        assert dict(failing.failure.frames[-1].locals)["number"] != "1"
