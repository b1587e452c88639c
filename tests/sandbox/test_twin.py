"""A twin fails for every honest program, and nothing but the asked test is changed in it."""

from __future__ import annotations

import ast

import pytest
from darner.sandbox.twin import doctest_twin, twins

BODIES = {
    "equality": "assert f(2) == 4",
    "chain": "assert 0 < f(2) == 4",
    "both": "assert f(2) and f(2) == 4",
    "truth": "assert f(2)",
    "order": "assert f(2) > 3",
    "inside a loop": "for n in (1, 2):\n        assert f(n) == 2 * n",
    "inside a with": "with open(__file__):\n        assert f(2) == 4",
    "an expected exception": "with raises(TypeError):\n        f(None)",
    "an exception by call": "raises(TypeError, f, None)",
}
HEAD = """\
from pytest import raises

def f(n):
    return 2 * n + (n is None) * n

def test_other():
    assert f(1) == 2

def test_it():
    """


def run(text: bytes) -> None:
    names: dict[str, object] = {"__file__": __file__}
    exec(compile(text, "twin", "exec"), names)
    test = names["test_it"]
    assert callable(test)
    test()


@pytest.mark.parametrize("name", BODIES)
def test_both_twins_fail_where_the_test_passes(name: str) -> None:
    """The control that must fail is worth something only if it does."""
    source = (HEAD + BODIES[name] + "\n").encode()
    made = twins(source, ["test_it"])
    run(source)

    for text in (made.value, made.negated):
        assert text is not None
        with pytest.raises(BaseException):  # noqa: B017, PT011 - whatever makes a test fail
            run(text)


def test_a_value_that_equals_everything_passes_the_first_twin_only() -> None:
    """That is how it is told from an honest result."""
    source = (HEAD + BODIES["equality"] + "\n").replace("return 2", "return type('A', (), "
    "{'__eq__': lambda s, o: True})() or 2").encode()  # fmt: skip
    made = twins(source, ["test_it"])
    assert made.value is not None
    assert made.negated is not None

    run(made.value)
    with pytest.raises(AssertionError):
        run(made.negated)


@pytest.mark.parametrize(
    ("body", "certain"),
    [
        ("assert f(2) == 4", True),
        ("if f(2):\n        assert f(2) == 4", False),
        ("for _ in ():\n        assert f(2) == 4", False),
        ("if f(2):\n        return\n    assert f(2) == 4", False),
        ("with suppress(AssertionError):\n        assert f(2) == 4", False),
        ("with raises(TypeError):\n        f(None)", True),
    ],
)
def test_only_an_assertion_that_is_always_reached_is_certain(body: str, certain: bool) -> None:
    """An honest repair may pass a twin whose turned assertion it never comes by."""
    assert twins((HEAD + body + "\n").encode(), ["test_it"]).certain is certain


def test_a_test_without_assertions_or_that_is_not_there_has_no_twin() -> None:
    """Then nothing is claimed."""
    assert twins((HEAD + "f(2)\n").encode(), ["test_it"]).value is None
    assert twins(b"def broken(:\n", ["test_it"]).value is None
    assert twins(b"class TestA:\n    pass\n", ["TestA", "test_it"]).value is None


def test_only_the_asked_test_changes() -> None:
    """Its neighbours, fixtures and helpers must work as they did."""
    made = twins((HEAD + BODIES["equality"] + "\n").encode(), ["test_it"])
    assert made.value is not None

    old, new = ast.parse(HEAD + "pass"), ast.parse(made.value)
    assert [ast.dump(s) for s in old.body[:-1]] == [ast.dump(s) for s in new.body[:-1]]


def test_every_example_of_a_doctest_expects_something_else() -> None:
    """The code of the examples and of the function stays."""
    source = b'def f(n):\n    """Twice.\n\n    >>> f(2)\n    4\n    >>> x = 1\n    """\n    return 2 * n\n'

    assert doctest_twin(source) == source.replace(b"    4\n", b"    4 twin\n")
    assert doctest_twin(source.replace(b"    4\n", b"")) is None
