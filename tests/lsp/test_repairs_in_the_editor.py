"""Repairs as code actions: evidence first, one edit of exactly the text that was tried, and a way back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

import pytest
from boards import CART, FULL, NODEID, ROOT, case, repair, snapshot, uri
from darner.engine.types import Answer, Origin, Question
from darner.lsp import explanation
from darner.lsp.cases import Case
from darner.lsp.code_actions import code_actions, resolve
from darner.lsp.snapshot import Applied, Snapshot
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

LINE = 6
LAZY = replace(FULL, resolves_edits=True, annotations=True)
FIXED = CART.replace("prices[1:]", "prices")


def actions(state: Snapshot, line: int = LINE, name: str = "test_cart.py") -> list[lsp.CodeAction]:
    span = lsp.Range(lsp.Position(line, 0), lsp.Position(line, 0))
    params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri(name)), span, lsp.CodeActionContext([]))
    return [action for action in code_actions(state, params) if isinstance(action, lsp.CodeAction)]


def asked() -> Case:
    """Two repairs that pass and differ."""
    question = Question("total([])", (Answer("0", 0), Answer("None", 1)))
    return replace(case(repair(), repair(Origin.MODEL)), question=question)


def test_an_edit_is_computed_only_when_the_user_chose_it() -> None:
    """VS Code asks for actions at every move of the cursor."""
    state = snapshot(case(repair()), client=LAZY)
    first = actions(state)[0]
    assert first.edit is None

    chosen = resolve(state, first)

    assert chosen.edit is not None
    (change,) = list(chosen.edit.document_changes or [])
    assert isinstance(change, lsp.TextDocumentEdit)
    assert change.text_document == lsp.OptionalVersionedTextDocumentIdentifier(uri("cart.py"), 7)
    assert [e.new_text for e in change.edits if isinstance(e, lsp.TextEdit)] == [""]


def test_a_chosen_repair_of_a_text_that_moved_on_is_refused_with_the_reason() -> None:
    """Between the menu and the click the user may have typed."""
    first = actions(snapshot(case(repair()), client=LAZY))[0]

    with pytest.raises(JsonRpcException, match="no longer the text"):
        resolve(snapshot(case(repair()), client=LAZY, cart=CART + "# more\n"), first)
    with pytest.raises(JsonRpcException, match="out of date"):
        resolve(snapshot(client=LAZY), first)


def test_a_preview_asks_for_confirmation_and_plain_applying_stays_first() -> None:
    """VS Code leaves every box of its preview unticked, so it must not be the only way."""
    state = snapshot(case(repair()), client=LAZY)
    plain, preview, *_ = actions(state)
    assert plain.title.startswith("Apply repair")
    assert preview.title.startswith("Preview repair")

    edit = resolve(state, preview).edit

    assert edit is not None
    (note,) = (edit.change_annotations or {}).values()
    assert note.needs_confirmation
    assert note.description is not None
    assert "41 of 41 others still pass" in note.description


def test_without_annotations_the_preview_is_a_document() -> None:
    """`darner.openExplanation` shows the diff where the client asks servers for documents."""
    state = snapshot(case(repair()), client=replace(FULL, virtual_documents=True))

    previews = [a.command for a in actions(state) if a.title.startswith("Preview")]

    assert [c.command for c in previews if c is not None] == ["darner.openExplanation"]


def test_a_question_is_answered_by_choosing_its_repair() -> None:
    """Both behaviours were run; only the user knows which is right, so neither is preferred."""
    first, second, *_ = actions(snapshot(asked()))

    assert first.title.startswith("Answer: total([]) gives 0. Apply repair")
    assert second.title.startswith("Answer: total([]) gives None. Apply repair")
    assert not first.is_preferred
    assert not second.is_preferred


def test_a_question_may_be_answered_by_none_of_its_repairs() -> None:
    """Both are wrong, or the user knows better: an editor must not press them into a wrong repair."""
    found = [a for a in actions(snapshot(asked())) if a.title.startswith("Answer: ")]

    commands = [action.command for action in found[2:] if action.command is not None]
    where = {"root": str(ROOT), "nodeid": NODEID}
    assert [(each.command, each.arguments) for each in commands] == [
        ("darner.answer", [{**where, "answer": "neither"}]),
        ("darner.writeAnswer", [where]),
    ]
    assert not [a for a in actions(snapshot(case(repair()))) if a.title.startswith("Answer: ")]


def test_a_client_tells_that_it_applied_a_repair() -> None:
    """Else nobody could take it back."""
    first = actions(snapshot(case(repair())))[0]

    assert first.command is not None
    assert first.command.command == "darner.applied"
    assert first.command.arguments is not None
    argument: Any = first.command.arguments[0]
    assert argument["nodeid"] == NODEID


def test_an_applied_repair_can_be_undone_while_its_text_stands() -> None:
    """Later work must not be thrown away with it."""
    done = Applied(repair().candidate.patch, "`prices[1:]` → `prices` at cart.py:2", NODEID)

    def undos(text: str) -> list[str]:
        state = snapshot(cart=text)
        board = replace(state.boards[ROOT], applied=(done,))
        found = actions(replace(state, boards={ROOT: board}), 0, "cart.py")
        fixes = (action for action in found if action.kind == lsp.CodeActionKind.QuickFix)
        return [action.command.command for action in fixes if action.command is not None]

    assert undos(FIXED) == ["darner.undo"]
    assert undos(FIXED + "# more\n") == []
    assert undos(CART) == []


def test_an_explanation_is_a_document_with_facts_values_suspects_and_diffs() -> None:
    """The long form of the hover, for clients that ask for documents."""
    state = snapshot(case(repair()))
    params = lsp.TextDocumentContentParams(explanation.uri(state.boards[ROOT], NODEID))

    text = explanation.content(state, params).text

    for part in ("the test expects 3, and got 2", "`basket` = `[1, 2]`", "## Suspects", "+    return sum(prices)"):
        assert part in text


def test_an_explanation_of_a_test_that_passes_again_says_so() -> None:
    """The document may still be open."""
    params = lsp.TextDocumentContentParams(explanation.uri(snapshot().boards[ROOT], NODEID))

    assert "does not fail any more" in explanation.content(snapshot(), params).text


def test_an_explanation_is_found_by_an_address_that_the_client_wrote_anew() -> None:
    """VS Code decodes a query and encodes it again, with `=` and `&` as `%3D` and `%26`."""
    address = explanation.uri(snapshot().boards[ROOT], NODEID)
    path, _, query = address.partition("?")

    rewritten = f"{path}?{quote(unquote(query), safe='')}"

    assert "the test expects 3" in explanation.content(snapshot(case()), lsp.TextDocumentContentParams(rewritten)).text


@pytest.mark.parametrize("asked_for", ["darner:/other", f"darner:/explanation/x.md?root={quote('/etc')}&test=x"])
def test_a_document_that_is_none_of_ours_is_refused(asked_for: str) -> None:
    """The scheme is ours, but anybody may type an address."""
    with pytest.raises(JsonRpcException, match="no document"):
        explanation.content(snapshot(case()), lsp.TextDocumentContentParams(asked_for))
