"""Lines, calls and steps, recorded by every Python that is here, whichever way that Python tells where it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import darner.sandbox
import pytest

SANDBOX = Path(next(iter(darner.sandbox.__path__)))
MINORS = range(9, 15)
RECORD = """
import importlib.util, json, os, runpy, sys
tools, root, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
for name in ("child_record", "child_written", "child_called", "child_raised", "child_hooks", "child_steps"):
    spec = importlib.util.spec_from_file_location("_darner_" + name, os.path.join(tools, name + ".py"))
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
sys.path.insert(0, root)
import work
recorder = module.Recorder(root, True, seconds, seconds)
rows = []
for name in sys.argv[4:]:
    recorder.start()
    try:
        getattr(work, name)()
    except Exception:
        pass
    recorder.stop()
    rows.append(recorder.take(False))
print(json.dumps(rows))
"""


def interpreter(minor: int) -> str:
    """That Python, from this process, PATH or pyenv; skips, saying so, where there is none."""
    if sys.version_info[1] == minor:
        return sys.executable
    name = f"python3.{minor}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    folders = [Path(folder) for folder in os.get_exec_path()] + sorted(pyenv.glob(f"3.{minor}.*/bin"))
    for path in (folder / name for folder in folders if (folder / name).exists()):
        if subprocess.run([path, "-c", ""], capture_output=True, stdin=subprocess.DEVNULL).returncode == 0:
            return str(path)
    pytest.skip(f"no {name} on PATH or in {pyenv}: its recorder is NOT tested here")


@pytest.fixture(params=MINORS, ids=lambda minor: f"3.{minor}")
def python(request: pytest.FixtureRequest) -> str:
    return interpreter(request.param)


def record(python: str, root: Path, source: str, *functions: str, seconds: float = 60.0) -> list[dict[str, Any]]:
    (root / "work.py").write_text(source)
    command = [python, "-c", RECORD, str(SANDBOX), str(root), str(seconds), *functions]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


SHOP = """\
class Cart:
    def __init__(self):
        self.total = 0

    def add(self, price):
        self.total += price
        return self.total


def squares(n):
    for i in range(n):
        yield i * i


def careful(x):
    try:
        return 1 // x
    except ZeroDivisionError:
        return None
    finally:
        x = 7


def careless(x):
    try:
        return 1 // x
    finally:
        x = 7


def work():
    cart = Cart()
    seen = [square for square in squares(3)]
    seen.append(cart.add(5))
    careful(0)
    careless(0)
"""


def test_every_python_tells_the_same_story(python: str, tmp_path: Path) -> None:
    """Order, lines, values, results and exceptions do not depend on how the interpreter reports them."""
    (row,) = record(python, tmp_path, SHOP, "work")

    trace = row["trace"]
    ended = {one["function"]: (one["result"], one["exception"]) for one in trace["activations"]}
    assert ended["Cart.add"] == ("5", None)
    assert ended["careful"] == ("None", None)
    assert ended["careless"] == (None, "ZeroDivisionError")
    assert ended["work"] == (None, "ZeroDivisionError")
    assert row["lines"]["work.py"] == [3, 6, 7, 11, 12, 16, 17, 18, 19, 21, 25, 26, 28, 32, 33, 34, 35, 36]
    work = [step[1] for step in trace["steps"] if trace["activations"][step[0]]["function"] == "work"]
    assert work == [32, 33, 34, 35, 36]
    values = [tuple(pair) for step in trace["steps"] for pair in step[2]]
    assert ("self.total", "0") in values
    assert ("self.total", "5") in values
    assert ("seen", "[0, 1, 4, 5]") in values
    callers = {one["function"]: (one["caller"], one["at"]) for one in trace["activations"]}
    assert callers["Cart.add"] == (0, 34)


def test_a_second_test_has_its_own_lines(python: str, tmp_path: Path) -> None:
    """What was switched off because one test had shown it is on again for the next."""
    source = "def shared():\n    return 1\n\n\ndef one():\n    shared()\n\n\ndef two():\n    shared()\n"

    one, two = record(python, tmp_path, source, "one", "two")

    assert one["lines"] == {"work.py": [2, 6]}
    assert two["lines"] == {"work.py": [2, 10]}


@pytest.mark.parametrize("python", [12, 13, 14], indirect=True)
def test_lines_go_on_when_the_time_for_steps_is_over(python: str, tmp_path: Path) -> None:
    """A long loop must not hide the lines after it; its steps are cut instead. Older Pythons can not afford that."""
    source = "def work():\n    total = 0\n    for i in range(20_000):\n        total += i\n    return total\n"

    (row,) = record(python, tmp_path, source, "work", seconds=1e-9)

    assert row["lines"] == {"work.py": [2, 3, 4, 5]}
    assert len(row["trace"]["steps"]) < 200
    assert row["trace"]["cut"]
    assert row["trace"]["activations"][0]["unbroken"] == len(row["trace"]["steps"])


def test_the_end_of_a_long_trace_is_kept_with_its_beginning(python: str, tmp_path: Path) -> None:
    """The last steps say most about a failure, the first how it began."""
    source = "def work():\n    total = 0\n    for i in range(20_000):\n        total += i\n    return total\n"

    (row,) = record(python, tmp_path, source, "work")

    steps = row["trace"]["steps"]
    assert steps[0][:2] == [0, 2]
    assert steps[-1][:2] == [0, 5]
    assert ["i", "19999"] in [pair for step in steps[-4:] for pair in step[2]]
    assert row["trace"]["dropped"] == 40_003 - len(steps)
    assert row["trace"]["activations"][0]["unbroken"] == 1_500
    assert not row["trace"]["cut"]


def test_of_very_many_calls_the_last_are_kept_with_the_first(python: str, tmp_path: Path) -> None:
    """A loop fails at its end; equal calls that end in another way are calls of their own."""
    source = (
        "class Lift:\n    floor = 0\n\n\ndef up():\n    Lift.floor += 1\n    return Lift.floor\n\n\n"
        "def step(n):\n    return n - 1\n\n\ndef evens():\n    yield 2\n\n\n"
        "def work():\n    up(), up(), list(evens()), next(evens())\n    for n in range(900):\n        step(n)\n"
    )

    (row,) = record(python, tmp_path, source, "work")

    ended = [(one["function"], one["result"], one["exception"]) for one in row["calls"]]
    assert ended[1:4] == [("up", "1", None), ("up", "2", None), ("evens", None, None)]
    assert ended[-1] == ("step", "898", None)
    assert len(ended) < 500


GREEDY = """\
class Wide:
    def __init__(self, n):
        self.n = n

    def __repr__(self):
        return "ü" * 10_000 + str(self.n)


