"""What an exception means is said with the values that raised it, and only where they account for it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from darner.engine.case import open_case
from darner.engine.evidence import gather
from darner.engine.project import Project, find_interpreter
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.engine.trial import open_session

SHOP = """\
PRICES = {"tea": 3}


def find(name):
    return PRICES.get(name)


def label(name):
    price = find(name)
    return price.upper()


def first(items, at):
    return items[at]


def price_of(name):
    prices = dict(PRICES)
    return prices[name]


def mean(items):
    return sum(items) / len(items)


def share(part, whole):
    return part / whole


def total(price, tax):
    return price + tax


def names(rows):
    for row in rows:
        yield row


def best(items):
    for item in items:
        top = item
    return top


def down(n):
    return down(n - 1)


def cut(items):
    return items[99]


def refuse(groups):
    raise KeyError(groups["missing"])
"""
CASES = {
    "label('milk')": "AttributeError here: `price` is None (written by shop.py:9 `price = find(name)`) and has no"
    " attribute `upper`",
    "first(['a', 'b'], 2)": "IndexError here: `items` is ['a', 'b'] (passed by test_shop.py:5"
    " `shop.first(['a', 'b'], 2)`) and has no item at 2, and `at` is 2 (passed by test_shop.py:5"
    " `shop.first(['a', 'b'], 2)`)",
    "first([], 0)": "IndexError here: `items` is [] (passed by test_shop.py:5 `shop.first([], 0)`) and has no item at"
    " 0, and `at` is 0 (passed by test_shop.py:5 `shop.first([], 0)`)",
    "price_of('milk')": "KeyError here: `prices` is {'tea': 3} (written by shop.py:18 `prices = dict(PRICES)`) and has"
    " no key 'milk'",
    "mean([])": "ZeroDivisionError here: `items` is [] (passed by test_shop.py:5 `shop.mean([])`) and"
    " `sum(items) / len(items)` divides by how many it holds",
    "share(1, 0)": "ZeroDivisionError here: `whole` is 0 (passed by test_shop.py:5 `shop.share(1, 0)`) and"
    " `part / whole` divides by it",
    "total('3', 1)": "TypeError here: `price` is '3' (passed by test_shop.py:5 `shop.total('3', 1)`) and `tax` is 1"
    " (passed by test_shop.py:5 `shop.total('3', 1)`): `price + tax` does not take both",
    "list(shop.names(None))": "TypeError here: `rows` is None (passed by test_shop.py:5"
    " `list(shop.names(None))`) and is not iterable",
    "best([])": "UnboundLocalError here: `top` gets a value in line 41 of `best`, which had not run before it was read",
    "cut(list(range(90)))": "",
    "refuse({'missing': ['a']})": "",
}


LayOut = Callable[[Mapping[str, str]], Path]


def facts(root: Path) -> tuple[str, ...]:
    with open_session(Project(root, find_interpreter(root)), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        return open_case(session, suite, gather(session, suite, suite.failing[0], Stop())).explanation.facts


def files(call: str) -> Mapping[str, str]:
    call = call if "shop." in call else f"shop.{call}"
    return {"shop.py": SHOP, "test_shop.py": f"import shop\n\n\ndef test_it():\n    {call}\n"}


@pytest.mark.parametrize("call", CASES)
def test_the_values_that_raised_are_named_with_where_they_came_from(lay_out: LayOut, call: str) -> None:
    """`'NoneType' object has no attribute` is a riddle; which name it was, and who gave it, is the answer."""
    said = [fact for fact in facts(lay_out(files(call))) if " here: " in fact]

    assert said == ([CASES[call]] if CASES[call] else [])


def test_a_line_in_the_users_own_edit_is_a_hypothesis_and_no_other_line_is(lay_out: LayOut) -> None:
    """What was changed and then raised is the first thing to look at; only a reversal could prove it."""
    root = lay_out(files("share(1, 0)"))
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b")
    (root / "shop.py").write_text(SHOP.replace("part / whole", "part / (whole or 1)"))
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "one")):
        subprocess.run((*git, *words), cwd=root, check=True)
    (root / "shop.py").write_text(SHOP)

    assert "a hypothesis: your edit did it, for shop.py:27 raised, and you changed it since the last commit" in facts(
        root
    )
    subprocess.run((*git, "commit", "-qam", "two"), cwd=root, check=True)
    assert not [fact for fact in facts(root) if fact.startswith("a hypothesis")]
