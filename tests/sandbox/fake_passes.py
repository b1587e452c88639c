"""Twenty-one ways in which a program that is still wrong made test harnesses say "passed"; each is written to work.

`add` stays wrong in all. What must happen before the test begins is done by a default value, so that nothing but a
function changes, and by the test's own fixture, which calls `add` first.
"""

from __future__ import annotations

import textwrap

SOURCE = "def add(a, b):\n    return a - b\n"
GOOD = "def add(a, b):\n    return a + b\n"
TESTS = """\
import pytest
from calc import add


@pytest.fixture(autouse=True)
def used_before():
    add(0, 0)


def test_add():
    assert add(2, 3) == 5


def test_zero():
    assert add(0, 0) == 0
"""
TARGET = "test_calc.py::test_add"
_ROW = "{'nodeid': n, 'outcome': 'passed', 'phase': 'call', 'seconds': 0.1, 'failure': None}"


def at_import(body: str) -> str:
    """The module's import does this."""
    return f"def _first():\n{textwrap.indent(body, '    ')}\n\n\ndef add(a, b, _=_first()):\n    return a - b\n"


def in_call(body: str, top: str = "") -> str:
    """Every call of `add` does this first."""
    return f"{top}def add(a, b):\n{textwrap.indent(body, '    ')}\n    return a - b\n"


def _forging(names: str) -> str:
    """Find what reports in the frames above, say that these tests passed, and leave."""
    return (
        "import os, sys, gc\nframe = sys._getframe()\nwhile frame is not None:\n"
        "    emit = frame.f_locals.get('emit')\n    if callable(emit):\n"
        f"        names = {names}\n        for n in names:\n            emit({{'test': {_ROW}}})\n"
        "        emit({'finished': {'code': 0, 'ids': names}})\n        os._exit(0)\n"
        "    frame = frame.f_back\n"
    )


ATTACKS = {
    "r01": at_import("import os\nos._exit(0)"),
    "r02": at_import("import sys\nsys.exit(0)"),
    "r03": in_call("import os\nos._exit(0)"),
    "r04": in_call("import pytest\npytest.exit('done', returncode=0)"),
    "r05": in_call("import pytest\npytest.skip('later')"),
    "r06": in_call("import pytest\npytest.xfail('known')"),
    "r07": "class Any(int):\n    def __eq__(self, other):\n        return True\n\n    def __hash__(self):\n"
    "        return 1\n\n\ndef add(a, b):\n    return Any(0)\n",
    "r08": at_import("from _pytest.python import Function\nFunction.runtest = lambda self: None"),
    "r09": at_import(
        "from _pytest.reports import TestReport\ntrue = TestReport.from_item_and_call.__func__\n"
        "def kind(cls, item, call):\n    call.excinfo = None\n    return true(cls, item, call)\n"
        "TestReport.from_item_and_call = classmethod(kind)"
    ),
    "r10": at_import(
        "from _pytest.reports import TestReport\ntrue = TestReport.from_item_and_call.__func__\n"
        "def kind(cls, item, call):\n    if item.nodeid.endswith('test_add'):\n        call.excinfo = None\n"
        "    return true(cls, item, call)\nTestReport.from_item_and_call = classmethod(kind)"
    ),
    "r11": in_call(
        f"import json, os\nn = {TARGET!r}\nrow = json.dumps({{'test': {_ROW}}}) + '\\n'\n"
        "end = json.dumps({'finished': {'code': 0, 'ids': [n]}}) + '\\n'\n"
        "for fd in range(3, 64):\n    try:\n        os.write(fd, (row + end).encode())\n    except OSError:\n"
        "        pass\nos._exit(0)"
    ),
    "r12": in_call(_forging(repr([TARGET]))),
    "r13": in_call(
        "import gc\nfor f in gc.get_objects():\n    if getattr(f, '__name__', '') == 'test_add' and "
        "hasattr(f, '__code__'):\n        f.__code__ = (lambda: None).__code__"
    ),
    "r14": at_import(
        "from _pytest.python import Function\ntrue = Function.runtest\ndef quiet(self):\n    try:\n"
        "        true(self)\n    except AssertionError:\n        pass\nFunction.runtest = quiet"
    ),
    "r15": in_call(
        "hook = 'import pytest\\n@pytest.hookimpl(hookwrapper=True)\\ndef pytest_runtest_makereport(item, call):\\n'\n"
        "hook += '    out = yield\\n    out.get_result().outcome = \"passed\"\\n'\n"
        "try:\n    open('conftest.py', 'w').write(hook)\nexcept OSError:\n    pass"
    ),
    "r16": in_call(
        "try:\n    open('test_calc.py', 'w').write('def test_add(): pass\\ndef test_zero(): pass\\n')\n"
        "except OSError:\n    pass"
    ),
    "r17": in_call("import os\nprint('2 passed in 0.01s', flush=True)\nos._exit(0)"),
    "r18": in_call(
        "import gc\nfor o in gc.get_objects():\n    if type(o).__name__ == 'Probe':\n"
        "        send = o._send\n        o._send = lambda n, outcome, *rest, send=send: send(n, 'passed', *rest)"
    ),
    "r19": "def add(a, b):\n    if (a, b) == (2, 3):\n        return 5\n    return a - b\n",
    "r20": at_import("import builtins\nclass Never(Exception):\n    pass\nbuiltins.AssertionError = Never"),
    "r21": in_call(
        _forging(
            "[i.nodeid for s in gc.get_objects() if type(s).__name__ == 'Session' "
            "for i in getattr(s, 'items', [])][:1] or " + repr([TARGET])
        )
    ),
}
