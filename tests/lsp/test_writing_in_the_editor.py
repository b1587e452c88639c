"""Where writing is offered: in a stub, on a `def`, after an answered question; never in tests."""

from __future__ import annotations

from dataclasses import replace

import pytest
from boards import CART, FULL, NODEID, ROOT, TESTS, case, repair, snapshot, uri
from darner.engine.types import Answer, FileChange, Origin, Patch, Question
from darner.lsp.code_actions import code_actions
from darner.lsp.convert import Text
from darner.lsp.edits import workspace_edit
from darner.lsp.functions import Spot, function_at
from darner.lsp.snapshot import Applied, Example, Snapshot
from lsprotocol import types as lsp

CODE = '''\
import os


class Cart:
    """A cart."""

    rate = 1

    @property
    def total(
        self,
    ) -> int:
        """The sum.

At the margin.
        """
        # to do

    async def fetch(self): ...

def outer(a):
    def inner(b):
        return b
    return inner(a)

x = 1
'''


def actions(state: Snapshot, line: int, name: str = "cart.py", only: list[str] | None = None) -> list[lsp.CodeAction]:
    span = lsp.Range(lsp.Position(line, 0), lsp.Position(line, 0))
    context = lsp.CodeActionContext([], list(only) if only is not None else None)
    params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri(name)), span, context)
    return [action for action in code_actions(state, params) if isinstance(action, lsp.CodeAction)]


@pytest.mark.parametrize(
    ("line", "spot"),
    [
        (0, None),
        (6, None),
        (9, Spot("Cart.total", 9, 15, True)),
        (12, Spot("Cart.total", 9, 15, True)),
        (18, Spot("Cart.fetch", 18, 18, True)),
        (20, Spot("outer", 20, 23, False)),
        (22, Spot("outer.inner", 21, 22, False)),
        (23, Spot("outer", 20, 23, False)),
        (25, None),
        (99, None),
    ],
)
def test_the_function_around_a_line_is_found_without_reading_the_file(line: int, spot: Spot | None) -> None:
    """Decorated, wrapped signatures, docstrings at the margin, nested functions: all that people write."""
    found = function_at(Text(CODE), line)

    if spot is None or found is None:
        assert found is spot
    else:
        assert (found.name, found.line, found.stub) == (spot.name, spot.line, spot.stub)


def test_a_stub_offers_implement_and_a_function_a_test() -> None:
    """Implement is a quick fix; tests are a refactoring, so that no light bulb shines at every function."""
    state = snapshot(cart=CODE)

    (implement,) = actions(state, 18)
    (test,) = actions(state, 20)

    assert (implement.title, implement.kind) == ("Implement Cart.fetch", lsp.CodeActionKind.QuickFix)
    assert implement.command is not None
    assert implement.command.arguments == [{"root": str(ROOT), "name": "cart.py::Cart.fetch"}]
    assert (test.title, test.kind) == ("Write a test for outer", lsp.CodeActionKind.Refactor)
    assert actions(state, 23) == []
    assert actions(state, 20, only=[lsp.CodeActionKind.QuickFix]) == []
    assert len(actions(state, 20, only=["refactor"])) == 1
    assert actions(snapshot(tests=TESTS + "\n\ndef helper(): ...\n"), 8, "test_cart.py") == []


def test_an_answered_question_can_be_kept_as_a_test() -> None:
    """What the user decided once, a test remembers; not when the repair is gone that it was about."""
    asked = Question("total([])", (Answer("0", 0), Answer("None", 1)))
    answered = replace(case(repair(), repair(Origin.MODEL)), question=asked)
    example = Example("total([])", "0", "cart.py", 2, (repair(Origin.MODEL).candidate.patch,))
    applied = Applied(repair().candidate.patch, "x", NODEID, example)

    def offered(text: str) -> list[str]:
        state = snapshot(answered, cart=text)
        state = replace(state, boards={ROOT: replace(state.boards[ROOT], applied=(applied,))})
        return [action.title for action in actions(state, 0) if action.title.startswith("Add as a test")]

    assert offered(CART.replace("prices[1:]", "prices")) == ["Add as a test: total([]) gives 0"]
    assert offered(CART) == []


def test_a_new_file_is_made_only_where_the_client_can() -> None:
    """A test file may not exist yet; a client that cannot make one is told what to do."""
    patch = Patch((FileChange("tests/test_new.py", b"", b"x = 1\n"),))
    able, unable = (snapshot(client=replace(FULL, creates_files=can)) for can in (True, False))

    edit = workspace_edit(able, able.boards[ROOT], patch)
    refused = workspace_edit(unable, unable.boards[ROOT], patch)

    assert isinstance(edit, lsp.WorkspaceEdit)
    made, filled = list(edit.document_changes or [])
    assert (made, isinstance(filled, lsp.TextDocumentEdit)) == (lsp.CreateFile(uri("tests/test_new.py")), True)
    assert "darner test --apply" in str(refused)
