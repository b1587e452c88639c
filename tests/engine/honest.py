"""Good repairs in the styles that people write tests in: none of them may be refused.

Each is a small module with one mistake, its repair, and a test in one style. All live in one project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CONFTEST = """\
import pytest


@pytest.fixture
def three():
    return 3


@pytest.fixture(scope="session")
def table():
    return {"a": 1, "b": 2}


@pytest.fixture(scope="module")
def numbers():
    return [3, 1, 2]


@pytest.fixture(params=[1, 2, 10])
def each(request):
    return request.param
"""
CONFIG = """\
[pytest]
testpaths = tests shop
pythonpath = src .
markers =
    fast: quick ones
addopts = --doctest-modules
"""
ADD = "def f(a, b):\n    return a - b\n"
SUM = "def f(xs):\n    total = 0\n    for x in xs:\n        total -= x\n    return total\n"
UPPER = "def f(text):\n    return text.lower()\n"
CART = """\
class Cart:
    def __init__(self, items=()):
        self.items = list(items)

    def add(self, item):
        self.items.append(item)
        return self

    @property
    def total(self):
        return sum(self.items) + 1

    @classmethod
    def of(cls, *items):
        return cls(items[1:])

    @staticmethod
    def tax(price):
        return price * 3

    def __len__(self):
        return len(self.items) - 1
"""


@dataclass(frozen=True)
class Style:
    code: str
    wrong: str
    right: str
    test: str
    """`M` stands for the module's name."""
    node: str = "test_it"
    place: str = "shop/{name}.py"

    def module(self, name: str) -> str:
        return self.place.format(name=name)


def add(test: str, node: str = "test_it") -> Style:
    return Style(ADD, "a - b", "a + b", test, node)


def cart(wrong: str, right: str, test: str, node: str = "test_it") -> Style:
    return Style(CART, wrong, right, test, node)


def upper(test: str, node: str = "test_it") -> Style:
    return Style(UPPER, "lower", "upper", test, node)


def own(code: str, wrong: str, right: str, test: str, node: str = "test_it") -> Style:
    return Style(code, wrong, right, test, node)


