"""What an exception says is missing is supplied, where the code shows how."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from darner.engine.config import Budget
from darner.engine.events import Done
from darner.engine.lacking import Lacking, Missing, lacking, suppliers
from darner.engine.loop import repair
from darner.engine.mutate import Mutants
from darner.engine.operators_lacking import missing_attribute, missing_parameter
from darner.engine.source import Source
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.types import FailureReport, FixStatus
from darner.sandbox.session import open_session


def texts(text: str, operator: str, lack: Lacking | None = None) -> list[str]:
    """What the file is after each edit of one operator, best first."""
    source = Source.parse("a.py", text.encode())
    lines = dict.fromkeys(range(1, text.count("\n") + 1), 1.0)
    made = Mutants(source, lines, lacking=lack).all()
    return [each.patch.files[0].after.decode() for each in made if each.operator == operator]


@pytest.mark.parametrize(
    ("exception", "message", "found"),
    [
        ("AttributeError", "'Cart' object has no attribute 'seen'", Lacking(Missing.ATTRIBUTE, "Cart", "seen")),
        (
            "AttributeError",
            "'Cart' object has no attribute 'seen'. Did you mean: 'see'?",
            Lacking(Missing.ATTRIBUTE, "Cart", "seen"),
        ),
        (
            "TypeError",
            "Cart.add() got an unexpected keyword argument 'fold'",
            Lacking(Missing.PARAMETER, "Cart.add", "fold"),
        ),
        ("NameError", "name 'sep' is not defined", Lacking(Missing.NAME, "", "sep")),
        ("NameError", "name 'sep' is not defined. Did you mean: 'set'?", Lacking(Missing.NAME, "", "sep")),
        ("AttributeError", "module 'a' has no attribute 'b'", None),
        ("AttributeError", "'NoneType' object has no attribute 'seen'", None),
        ("TypeError", "filter() got an unexpected keyword argument 'x'", Lacking(Missing.PARAMETER, "filter", "x")),
        ("KeyError", "'Cart' object has no attribute 'seen'", None),
        ("TypeError", "", None),
    ],
)
def test_what_is_missing_is_read_off_the_exception(exception: str, message: str, found: Lacking | None) -> None:
    assert lacking(exception, message) == found


def test_an_attribute_is_supplied_where_the_object_or_what_it_is_made_from_begins() -> None:
    init = "    def __init__(self): pass\n"
    text = f"class A:\n{init}class B(A):\n    def f(self): pass\nclass C:\n{init}"
    source = Source.parse("a.py", text.encode())

    assert [f.qualname for f in suppliers(Lacking(Missing.ATTRIBUTE, "B", "x"), source)] == ["A.__init__"]
    assert suppliers(Lacking(Missing.ATTRIBUTE, "Unknown", "x"), source) == ()


CLASS = """\
class Links:
    def __init__(self, text, mode=1):
        self.text = text
        self.no_link_before: int = 0  # seen
        self.found = []
"""


@pytest.mark.parametrize(
    ("name", "line", "behind"),
    [
        ("no_image_before", "self.no_image_before = 0", "# seen"),
        ("founded", "self.founded = []", "self.found = []"),
        ("mode", "self.mode = mode", "text = text"),
    ],
)
def test_a_missing_attribute_begins_as_the_one_that_is_called_most_like_it(name: str, line: str, behind: str) -> None:
    first = texts(CLASS, missing_attribute.__name__.replace("_", "-"), Lacking(Missing.ATTRIBUTE, "Links", name))[0]

    assert f"{line}\n" in first
    if name != "mode":
        assert f"{behind}\n        {line}\n" in first
    assert first.replace(f"        {line}\n", "") == CLASS


@pytest.mark.parametrize(
    ("head", "first"),
    [
        ("def make():\n", "def make(fold=None):\n"),
        ("def make(a, b: int = (1)):\n", None),
        ("def make(a, *rest):\n", "def make(a, *rest, fold=None):\n"),
        ("def make(a, *, b=2, **more):\n", "def make(a, *, b=2, fold=None, **more):\n"),
        ("async def make(\n    a,\n    b=2,\n) -> int:\n", "async def make(\n    a,\n    b=2, fold=None,\n) -> int:\n"),
        ("def make(a, fold):\n", None),
    ],
)
def test_a_missing_parameter_comes_behind_the_others(head: str, first: str | None) -> None:
    made = texts(f"{head}    return 1\n", "missing-parameter", Lacking(Missing.PARAMETER, "make", "fold"))

    assert made[:1] == ([f"{first}    return 1\n"] if first else [])


def test_a_missing_parameter_has_the_default_that_others_of_its_name_have() -> None:
    text = "def old(a, fold=7):\n    return a\n\n\ndef make(a):\n    return a\n"

    first = texts(text, missing_parameter.__name__.replace("_", "-"), Lacking(Missing.PARAMETER, "make", "fold"))[0]

    assert "def make(a, fold=7):" in first


def test_an_edit_falls_on_bytes_and_lines_as_they_are() -> None:
    """Names of any alphabet, Windows' line ends, an object that is given by position only."""
    lack = Lacking(Missing.PARAMETER, "цена", "fold")
    many = "class Links:\r\n    def __init__(self, /, depth):\r\n        self.a = [\r\n            1,\r\n        ]\r\n"

    assert texts("def цена():\n    return 1\n", "missing-parameter", lack)[0] == "def цена(fold=None):\n    return 1\n"
    made = texts(many, "missing-attribute", Lacking(Missing.ATTRIBUTE, "Links", "b"))
    assert made[0] == f"{many}        self.b = None\r\n"
    assert not any("\r\r" in each for each in made)


