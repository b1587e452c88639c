"""Whatever a test could have changed in the project's memory is seen, or said to be unknown."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from darner.sandbox import child_noted

sys.modules["_darner_child_noted"] = child_noted  # as child.py names it
footprint = importlib.import_module("darner.sandbox.child_footprint").footprint

SOURCE = """\
import collections, datetime, decimal, enum, functools, inspect, io, itertools, logging, pathlib, random, re, threading

log = logging.getLogger(__name__)
lock = threading.Lock()
ticket = itertools.count()
missing = object()
part = functools.partial(print, [1])
signature = inspect.signature(print)
number, text, nothing, ratio, flag = 1, "a", None, 0.5, True
numbers, pairs, names = [1, [2]], {"a": {"b": 1}}, {"x", "y"}
counts, queue = collections.Counter("ab"), collections.deque([1])
when, path, money = datetime.date(2026, 1, 1), pathlib.Path("a"), decimal.Decimal("1.5")
pattern = re.compile("a+")
dice = random.Random(3)
memory = io.StringIO("a")
Point = collections.namedtuple("Point", "x y")
point = Point(1, [2])


class Colour(enum.Enum):
    RED = 1


class Slotted:
    __slots__ = ("x",)


slotted = Slotted()
slotted.x = [1]


class Box:
    shared = []

    def __init__(self):
        self.inside = {"deep": [1]}

    @property
    def size(self):
        return 1


box = Box()
same = box


def remember(item, seen=[]):
    seen.append(item)
    return seen


def outer():
    cell = []

    def inner():
        cell.append(1)

    return inner


inner = outer()


@functools.lru_cache
def cached(n):
    return n
"""
CHANGES = (
    "number = 2", "number = True", "flag = 1", "text = 'b'", "nothing = 0", "ratio = float('nan')", "extra = 1",
    "numbers[1].append(3)", "pairs['a']['b'] = 2", "pairs['c'] = 1", "names.add('z')", "counts['a'] += 1",
    "queue.append(2)", "when = datetime.date(2026, 1, 2)", "path = pathlib.Path('b')", "money += 1",
    "pattern = re.compile('b+')", "dice.random()", "memory.write('b')", "point.y.append(1)", "Colour.RED.note = 1",
    "slotted.x = [1]", "del slotted.x",
    "slotted.x.append(2)", "Box.shared.append(1)", "Box.other = 1", "box.inside['deep'].append(2)", "box = Box()",
    "same = Box()", "remember(1)", "inner()", "cached(1)", "remember = outer", "log.setLevel(10)",
    "lock.acquire()", "next(ticket)",
    "missing = object()", "part.args[0].append(2)", "when = datetime.date(2026, 1, 1)",
    "remember.calls = 1", "del text", "import os; os.environ['FOOTPRINT'] = '1'", "import sys; sys.path.append('x')",
    "outer.__code__ = remember.__code__", "box.__dict__ = dict(vars(box))", "box.__class__ = type('Bag', (), {})",
    "random.seed = None", "log.addHandler(logging.NullHandler())",
)  # fmt: skip
UNKNOWABLE = (
    "iter([1])",
    "(n for n in [1])",
    "__import__('itertools').cycle([1])",
    "open(__file__)",
    "memoryview(b'a')",
)
_SEEN_ELSEWHERE = ("random.seed = None",)
"""In a module of Python: what is reached from the project as a module is not looked into."""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("FOOTPRINT", "0")
    monkeypatch.setattr("threading.active_count", lambda: 1)  # threads of tests before this one may be ending
    file = tmp_path / "held.py"
    file.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("held_by_footprint", file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["held_by_footprint"] = made
    spec.loader.exec_module(made)
    import random

    seed = random.seed
    yield made
    random.seed = seed
    del sys.modules["held_by_footprint"]


def test_looking_changes_nothing(module: ModuleType, tmp_path: Path) -> None:
    """As often as one looks: else nothing could ever be tried twice in one process."""
    assert settled(tmp_path)


def settled(root: Path) -> bool:
    """In some round, for a thread of the tests themselves may import something meanwhile."""
    return any((one := footprint(str(root))) and one.unchanged() and one.unchanged() for _ in range(50))


@pytest.mark.parametrize("change", [change for change in CHANGES if change not in _SEEN_ELSEWHERE])
def test_a_change_is_seen(module: ModuleType, tmp_path: Path, change: str) -> None:
    """One that is overlooked would make the next candidate fail for it."""
    before = footprint(str(tmp_path))
    exec(change, vars(module))
    assert before is not None
    assert not before.unchanged()


@pytest.mark.parametrize("value", UNKNOWABLE)
def test_what_does_not_show_its_state_makes_everything_unknown(module: ModuleType, tmp_path: Path, value: str) -> None:
    """An iterator that was read from looks as before."""
    exec(f"held = {value}", vars(module))
    try:
        assert footprint(str(tmp_path)) is None
    finally:
        exec("getattr(held, 'close', int)()", vars(module))


def test_a_project_too_large_to_look_through_is_unknown(module: ModuleType, tmp_path: Path) -> None:
    """Looking must stay cheaper than the fork that it saves."""
    exec("large = [[n] for n in range(50_000)]", vars(module))
    assert footprint(str(tmp_path)) is None


def test_other_projects_do_not_count(module: ModuleType, tmp_path: Path) -> None:
    """Only the modules below the root are looked through."""
    inner = tmp_path / "inner"
    inner.mkdir()
    rounds = ((footprint(str(inner)), exec(f"number = {n}", vars(module))) for n in range(50))
    assert any(before is not None and before.unchanged() for before, _ in rounds)