def many(**names):
    for name in names:
        wide = Wide(name)
        deep = [[[[wide] * 50] * 50] * 50] * 50


def work():
    for i in range(300):
        many(**{"name_%d" % n: Wide(n * i) for n in range(40)})
    raise ValueError("x" * 1_000_000)
"""


def test_evidence_never_grows_beyond_its_bound(python: str, tmp_path: Path) -> None:
    """5 MB for a test, whatever its values print: a row that does not fit would end the run as tampering."""
    (row,) = record(python, tmp_path, GREEDY, "work", seconds=2.0)

    assert row["trace"]["steps"]
    assert len(json.dumps(row)) < 3_500_000  # frames and message of the failure come on top, bounded too


CALLS = """\
import collections
import dataclasses
import datetime
import enum
import functools


class Colour(enum.Enum):
    RED = 1


class Cart:
    def __init__(self, items=None, rate: float = 0.5):
        self.items = list(items)
        self.rate = rate
        self.lines: int = 0

    def add(self, item, *, twice=False):
        self.lines += 1
        self.items.append(item)

    @property
    def size(self):
        return len(self.items)

    @functools.cached_property
    def first(self):
        return self.items[0]

    @staticmethod
    def tax(rate):
        return rate

    @classmethod
    def empty(cls, rate):
        return cls([], rate)


class Shop:
    def __init__(self, carts):
        self.carts = carts
        print(end="")

    def sizes(self):
        return [cart.size for cart in self.carts]


class Bare:
    def look(self):
        return 1


class Slotted:
    __slots__ = ("left",)

    def look(self):
        return 1


class Open:
    def __init__(self):
        self.file = open(__file__)

    def look(self):
        self.file.close()


@dataclasses.dataclass
class Item:
    name: str
    price: int = 3


Pair = collections.namedtuple("Pair", "a b")


def priced(*items):
    return items


def keyed(a, b=2, *rest, key, other=3, **more):
    return a


def coloured(colour, kind, how):
    return colour


def given(cart):
    return cart.size


def work():
    keyed(1, key="k")
    keyed(1, 5, 6, [7], key=None, more=8)
    keyed(1, key=2, **{"not a name": 3})
    cart = Cart([1])
    cart.add(2, twice=True)
    cart.add(3)
    cart.size
    cart.first
    Cart.tax(2)
    Cart.empty(0.25)
    Shop([cart]).sizes()
    given(Cart([4]))
    Bare().look()
    Slotted().look()
    Open().look()
    coloured(Colour.RED, Cart, keyed)
    coloured(float("nan"), lambda: 0, 1)
    priced(Item("tea"), [Pair(1, datetime.date(2020, 1, 2))])
"""
FIRST = "(vars(it := Cart.__new__(Cart)).update(items=[1, 2], rate=0.5, lines=1) or it)"
SECOND = "(vars(it := Cart.__new__(Cart)).update(items=[1, 2, 3], rate=0.5, lines=2) or it)"
THIRD = SECOND.replace("lines=2", "lines=2, first=1")
TEXTS = [
    "keyed(1, 2, key='k', other=3)",
    "keyed(1, 5, 6, [7], key=None, other=3, more=8)",
    "",
    "Cart([1], 0.5)",
    "Cart(items=[1], rate=0.5).add(2, twice=True)",
    f"{FIRST}.add(3, twice=False)",
    f"{SECOND}.size",
    f"{SECOND}.first",
    "Cart.tax(2)",
    "Cart.empty(0.25)",
    "Cart([], 0.25)",
    f"Shop([{THIRD}])",
    f"(vars(it2 := Shop.__new__(Shop)).update(carts=[{THIRD}]) or it2).sizes()",
    f"{THIRD}.size",
    "Cart([4], 0.5)",
    "given(Cart(items=[4], rate=0.5))",
    "Cart(items=[4], rate=0.5).size",
    "Bare().look()",
    "",
    "Open()",
    "",
    "coloured(Colour.RED, Cart, keyed)",
    "",
    "priced(Item(name='tea', price=3), [Pair(a=1, b=datetime.date(2020, 1, 2))])",
]


def test_a_recorded_call_can_be_made_again_as_it_was_made(python: str, tmp_path: Path) -> None:
    """Keywords stay keywords, objects of plain classes come back, and what cannot is left out."""
    (row,) = record(python, tmp_path, CALLS, "work")

    assert [call["text"] for call in row["calls"] if call["function"] != "work"] == TEXTS
    alone = [*TEXTS[:2], *TEXTS[3:13], *TEXTS[14:18], TEXTS[-1]]
    names: dict[str, Any] = {}
    exec(CALLS, names)
    for text in alone:
        eval(text, names)
