"""Facts are shown as the truth: each says what happened, of the call and the value that it names, or is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from darner.engine.case import open_case
from darner.engine.evidence import gather
from darner.engine.project import Project, find_interpreter
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.trial import open_session


@dataclass(frozen=True)
class Told:
    """A project, and what its explanation says and does not say."""

    code: str
    test: str
    said: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    beside: str = ""
    """Another module, that the test knows too."""


COMPARED = {
    "a literal on the left is what is expected": Told(
        "def total(xs):\n    return sum(xs) + 1\n",
        "def test_it():\n    assert 6 == total([1, 2, 3])\n",
        ("the test expects 6, and got 7", "`total(xs=[1, 2, 3])` returned 7; the test compares `7 == 6`"),
        ("expects 7",),
    ),
    "what is under a not is no expectation": Told(
        "def same(x):\n    return x\n",
        "def test_it():\n    assert not same(3) == 3\n",
        ("assert not 3 == 3",),
        ("expects", "the test compares"),
    ),
    "a part that holds is not what failed": Told(
        "def get():\n    return 200, False\n",
        "def test_it():\n    status, ok = get()\n    assert status == 200 and ok\n",
        ("An assertion does not hold",),
        ("expects", "the test compares"),
    ),
    "an assert that was caught is not what failed": Told(
        "def get(n):\n    return {}[n] if n > 2 else n\n",
        "def test_it():\n    try:\n        assert get(2) == 5\n    except AssertionError:\n        pass\n    get(9)\n",
        ("KeyError was raised: 9",),
        ("expects",),
    ),
    "a chain tells the link that failed": Told(
        "def size():\n    return 5\n",
        "def test_it():\n    assert 1 < size() < 3\n",
        ("the test needs `5 < 3` to be true",),
    ),
    "approx is expected on either side": Told(
        "def mean():\n    return 2.5\n",
        "def test_it():\n    assert pytest.approx(3) == mean()\n",
        ("and got 2.5",),
    ),
    "a helper of the test compares for it": Told(
        "def size():\n    return 5\n",
        "def check(n):\n    assert (\n        4\n        == n\n    ), 'no'\n\n\ndef test_it():\n    check(size())\n",
        ("the test expects 4, and got 5",),
    ),
}


CALLED = {
    "of a loop over calls the one that failed is told": Told(
        "def roman(n):\n    return 'I' * n\n",
        "def test_it():\n    for n, want in [(1, 'I'), (2, 'II'), (3, 'III'), (4, 'IV')]:\n"
        "        assert roman(n) == want\n",
        ("`roman(n=4)` returned 'IIII'; the test compares `'IIII' == 'IV'`.", "\n`roman(n=4)` returned 'IIII'"),
    ),
    "equal calls with other results are other calls": Told(
        "IDS = iter(range(1, 9))\n\n\ndef next_id():\n    return next(IDS)\n",
        "def test_it():\n    next_id()\n    next_id()\n    assert next_id() == 4\n",
        ("`next_id()` returned 3; the test compares `3 == 4`",),
    ),
    "a call that the comparison does not show is no part of it": Told(
        "def size(xs):\n    return len(xs)\n",
        "def test_it():\n    assert [size('a'), size('ab')] == [1, 1]\n",
        ("The test compares `[1, 2] == [1, 1]`, and that does not hold.", "`size(xs='ab')` returned 2"),
    ),
    "what builds an object or goes on later returned nothing": Told(
        "class Cart:\n    def __init__(self, price):\n        self.price = price\n\n"
        "    def __repr__(self):\n        return f'Cart {self.price}'\n\n"
        "    def halves(self):\n        yield self.price / 2\n",
        "def test_it():\n    assert list(Cart(6).halves()) == [2]\n",
        unsaid=("`Cart.__init__(", "repr failed", "returned None", "did not return"),
    ),
    "a function of the same name elsewhere is another": Told(
        "def size(xs):\n    return len(xs) + 1\n",
        "import BESIDE\n\n\ndef test_it():\n    assert size([5]) == 1\n\n\n"
        "def test_other():\n    assert BESIDE.size([7, 8]) == 2\n",
        ("`size(xs=[5])` returned 2; the test",),
        ("in a passing test",),
        beside="def size(xs):\n    return len(xs)\n",
    ),
}
RAISED = {
    "a dict that is assigned to lacks nothing": Told(
        "class Shop:\n    def __init__(self):\n        self.prices = {'tea': 3}\n\n"
        "    def pick(self, name):\n        lines = {}\n        lines[name] = self.prices[name]\n",
        "def test_it():\n    Shop().pick('milk')\n",
        ("KeyError was raised",),
        ("has no key",),
    ),
    "another key of the same line was found": Told(
        "def price(prices, name, shops):\n    return prices[name] + shops.pop('here')\n",
        "def test_it():\n    price({'tea': 3}, 'tea', {})\n",
        ("KeyError was raised",),
        ("has no key",),
    ),
    "a dict that is added to has to have the key": Told(
        "def count(names):\n    found = {}\n    for name in names:\n        found[name] += 1\n    return found\n",
        "def test_it():\n    count(['tea'])\n",
        ("`found` is {} (written by shop.py:2 `found = {}`) and has no key 'tea'",),
    ),
    "the last line that wrote the value is told where it wrote the same": Told(
        "def mail(users, name):\n    user = None\n    if name in users:\n        user = users[name]\n"
        "    return user.email\n",
        "def test_it():\n    mail({'ann': None}, 'ann')\n",
        ("`user` is None (written by shop.py:4 `user = users[name]`)",),
    ),
    "a change through another name is nobody's line": Told(
        "def second(rows):\n    rows = list(rows)\n    other = rows\n    other.clear()\n    return rows[1]\n",
        "def test_it():\n    second([1, 2, 3])\n",
        ("IndexError here: `rows` is [] and has no item at 1",),
        ("written by",),
    ),
    "what a finally changed is not what raised": Told(
        "def pick(at):\n    items = [1, 2]\n    try:\n        return items[at]\n    finally:\n        items.clear()\n",
        "def test_it():\n    pick(5)\n",
        ("IndexError was raised",),
        ("here:",),
    ),
    "a name that an except took away had its value": Told(
        "def check(x):\n    error = None\n    try:\n        int(x)\n    except ValueError as error:\n        pass\n"
        "    return error\n",
        "def test_it():\n    check('a')\n",
        ("UnboundLocalError was raised",),
        ("had not run",),
    ),
    "a loop that ran without an item had run": Told(
        "def last(xs):\n    for x in xs:\n        pass\n    return x\n",
        "def test_it():\n    last([])\n",
        ("UnboundLocalError was raised",),
        ("had not run",),
    ),
}
ORDERED = {
    "numbers in another order": Told(
        "def unique(xs):\n    seen = set()\n    found = []\n    for x in xs:\n        if x not in seen:\n"
        "            seen.add(x)\n            found.insert(0, x)\n    return found\n",
        "def test_it():\n    assert unique([1, 2, 3]) == [1, 2, 3]\n",
        unsaid=("PYTHONHASHSEED",),
    ),
    "a set that is only asked": Told(
        "def unique(xs):\n    seen = set()\n    found = []\n    for x in xs:\n        if x not in seen:\n"
        "            seen.add(x)\n            found.insert(0, x)\n    return found\n",
        "def test_it():\n    assert unique('abc') == ['a', 'b', 'c']\n",
        unsaid=("PYTHONHASHSEED",),
    ),
    "a set that is sorted": Told(
        "def unique(xs):\n    found = list(xs)\n    found = sorted(set(found), reverse=True)\n    return found\n",
        "def test_it():\n    assert unique('abc') == ['a', 'b', 'c']\n",
        unsaid=("PYTHONHASHSEED",),
    ),
    "a set that gives the order": Told(
        "def unique(xs):\n    found = {x for x in xs}\n    return [x for x in found]\n",
        "def test_it():\n    assert unique('abcdefgh') == list('abcdefgh')\n",
        ("PYTHONHASHSEED",),
    ),
}
RECORDED = {
    "no constructor of the project runs to record a call": Told(
        "from dataclasses import dataclass\n\nALL = []\n\n\n@dataclass\nclass Task:\n    name: str\n\n"
        "    def __post_init__(self):\n        ALL.append(self)\n\n\n"
        "def rename(task, name):\n    task.name = name.upper()\n    return len(ALL)\n",
        "def test_it():\n    assert rename(Task('a'), 'b') == 0\n",
        ("the test expects 0, and got 1",),
    ),
    "a test that counts objects fails as it does plainly": Told(
        "COUNT = 0\n\n\nclass Order:\n    def __init__(self, what):\n        global COUNT\n        COUNT += 1\n"
        "        self.what = what\n\n    def __repr__(self):\n        return f'Order({self.what!r})'\n\n"
        "    def __eq__(self, other):\n        return self.what == other.what\n\n\n"
        "def price(order):\n    return len(order.what)\n",
        "def test_it():\n    price(Order('tea'))\n    assert shop.COUNT == 2\n",
        ("the test expects 2, and got 1",),
    ),
}
SUSPECTED = {
    "a comprehension's own name writes no other": Told(
        "def last(xs):\n    i = len(xs)\n    ys = [i * 2 for i in xs]\n    return ys[i]\n",
        "def test_it():\n    assert last([1, 2]) == 4\n",
        ("wrote `i` last", "wrote `ys` last"),
        ("`i`, `ys`",),
    ),
    "what shows an object made no value": Told(
        "class Cart:\n    def __init__(self, prices):\n        self.prices = prices\n\n"
        "    def total(self):\n        return sum(self.prices) - 1\n\n"
        "    def __repr__(self):\n        text = ', '.join(map(str, self.prices))\n        return f'Cart of {text}'\n",
        "def test_it():\n    assert Cart([1, 2]).total() == 3\n\n\n"
        "def test_empty():\n    assert Cart([1]).total() == 0\n",
        ("suspect 1: shop.py:6 in Cart.total",),
        ("in Cart.__repr__: runs in the failing test", "'Cart of"),
    ),
    "a passing way that was cut is no other way": Told(
        "def scan(xs, want):\n    n = 0\n    for x in xs:\n        n += x\n    return n + 2 if want == 1 else 0\n",
        "def test_it():\n    assert scan([1] * 900, 1) == 901\n\n\n"
        "def test_other():\n    assert scan([1] * 900, 2) == 0\n",
        unsaid=("goes another way", "where no passing test beside it goes"),
    ),
}
CASES = {**COMPARED, **CALLED, **RAISED, **ORDERED, **RECORDED, **SUSPECTED}
Explained = Callable[[str], str]


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explained]:
    """One project holds all of them, each in modules of its own."""
    root = tmp_path_factory.mktemp("told")
    for number, told in enumerate(CASES.values()):
        (root / f"shop_{number}.py").write_text(told.code)
        (root / f"beside_{number}.py").write_text(told.beside)
        heading = f"import pytest\nimport shop_{number} as shop\nfrom shop_{number} import *\n\n\n"
        (root / f"test_{number}.py").write_text(heading + told.test.replace("BESIDE", f"beside_{number}"))
    with open_session(Project(root, find_interpreter(root)), trusted=True) as session:
        suite = run_suite(session, (), Stop())

        def explain(name: str) -> str:
            number = list(CASES).index(name)
            case = open_case(session, suite, gather(session, suite, f"test_{number}.py::test_it", Stop()))
            rows = [case.explanation.summary, *case.explanation.facts]
            for place, one in enumerate(case.suspects, 1):
                rows.append(f"suspect {place}: {one.path}:{one.line} in {one.function}: {', '.join(one.reasons)}")
            return "\n".join(rows).replace(f"shop_{number}", "shop")

        yield explain


@pytest.mark.parametrize("name", CASES)
def test_an_explanation_says_nothing_but_what_happened(explained: Explained, name: str) -> None:
    """What a person reads of a failing test, and what a model is told of it."""
    text = explained(name)

    assert [part for part in CASES[name].said if part not in text] == [], text
    assert [part for part in CASES[name].unsaid if part in text] == [], text