def test_nothing_is_supplied_where_no_exception_asks_for_it() -> None:
    assert texts(CLASS, "missing-attribute") == []
    assert texts(CLASS, "missing-parameter", Lacking(Missing.PARAMETER, "other", "x")) == []


PASSED = """\
def text(value, encoding='utf-8', **more):
    return value


def whole(values, encoding='utf-8', **more):
    first = text(values[0])
    return first, text(
        values[1],
    )
"""


def test_what_a_function_is_given_is_passed_on_in_one_call_or_in_all() -> None:
    """The commonest half of a new parameter: it is there, and one call forgets it."""
    one = texts(PASSED, "pass-on")
    every = texts(PASSED, "pass-on-everywhere")

    assert "text(values[0], encoding=encoding, **more)" in one[0]
    assert any("        values[1],\n    encoding=encoding, **more)" in each for each in one)
    assert len(every) == 1
    assert every[0].count("encoding=encoding, **more)") == 2
    assert texts(every[0], "pass-on") == []


def test_what_other_calls_give_by_name_is_given_here_too() -> None:
    text = "def f(x, sep):\n    print(x, sep=sep, end='')\n    print(x)\n    print(y, sep=gone)\n"

    made = texts(text, "same-keywords")

    assert any("    print(x, sep=sep, end='')\n    print(x, sep=sep, end='')\n" in each for each in made)
    assert not any("print(x, sep=gone)" in each for each in made)


def test_a_tuple_that_is_shorter_than_the_others_is_filled() -> None:
    text = "def f(a, at):\n    if not a:\n        return None, None\n    return a, 1, at + 1\n"

    made = texts(text, "short-tuple")

    assert "return None, None, at + 1\n" in made[0]
    assert any("return None, None, at\n" in each for each in made)
    assert texts("def f(a):\n    return a, 1\n", "short-tuple") == []


def test_the_arms_of_a_condition_change_places_with_their_comments() -> None:
    text = (
        "def f(a):\n    if a > 1:  # x\n        # one\n        b = 1\n    elif a > 2:\n        b = 2\n"
        "    else:\n        b = 3\n    return b\n"
    )

    (only,) = texts(text, "swap-arms")

    assert only == (
        "def f(a):\n    if a > 2:  # x\n        b = 2\n    elif a > 1:\n        # one\n        b = 1\n"
        "    else:\n        b = 3\n    return b\n"
    )
    assert texts(only, "swap-arms") == [text]


def test_a_type_too_many_is_left_out() -> None:
    text = "def f(a):\n    return isinstance(a, (str, bytes)), (1, 2)\n"

    kept = {each.split("a, ")[1].split(")")[0] for each in texts(text, "type-drop")}

    assert kept == {"str", "bytes"}


def mended(root: Path) -> FailureReport:
    with open_session(root, Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        *_, done = repair(session, suite, suite.failing[0], None, Budget("test", 60.0, samples=0, rounds=0), Stop())
    assert isinstance(done, Done)
    return done.report


@pytest.mark.parametrize(
    ("code", "test", "cure"),
    [
        (
            "class Cart:\n    def __init__(self):\n        self.prices = []\n        self.sold = 0\n\n"
            "    def sell(self, n):\n        self.resold += n\n        return self.resold\n",
            "from a import Cart\n\n\ndef test_it():\n    cart = Cart()\n    cart.sell(2)\n"
            "    assert cart.sell(3) == 5\n",
            b"        self.resold = 0\n",
        ),
        (
            "def send(text, times=2):\n    return text * times\n\n\ndef greet(name):\n    return send('hi ' + name)\n",
            "from a import greet\n\n\ndef test_it():\n    assert greet('al', times=3) == 'hi al' * 3\n",
            b"def greet(name, times=2):\n    return send('hi ' + name, times=times)\n",
        ),
    ],
)
def test_what_is_missing_is_supplied_from_cold(tmp_path: Path, code: str, test: str, cure: bytes) -> None:
    """The search finds it alone, a new parameter that has to be passed on among them."""
    root = tmp_path.resolve()
    (root / "pytest.ini").write_text("[pytest]\n")
    (root / "a.py").write_text(code)
    (root / "test_a.py").write_text(test)

    report = mended(root)

    assert report.status is not FixStatus.UNREPAIRED
    assert any(cure in each.candidate.patch.files[0].after for each in report.repairs)
