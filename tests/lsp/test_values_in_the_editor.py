"""Inlay hints and lenses: the values that really occurred, where they occurred."""

from __future__ import annotations

import json
from dataclasses import replace

from boards import CART, FAILURE, FRAME, NODEID, ROOT, TESTS, case, failing, snapshot, uri
from darner.engine.settings import Settings
from darner.lsp.cases import Case
from darner.lsp.code_lens import code_lens
from darner.lsp.inlay_hints import inlay_hints
from darner.lsp.snapshot import Snapshot
from darner.sandbox.types import Call, Frame
from lsprotocol import types as lsp

CALL = Call("cart.py", 1, "total", (("prices", "[1, 2]"),), "total([1, 2])", "2", None)


def hints(state: Snapshot, name: str) -> dict[int, str]:
    span = lsp.Range(lsp.Position(0, 0), lsp.Position(99, 0))
    found = inlay_hints(state, lsp.InlayHintParams(lsp.TextDocumentIdentifier(uri(name)), span))
    return {hint.position.line: str(hint.label) for hint in found}


def lenses(state: Snapshot, name: str) -> list[tuple[int, str]]:
    found = code_lens(state, lsp.CodeLensParams(lsp.TextDocumentIdentifier(uri(name))))
    return [(lens["range"]["start"]["line"], lens["command"]["title"]) for lens in json.loads(found.text)]


def test_the_failing_line_shows_both_sides_and_the_names_on_it() -> None:
    """Names that are not on the line would only be noise."""
    frame = replace(FRAME, locals=(("basket", "[1, 2]"), ("self", "<TestCart>")))
    state = snapshot(Case(failing(replace(FAILURE, frames=(frame,)))))

    assert hints(state, "test_cart.py") == {6: "got 2, expected 3; basket = [1, 2]"}


def test_a_suspected_function_shows_its_call_and_its_lines_the_arguments() -> None:
    """The function has returned long ago when the assertion fails: no frame has its values."""
    state = snapshot(replace(case(), calls=(CALL,)))

    assert hints(state, "cart.py") == {0: "prices = [1, 2]; returned 2", 1: "prices = [1, 2]"}


def test_values_follow_their_line_when_text_is_put_above() -> None:
    """A value beside a wrong line would be a lie."""
    state = snapshot(replace(case(), calls=(CALL,)), cart="# one\n# two\n" + CART, tests="# one\n" + TESTS)

    assert sorted(hints(state, "cart.py")) == [2, 3]
    assert sorted(hints(state, "test_cart.py")) == [7]


def test_the_innermost_frame_speaks_for_a_line_that_recursion_passes_twice() -> None:
    """Two hints at one line could not be told apart."""
    outer = Frame("cart.py", 2, "total", "return sum(prices[1:])", (("prices", "[3]"),))
    inner = replace(outer, locals=(("prices", "None"),))
    failure = replace(FAILURE, frames=(FRAME, outer, inner), operator=None)

    assert hints(snapshot(Case(failing(failure))), "cart.py") == {1: "prices = None"}


def test_hints_and_lenses_can_be_switched_off() -> None:
    """By a setting of the project, at once."""
    state = snapshot(replace(case(), calls=(CALL,)))
    off = replace(state.boards[ROOT], settings=Settings(inlay_hints=False, code_lens=False))
    state = replace(state, boards={ROOT: off})

    assert hints(state, "cart.py") == {}
    assert lenses(state, "test_cart.py") == []


def test_a_function_counts_the_tests_that_fail_in_it() -> None:
    """Whoever looks at the function sees that it is in trouble without opening a test."""
    other = replace(case(), result=failing(nodeid=f"{NODEID}2"))

    assert lenses(snapshot(case(), other), "cart.py") == [(0, "2 failing")]
    assert (4, "Repair") in lenses(snapshot(case()), "test_cart.py")
    assert lenses(snapshot(), "cart.py") == []
