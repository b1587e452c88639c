"""A test in the words of the file that it joins: its imports, its base class, its examples as expressions."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from cli_runner import Bench
from darner.engine.checks import from_docstring
from darner.engine.compose import compose
from darner.engine.habits import home_of
from darner.engine.patch import apply
from darner.engine.stub import Meant, find
from darner.engine.suite import Suite
from darner.engine.written import Check, Teller
from darner.sandbox.types import Outcome, RunResult, Status, TestResult

TOLD = Check("add(1, 2)", "3", False, Teller.USER)
CART = "RATE = 1\n_spare = 2\n\n\ndef add(a, b):\n    return a + b\n"
LISTED = f"__all__ = ['RATE']\n{CART}"


def joined(bench: Bench, meant: Meant, checks: list[Check], *nodeids: str) -> list[str]:
    """The lines of the file that a test of these checks makes or joins, where these tests are there."""
    tests = tuple(TestResult(nodeid, Outcome.PASSED, "call", 0.0) for nodeid in nodeids)
    suite = Suite(tests, RunResult(Status.PASS, tests, 0, None, 0.0, ""), (), frozenset(nodeids))
    made = compose(bench.root, meant, home_of(bench.root, suite, meant), checks)
    apply(bench.root, made.patch)
    text = made.patch.files[0].after.decode()
    ast.parse(text)
    return text.splitlines()


@pytest.mark.parametrize(
    ("head", "module", "imports"),
    [
        (["from cart import *"], CART, ["from cart import *"]),
        (["from cart import *"], LISTED, ["from cart import *", "from cart import add"]),
        (["from cart import *", "from cart import RATE"], LISTED, ["from cart import *", "from cart import RATE, add"]),
    ],
)
def test_a_star_import_gives_the_names_that_it_gives(
    tmp_path: Path, head: list[str], module: str, imports: list[str]
) -> None:
    """It is no list to write a name behind, and what it binds needs no second import."""
    test = "\n".join((*head, "", "", "def test_rate():", "    assert RATE", ""))
    bench = Bench(tmp_path).write({"cart.py": module, "test_cart.py": test})

    lines = joined(bench, find(bench.root, "cart.py::add"), [TOLD], "test_cart.py::test_rate")

    assert [line for line in lines if "import" in line] == imports
    assert "    assert add(1, 2) == 3" in lines


@pytest.mark.parametrize(
    ("head", "base"),
    [
        ("from unittest import TestCase", "TestCase"),
        ("import unittest as u", "u.TestCase"),
        ("from django.test import SimpleTestCase as Plain", "Plain"),
        ("import unittest\n\nclass Ours(unittest.TestCase): pass", "Ours"),
    ],
)
def test_a_new_file_imports_the_base_class_as_the_others_do(tmp_path: Path, head: str, base: str) -> None:
    """What only the other file has cannot be imported; the standard library's is, then."""
    other = f"{head}\n\n\nclass ATest({base}):\n    def test_a(self):\n        self.assertEqual(1, 1)\n"
    bench = Bench(tmp_path).write({"cart.py": CART, "test_a.py": other})

    lines = joined(bench, find(bench.root, "cart.py::add"), [TOLD], "test_a.py::ATest::test_a")

    wanted = ("import unittest", "unittest.TestCase") if base == "Ours" else (head, base)
    assert lines[:2] == [wanted[0], "from cart import add"]
    assert f"class TestAdd({wanted[1]}):" in lines


EXAMPLES = [
    ("add(1, 2)  # simple case\n3", "assert add(1, 2) == 3"),
    ("add(2, 2) == 4\nTrue", "assert (add(2, 2) == 4) is True"),
    ("not add(0, 0)\nTrue", "assert (not add(0, 0)) is True"),
    ("add(1, 2) or 7\n3", "assert (add(1, 2) or 7) == 3"),
    ("add(1, 2) if RATE else 0\n3", "assert (add(1, 2) if RATE else 0) == 3"),
    ("(add(1, 2))\n3", "assert add(1, 2) == 3"),
    ('add("a", "b")\n\'ab\'', """assert add("a", "b") == 'ab'"""),
    ("add(1,\n... 2)\n3", "assert add(1, 2) == 3"),
    ("add(1, 2)  # simple case\n3", "self.assertEqual(add(1, 2), 3)"),
    ("x = add(1, 2)\n>>> x\n3", "assert x == 3"),
]


@pytest.mark.parametrize(("example", "line"), EXAMPLES)
def test_an_example_of_a_docstring_is_compared_as_a_whole(tmp_path: Path, example: str, line: str) -> None:
    """Neither a comment in it nor an operator of its own may change what the test asks."""
    indented = example.replace("\n", "\n    ")
    module = f'RATE = 1\n\n\ndef add(a, b):\n    """Adds.\n\n    >>> {indented}\n    """\n    return a + b\n'
    own = "import unittest\n\n\nclass ATest(unittest.TestCase):\n    def test_a(self):\n        pass\n"
    methods = line.startswith("self")
    bench = Bench(tmp_path).write({"cart.py": module, "test_a.py": own if methods else "def test_a(): pass\n"})
    meant = find(bench.root, "cart.py::add")

    lines = joined(bench, meant, [*from_docstring(meant)], f"test_a.py::{'ATest::' * methods}test_a")

    assert lines[-1].strip() == line
