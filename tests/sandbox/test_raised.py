"""Exceptions that a test never saw: where each was raised and who caught it, whichever way Python tells of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_trace import MINORS, interpreter, record

CODE = """\
import contextlib


def inner():
    return PY2


def caught_above():
    try:
        return middle()
    except Exception:
        return None


def middle():
    try:
        return inner()
    finally:
        str(1)


def caught_at_home(key):
    try:
        return {}[key]
    except KeyError:
        return None


def turned_into_another():
    try:
        inner()
    except NameError as error:
        raise ValueError("unknown") from error


def caught_twice():
    try:
        turned_into_another()
    except ValueError:
        return None


def raised_again():
    try:
        inner()
    except NameError as error:
        raise error


def let_through():
    inner()


def generated():
    yield 1
    yield inner()


def caught_from_a_generator():
    try:
        return list(generated())
    except NameError:
        return None


def key_of(x):
    return x.missing


def below_a_library():
    try:
        return sorted([1, 2], key=key_of)
    except AttributeError:
        return None


class Loud(Exception):
    def __str__(self):
        raise SystemExit("somebody looked")


def of_its_own_kind():
    try:
        raise Loud()
    except Loud:
        return None


@contextlib.contextmanager
def held():
    try:
        yield
    finally:
        str(1)


@contextlib.contextmanager
def bare():
    yield


@contextlib.contextmanager
def quiet():
    try:
        yield
    except NameError:
        pass


def through_a_context():
    with held():
        inner()


def through_a_bare_context():
    with bare():
        inner()


def below_a_context():
    with bare():
        through_a_context()


def caught_behind_them():
    try:
        below_a_context()
    except NameError:
        return None


def caught_by_a_context():
    with quiet():
        inner()


async def waits():
    return inner()


async def waits_longer():
    return await waits()


def let_through_by_coroutines():
    waits_longer().send(None)


def caught_from_coroutines():
    try:
        waits_longer().send(None)
    except NameError:
        return None


def tidied():
    try:
        inner()
    except NameError:
        str(1)
        raise


def caught_behind_tidying():
    try:
        tidied()
    except NameError:
        return None


def often():
    for n in range(1000):
        caught_at_home(n)
    caught_above()
"""
LINES = {text.strip(): number for number, text in enumerate(CODE.splitlines(), 1)}
UNDEFINED = "name 'PY2' is not defined"
WANTED = {
    "caught_above": [(LINES["return PY2"], "inner", "NameError", UNDEFINED, "caught_above")],
    "often": [(LINES["return {}[key]"], "caught_at_home", "KeyError", "", "caught_at_home")] * 3
    + [(LINES["return PY2"], "inner", "NameError", UNDEFINED, "caught_above")],
    "caught_twice": [
        (LINES["return PY2"], "inner", "NameError", UNDEFINED, "turned_into_another"),
        (LINES['raise ValueError("unknown") from error'], "turned_into_another", "ValueError", "", "caught_twice"),
    ],
    "let_through": [],
    "raised_again": [],
    "caught_from_a_generator": [(LINES["return PY2"], "inner", "NameError", UNDEFINED, "caught_from_a_generator")],
    "below_a_library": [
        (
            LINES["return x.missing"],
            "key_of",
            "AttributeError",
            "'int' object has no attribute 'missing'",
            "below_a_library",
        )
    ],
    "through_a_context": [],
    "through_a_bare_context": [],
    "caught_behind_them": [(LINES["return PY2"], "inner", "NameError", UNDEFINED, "caught_behind_them")],
    "caught_by_a_context": [(LINES["return PY2"], "inner", "NameError", UNDEFINED, "quiet")],
    "let_through_by_coroutines": [],
    "caught_from_coroutines": [(LINES["return PY2"], "inner", "NameError", UNDEFINED, "caught_from_coroutines")],
    "tidied": [],
    "caught_behind_tidying": [(LINES["return PY2"], "inner", "NameError", UNDEFINED, "caught_behind_tidying")],
    "of_its_own_kind": [(LINES["raise Loud()"], "of_its_own_kind", "Loud", "", "of_its_own_kind")],
}


@pytest.fixture(params=MINORS, ids=lambda minor: f"3.{minor}")
def python(request: pytest.FixtureRequest) -> str:
    return interpreter(request.param)


def test_each_exception_is_told_with_its_place_and_with_who_caught_it(python: str, tmp_path: Path) -> None:
    """Through `finally`, generators and a library; not what the test itself gets, nor what runs the user's code."""
    rows = record(python, tmp_path, CODE, *WANTED)

    keys = ("line", "function", "exception", "message", "catcher")
    told = [[tuple(one[key] for key in keys) for one in row["raised"]] for row in rows]
    assert dict(zip(WANTED, told, strict=True)) == WANTED
    assert {one["path"] for row in rows for one in row["raised"]} == {"work.py"}