STYLES: Mapping[str, Style] = {
    "plain": add("from M import f\ndef test_it():\n    assert f(2, 3) == 5\n"),
    "module_import": add("import M as m\ndef test_it():\n    assert m.f(2, 3) == 5\n"),
    "import_inside": add("def test_it():\n    from M import f\n    assert f(2, 3) == 5\n"),
    "parametrised": add(
        "import pytest\nfrom M import f\n@pytest.mark.parametrize('a, b, c', [(1, 2, 3), (0, 0, 0), (7, 8, 15)])\n"
        "def test_it(a, b, c):\n    assert f(a, b) == c\n",
        "test_it[7-8-15]",
    ),
    "parametrised_ids": add(
        "import pytest\nfrom M import f\n@pytest.mark.parametrize('a', [1, 2], ids=['one', 'two'])\n"
        "@pytest.mark.parametrize('b', [5])\ndef test_it(a, b):\n    assert f(a, b) == a + b\n",
        "test_it[5-two]",
    ),
    "table": own(
        "def f(n):\n    if n % 3 == 0:\n        return 'fizz'\n    return str(n + 1)\n", "n + 1", "n",
        "import pytest\nfrom M import f\nTABLE = [(3, 'fizz'), (4, '4'), (7, '7')]\n"
        "@pytest.mark.parametrize('n, said', TABLE)\ndef test_it(n, said):\n    assert f(n) == said\n",
        "test_it[7-7]",
    ),
    "fixture": add("from M import f\ndef test_it(three):\n    assert f(three, 1) == 4\n"),
    "session_fixture": add("from M import f\ndef test_it(table):\n    assert f(table['a'], table['b']) == 3\n"),
    "module_fixture": Style(SUM, "-=", "+=", "from M import f\ndef test_it(numbers):\n    assert f(numbers) == 6\n"),
    "parametrised_fixture": add(
        "from M import f\ndef test_it(each):\n    assert f(each, each) == 2 * each\n", "test_it[10]"
    ),
    "class_fixture": add(
        "import pytest\nfrom M import f\n@pytest.fixture(scope='class')\ndef base():\n    return 4\n"
        "class TestIt:\n    def test_it(self, base):\n        assert f(base, 1) == 5\n", "TestIt::test_it",
    ),
    "autouse": add(
        "import pytest\nfrom M import f\nseen = []\n@pytest.fixture(autouse=True)\ndef each_time():\n"
        "    seen.append(f(0, 0))\n    yield\n    seen.clear()\ndef test_it():\n    assert f(2, 3) == 5 and seen\n"
    ),
    "yield_fixture": add(
        "import pytest\nfrom M import f\n@pytest.fixture\ndef base():\n    yield 2\n"
        "def test_it(base):\n    assert f(base, 2) == 4\n"
    ),
    "fixture_of_result": add(
        "import pytest\nfrom M import f\n@pytest.fixture\ndef result():\n    return f(20, 22)\n"
        "def test_it(result):\n    assert result == 42\n"
    ),
    "factory_fixture": add(
        "import pytest\nfrom M import f\n@pytest.fixture\ndef make():\n    return lambda n: f(n, 1)\n"
        "def test_it(make):\n    assert make(4) == 5\n"
    ),
    "usefixtures": add(
        "import pytest\nfrom M import f\n@pytest.mark.usefixtures('three')\ndef test_it():\n    assert f(2, 2) == 4\n"
    ),
    "tmp_path": own(
        "def f(path):\n    return len(path.read_text().split()) - 1\n", " - 1", "",
        "from M import f\ndef test_it(tmp_path):\n    file = tmp_path / 'a.txt'\n    file.write_text('a b c')\n"
        "    assert f(file) == 3\n",
    ),
    "writes_a_file": own(
        "def f(path, text):\n    path.write_text(text + '!')\n", " + '!'", "",
        "from M import f\ndef test_it(tmp_path):\n    f(tmp_path / 'a', 'hello')\n"
        "    assert (tmp_path / 'a').read_text() == 'hello'\n",
    ),
    "monkeypatch_env": own(
        "import os\ndef f():\n    return os.environ.get('COLOUR', 'red') + '?'\n", " + '?'", "",
        "from M import f\ndef test_it(monkeypatch):\n    monkeypatch.setenv('COLOUR', 'blue')\n"
        "    assert f() == 'blue'\n",
    ),
    "monkeypatch_internal": own(
        "def now():\n    return 0\n\n\ndef f():\n    return now() - 1\n", "- 1", "+ 1",
        "import M as m\ndef test_it(monkeypatch):\n    monkeypatch.setattr(m, 'now', lambda: 41)\n"
        "    assert m.f() == 42\n",
    ),
    "mock_patch": own(
        "def price():\n    return 0\n\n\ndef f(n):\n    return price() + n\n", "price() + n", "price() * n",
        "from unittest.mock import patch\nimport M as m\ndef test_it():\n"
        "    with patch('M.price', return_value=7) as asked:\n        assert m.f(6) == 42\n"
        "    asked.assert_called_once_with()\n",
    ),
    "mock_argument": own(
        "def f(store, key):\n    return store.get(key + key)\n", "key + key", "key",
        "from unittest.mock import Mock\nfrom M import f\ndef test_it():\n    store = Mock()\n"
        "    store.get.return_value = 5\n    assert f(store, 'a') == 5\n    store.get.assert_called_once_with('a')\n",
    ),
    "mock_any": own(
        "def f(n):\n    return {'id': n, 'n': n - 1}\n", "n - 1", "n",
        "from unittest.mock import ANY\nfrom M import f\ndef test_it():\n    assert f(3) == {'id': ANY, 'n': 3}\n",
    ),
    "capsys": own(
        "def f(name):\n    print('hello', name, '!')\n", ", '!'", "",
        "from M import f\ndef test_it(capsys):\n    f('you')\n    assert capsys.readouterr().out == 'hello you\\n'\n",
    ),
    "capfd": own(
        "import sys\ndef f(name):\n    sys.stderr.write(name + '!')\n", " + '!'", "",
        "from M import f\ndef test_it(capfd):\n    f('you')\n    assert capfd.readouterr().err == 'you'\n",
    ),
    "caplog": own(
        "import logging\ndef f(n):\n    logging.getLogger('shop').warning('only %d left', n + 1)\n", "n + 1", "n",
        "from M import f\ndef test_it(caplog):\n    f(3)\n    assert caplog.messages == ['only 3 left']\n",
    ),
    "recwarn": own(
        "import warnings\ndef f(n):\n    warnings.warn('old', UserWarning)\n    return n - 1\n", "n - 1", "n",
        "import pytest\nfrom M import f\ndef test_it():\n    with pytest.warns(UserWarning):\n"
        "        assert f(3) == 3\n",
    ),
    "raises": own(
        "def f(n):\n    if n < 0:\n        raise KeyError('negative')\n    return n\n", "KeyError", "ValueError",
        "import pytest\nfrom M import f\ndef test_it():\n    with pytest.raises(ValueError):\n        f(-1)\n",
    ),
    "raises_match": own(
        "def f(n):\n    if n < 0:\n        raise ValueError('too large')\n    return n\n", "large", "small",
        "import pytest\nfrom M import f\ndef test_it():\n    with pytest.raises(ValueError, match='small') as e:\n"
        "        f(-1)\n    assert 'small' in str(e.value)\n",
    ),
    "own_exception": own(
        "class Empty(Exception):\n    def __init__(self, n):\n        super().__init__(n)\n        self.n = n\n\n\n"
        "def f(xs):\n    if not xs:\n        raise Empty(1)\n    return xs[0]\n", "Empty(1)", "Empty(0)",
        "import pytest\nfrom M import f, Empty\ndef test_it():\n    with pytest.raises(Empty) as e:\n        f([])\n"
        "    assert e.value.n == 0\n",
    ),
    "try_fail": own(
        "def f(n):\n    if n > 0:\n        raise ValueError\n    return n\n", "n > 0", "n < 0",
        "import pytest\nfrom M import f\ndef test_it():\n    try:\n        f(-1)\n    except ValueError:\n"
        "        pass\n"
        "    else:\n        pytest.fail('no error')\n",
    ),
    "approx": own(
        "def f(a, b):\n    return a / b + 1\n", " + 1", "",
        "import pytest\nfrom M import f\ndef test_it():\n    assert f(1, 3) == pytest.approx(0.3333, abs=1e-3)\n",
    ),
    "subprocess": own(
        "def main():\n    print(6 * 6)\n\n\nif __name__ == '__main__':\n    main()\n", "6 * 6", "6 * 7",
        "import subprocess, sys\nimport M as m\ndef test_it():\n    m.main()\n"
        "    done = subprocess.run([sys.executable, m.__file__], capture_output=True, text=True)\n"
        "    assert done.stdout == '42\\n'\n",
    ),
    "threads": own(
        "import threading\nclass Counter:\n    def __init__(self):\n        self.n = 0\n"
        "        self.lock = threading.Lock()\n"
        "    def up(self):\n        with self.lock:\n            self.n += 2\n", "+= 2", "+= 1",
        "import threading\nfrom M import Counter\ndef test_it():\n    c = Counter()\n"
        "    ts = [threading.Thread(target=c.up) for _ in range(8)]\n    [t.start() for t in ts]\n"
        "    [t.join() for t in ts]\n"
        "    assert c.n == 8\n",
    ),
    "pool": own(
        "def f(n):\n    return n * n * n\n", "n * n * n", "n * n",
        "from concurrent.futures import ThreadPoolExecutor\nfrom M import f\ndef test_it():\n"
        "    with ThreadPoolExecutor(2) as pool:\n        assert list(pool.map(f, [1, 2, 3])) == [1, 4, 9]\n",
    ),
    "asyncio": own(
        "import asyncio\nasync def f(a, b):\n    await asyncio.sleep(0)\n    return a - b\n", "a - b", "a + b",
        "import asyncio\nfrom M import f\ndef test_it():\n    assert asyncio.run(f(2, 3)) == 5\n",
    ),
    "async_gather": own(
        "import asyncio\nasync def one(n):\n    return n + 1\n\n\nasync def f(ns):\n"
        "    return await asyncio.gather(*(one(n) for n in ns))\n", "n + 1", "n * 2",
        "import asyncio\nfrom M import f\ndef test_it():\n    assert asyncio.run(f([1, 2, 5])) == [2, 4, 10]\n",
    ),
    "unittest": add(
        "import unittest\nfrom M import f\nclass TestIt(unittest.TestCase):\n    def test_it(self):\n"
        "        self.assertEqual(f(2, 3), 5)\n", "TestIt::test_it",
    ),
    "unittest_setup": cart(
        "return sum(self.items) + 1", "return sum(self.items)",
        "import unittest\nfrom M import Cart\nclass TestIt(unittest.TestCase):\n    def setUp(self):\n"
        "        self.cart = Cart([1, 2])\n    def test_it(self):\n        self.assertEqual(self.cart.total, 3)\n"
        "        self.assertIn(1, self.cart.items)\n", "TestIt::test_it",
    ),
    "unittest_subtest": add(
        "import unittest\nfrom M import f\nclass TestIt(unittest.TestCase):\n    def test_it(self):\n"
        "        for a, b, c in [(1, 2, 3), (4, 5, 9)]:\n            with self.subTest(a=a):\n"
        "                self.assertEqual(f(a, b), c)\n", "TestIt::test_it",
    ),
    "unittest_raises": own(
        "def f(n):\n    if n < 0:\n        raise KeyError('n')\n    return n\n", "KeyError", "ValueError",
        "import unittest\nfrom M import f\nclass TestIt(unittest.TestCase):\n    def test_it(self):\n"
        "        with self.assertRaises(ValueError):\n            f(-1)\n        self.assertTrue(f(1))\n",
        "TestIt::test_it",
    ),
    "unittest_async": own(
        "async def f(a, b):\n    return a - b\n", "a - b", "a + b",
        "import unittest\nfrom M import f\nclass TestIt(unittest.IsolatedAsyncioTestCase):\n"
        "    async def test_it(self):\n        self.assertEqual(await f(2, 3), 5)\n", "TestIt::test_it",
    ),
    "doctest": own(
        "def f(n):\n    \"\"\"Twice.\n\n    >>> f(4)\n    8\n    \"\"\"\n    return n + 2\n", "n + 2", "n * 2", "",
        "shop.doctest.f",
    ),
    "skip_beside": add(
        "import pytest\nfrom M import f\n@pytest.mark.skip\ndef test_no():\n    assert 0\n"
        "@pytest.mark.skipif(False, reason='never')\ndef test_it():\n    assert f(2, 3) == 5\n"
    ),
    "xfail_beside": add(
        "import pytest\nfrom M import f\n@pytest.mark.xfail\ndef test_no():\n    assert f(1, 1) == 3\n"
        "def test_it():\n    assert f(2, 3) == 5\n"
    ),
    "importorskip": add(
        "import pytest\nmath = pytest.importorskip('math')\nfrom M import f\ndef test_it():\n"
        "    assert f(2, 3) == math.floor(5.5)\n"
    ),
    "class_based": cart(
        "items[1:]", "items",
        "from M import Cart\nclass TestIt:\n    def setup_method(self):\n        self.cart = Cart.of(1, 2)\n"
        "    def test_it(self):\n        assert self.cart.items == [1, 2]\n", "TestIt::test_it",
    ),
    "nested_class": cart(
        "price * 3", "price * 2",
        "from M import Cart\nclass TestIt:\n    class TestTax:\n        def test_it(self):\n"
        "            assert Cart.tax(2) == 4\n", "TestIt::TestTax::test_it",
    ),
    "inherited": add(
        "from M import f\nclass Base:\n    def test_it(self):\n        assert f(2, self.b) == 2 + self.b\n"
        "class TestIt(Base):\n    b = 3\n", "TestIt::test_it",
    ),
    "length": cart(
        "len(self.items) - 1", "len(self.items)",
        "from M import Cart\ndef test_it():\n    assert len(Cart([1, 2])) == 2\n",
    ),
    "chained": cart(
        "self.items.append(item)", "self.items.insert(0, item)",
        "from M import Cart\ndef test_it():\n    c = Cart()\n    assert c.add(1).add(2) is c\n"
        "    assert c.items == [2, 1]\n",
    ),
    "marks": add("import pytest\nfrom M import f\n@pytest.mark.fast\ndef test_it():\n    assert f(2, 3) == 5\n"),
    "module_mark": add(
        "import pytest\nfrom M import f\npytestmark = pytest.mark.fast\ndef test_it():\n"
        "    assert f(2, 3) == 5\n"
    ),
    "src_layout": Style(
        ADD, "a - b", "a + b", "from M import f\ndef test_it():\n    assert f(2, 3) == 5\n", place="src/{name}.py"
    ),
    "dataclass": own(
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Point:\n    x: int\n    y: int\n\n\n"
        "def f(p):\n    return Point(p.y, p.y)\n", "Point(p.y, p.y)", "Point(p.y, p.x)",
        "from M import f, Point\ndef test_it():\n    assert f(Point(1, 2)) == Point(2, 1)\n",
    ),
    "enum": own(
        "from enum import Enum\nclass Colour(Enum):\n    RED = 1\n    BLUE = 2\n\n\ndef f(c):\n    return c\n",
        "    return c\n", "    return Colour.BLUE if c is Colour.RED else Colour.RED\n",
        "from M import f, Colour\ndef test_it():\n    assert f(Colour.RED) is Colour.BLUE\n",
    ),
    "namedtuple": own(
        "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    y: int = 0\n\n\ndef f(p):\n"
        "    return p._replace(x=p.y)\n", "x=p.y", "x=p.x + 1",
        "from M import f, P\ndef test_it():\n    assert f(P(1, 5)) == P(2, 5)\n",
    ),
    "slots": own(
        "class Node:\n    __slots__ = ('value', 'next')\n    def __init__(self, value, next=None):\n"
        "        self.value, self.next = value, next\n\n\ndef f(node):\n    n = 0\n    while node:\n"
        "        node = node.next\n"
        "        n += 2\n    return n\n", "n += 2", "n += 1",
        "from M import f, Node\ndef test_it():\n    assert f(Node(1, Node(2))) == 2\n",
    ),
    "in_place": own(
        "def f(xs):\n    xs.sort(reverse=True)\n", "reverse=True", "reverse=False",
        "from M import f\ndef test_it():\n    xs = [3, 1, 2]\n    assert f(xs) is None\n    assert xs == [1, 2, 3]\n",
    ),
    "generator": own(
        "def f(n):\n    for i in range(n):\n        yield i + 1\n", "i + 1", "i",
        "from M import f\ndef test_it():\n    assert list(f(3)) == [0, 1, 2]\n",
    ),
    "callback": own(
        "def f(g, xs):\n    return [g(g(x)) for x in xs]\n", "g(g(x))", "g(x)",
        "from M import f\ndef test_it():\n    seen = []\n"
        "    assert f(lambda x: seen.append(x) or x * 2, [1, 2]) == [2, 4]\n"
        "    assert seen == [1, 2]\n",
    ),
    "closure": own(
        "def f(n):\n    def inner(x):\n        return x - n\n    return inner\n", "x - n", "x + n",
        "from M import f\ndef test_it():\n    assert f(2)(3) == 5\n",
    ),
    "context_manager": own(
        "from contextlib import contextmanager\n@contextmanager\ndef f(log):\n    log.append('in')\n    yield 1\n"
        "    log.append('in')\n", "yield 1\n    log.append('in')", "yield 1\n    log.append('out')",
        "from M import f\ndef test_it():\n    log = []\n    with f(log) as n:\n        assert n == 1\n"
        "    assert log == ['in', 'out']\n",
    ),
    "cached": own(
        "from functools import lru_cache\n@lru_cache\ndef f(n):\n    return n if n < 2 else f(n - 1) + f(n - 1)\n",
        "f(n - 1) + f(n - 1)", "f(n - 1) + f(n - 2)",
        "from M import f\ndef test_it():\n    assert f(10) == 55\n    assert f.cache_info().currsize\n",
    ),
    "global_state": own(
        "_seen = []\n\n\ndef f(x):\n    _seen.append(x)\n    return len(_seen) + 1\n", " + 1", "",
        "import M as m\ndef test_it():\n    m._seen.clear()\n    m.f(1)\n    assert m.f(2) == 2\n"
        "    assert m._seen == [1, 2]\n",
    ),
    "random_seed": own(
        "import random\ndef f(n):\n    return random.randrange(n) + n\n", " + n", "",
        "import random\nfrom M import f\ndef test_it():\n    random.seed(4)\n    a = f(10)\n    random.seed(4)\n"
        "    assert a == random.randrange(10)\n",
    ),
    "decimal": own(
        "from decimal import Decimal\ndef f(p):\n    return p * Decimal('1.2')\n", "'1.2'", "'1.1'",
        "from decimal import Decimal\nfrom M import f\ndef test_it():\n    assert f(Decimal(10)) == Decimal('11.0')\n",
    ),
    "dates": own(
        "from datetime import timedelta\ndef f(day):\n    return day - timedelta(days=1)\n", "day - ", "day + ",
        "from datetime import date\nfrom M import f\ndef test_it():\n"
        "    assert f(date(2024, 2, 28)) == date(2024, 2, 29)\n",
    ),
    "assert_in_helper": add(
        "from M import f\ndef check(a, b, c):\n    assert f(a, b) == c\ndef test_it():\n    check(2, 3, 5)\n"
    ),
    "loop_of_asserts": upper(
        "from M import f\ndef test_it():\n    for a, b in [('a', 'A'), ('b', 'B')]:\n        assert f(a) == b, a\n"
    ),
    "conditional_assert": upper(
        "from M import f\ndef test_it():\n    result = f('ab')\n    if result:\n        assert result == 'AB'\n"
    ),
    "multiline_strings": own(
        "def f(rows):\n    return ' '.join(rows)\n", "' '", "'\\n'",
        "from M import f\ndef test_it():\n    assert f(['a', 'b']) == '''a\nb'''\n",
    ),
    "iterator_argument": Style(SUM, "-=", "+=", "from M import f\ndef test_it():\n    assert f(iter([1, 2])) == 3\n"),
}  # fmt: skip
