"""Diagnostics, hovers, lenses and actions: pure functions of what is known about failing tests."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from boards import CART, FAILURE, FRAME, FULL, NODEID, ROOT, TESTS, case, failing, repair, snapshot, uri
from darner.engine.types import Answer, Origin, Question
from darner.lsp import diagnostics, discover
from darner.lsp.cases import Case
from darner.lsp.client import Client
from darner.lsp.code_actions import code_actions
from darner.lsp.code_lens import code_lens
from darner.lsp.explanation import content
from darner.lsp.hover import hover
from darner.lsp.snapshot import Snapshot
from darner.sandbox.types import Failure, Frame
from lsprotocol import types as lsp

ASSERT_LINE = 6


def actions_at(state: Snapshot, line: int, name: str = "test_cart.py") -> list[lsp.CodeAction]:
    span = lsp.Range(lsp.Position(line, 0), lsp.Position(line, 0))
    params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri(name)), span, lsp.CodeActionContext([]))
    return [action for action in code_actions(state, params) if isinstance(action, lsp.CodeAction)]


def diagnosed(state: Snapshot, name: str) -> list[lsp.Diagnostic]:
    located = state.locate(uri(name))
    return list(diagnostics.each(state, *located)) if located else []


def pulled(state: Snapshot, known: str | None = None) -> dict[str, Any]:
    """The answer as it goes out."""
    document = lsp.TextDocumentIdentifier(uri("test_cart.py"))
    params = lsp.DocumentDiagnosticParams(document, previous_result_id=known)
    return json.loads(asyncio.run(diagnostics.pull(state, params)).text)


def pulled_of_all(state: Snapshot, known: str | None = None) -> list[dict[str, Any]] | None:
    previous = [lsp.PreviousResultId(uri("test_cart.py"), known)] if known else []
    answer = asyncio.run(diagnostics.pull_workspace(state, lsp.WorkspaceDiagnosticParams(previous)))
    return json.loads(answer.text)["items"] if answer else None


def hovered(state: Snapshot, line: int, name: str = "test_cart.py") -> str:
    found = hover(state, lsp.HoverParams(lsp.TextDocumentIdentifier(uri(name)), lsp.Position(line, 3)))
    return found.contents.value if found is not None and isinstance(found.contents, lsp.MarkupContent) else ""


def test_a_failure_shows_on_its_line_with_the_real_values() -> None:
    """The line, not the file; what came and what was expected, not only that it failed."""
    (found,) = diagnosed(snapshot(case()), "test_cart.py")

    assert found.range == lsp.Range(lsp.Position(ASSERT_LINE, 8), lsp.Position(ASSERT_LINE, 33))
    assert found.message == "test_total[two] failed: got 2, expected 3"
    assert (found.code, found.source, found.severity) == (NODEID, "darner", lsp.DiagnosticSeverity.Error)
    assert found.data == {"nodeid": NODEID, "root": str(ROOT)}
    assert [r.message for r in found.related_information or ()] == ["in test_total: basket = [1, 2]"]


def test_an_assertion_without_a_comparison_says_where_its_value_came_from() -> None:
    """`assert is_due(today)` has no operands; pytest's own account of the call has the values."""
    failure = Failure(
        "AssertionError", "assert False\n +  where False = is_due(3)\n +    and   3 = day()", "", (FRAME,)
    )

    (found,) = diagnosed(snapshot(Case(failing(failure))), "test_cart.py")

    assert found.message.endswith("AssertionError: assert False, where False = is_due(3), and 3 = day()")


def test_a_bare_client_gets_neither_related_information_nor_data() -> None:
    """Both are capabilities; sending them unasked breaks some clients."""
    (found,) = diagnosed(snapshot(case(), client=Client()), "test_cart.py")

    assert found.related_information is None
    assert found.data is None


def test_the_code_leads_to_the_long_explanation_where_the_client_opens_documents() -> None:
    """An address that the client cannot open would be a link to nothing."""
    (plain,) = diagnosed(snapshot(case(), client=replace(FULL, links_codes=True)), "test_cart.py")
    full = replace(FULL, links_codes=True, virtual_documents=True)
    (linked,) = diagnosed(snapshot(case(), client=full), "test_cart.py")

    assert plain.code_description is None
    assert linked.code_description is not None
    shown = content(snapshot(case(), client=full), lsp.TextDocumentContentParams(linked.code_description.href))
    assert NODEID in shown.text


def test_an_exception_in_the_source_shows_there_and_in_the_test() -> None:
    """The test's author looks at the test, the fault's author at the source."""
    inner = Frame("cart.py", 2, "total", "return sum(prices[1:])", (("prices", "None"),))
    library = Frame(".venv/lib/python3.11/site-packages/x.py", 9, "f", "raise", ())
    failure = Failure("TypeError", "not subscriptable", "", (FRAME, inner, library))
    state = snapshot(Case(failing(failure)))

    (at_test,) = diagnosed(state, "test_cart.py")
    (at_source,) = diagnosed(state, "cart.py")

    assert (at_test.range.start.line, at_source.range.start.line) == (ASSERT_LINE, 1)
    assert at_source.message == "test_total[two] failed: TypeError: not subscriptable"


@pytest.mark.parametrize("text", ['File "/x/test_cart.py", line 4\n    class', "test_cart.py:4: in <module>"])
def test_a_collection_error_shows_on_the_line_that_pytest_names(text: str) -> None:
    """There is no frame in it, and line 1 would be a lie."""
    failure = Failure("SyntaxError", "invalid syntax", text, ())

    (found,) = diagnosed(snapshot(Case(failing(failure, "test_cart.py", "collect"))), "test_cart.py")

    assert found.range.start.line == 3
    assert found.message == "test_cart.py could not be collected: SyntaxError: invalid syntax"


def test_a_crash_without_a_line_shows_on_the_tests_own() -> None:
    """A segfault leaves no frame; the test that died is still known."""
    failure = Failure("CRASH", "killed by SIGSEGV", "", ())

    (found,) = diagnosed(snapshot(Case(failing(failure))), "test_cart.py")

    assert found.range.start.line == 4


def test_a_diagnostic_follows_its_line_when_text_is_put_above() -> None:
    """The run saw the old file; a client that pulls gets the present place."""
    (found,) = diagnosed(snapshot(case(), tests="# one\n# two\n" + TESTS), "test_cart.py")

    assert found.range.start.line == ASSERT_LINE + 2


def test_a_client_that_knows_the_result_is_told_that_it_is_unchanged() -> None:
    """VS Code asks after every key."""
    first = pulled(snapshot(case()))
    again = pulled(snapshot(case()), first["resultId"])
    fixed = pulled(snapshot(), first["resultId"])

    assert (first["kind"], len(first["items"])) == ("full", 1)
    assert (again["kind"], again["resultId"]) == ("unchanged", first["resultId"])
    assert (fixed["kind"], fixed["items"]) == ("full", [])


def test_the_workspace_report_holds_only_what_is_new() -> None:
    """None means: wait, there is no news. A fixed file is reported once, empty."""
    first = pulled_of_all(snapshot(case()))
    assert first is not None
    (report,) = first
    assert (report["uri"], report["version"], len(report["items"])) == (uri("test_cart.py"), 1, 1)

    fixed = pulled_of_all(snapshot(), report["resultId"])

    assert pulled_of_all(snapshot(case()), report["resultId"]) is None
    assert fixed is not None
    assert [(each["uri"], each["items"]) for each in fixed] == [(uri("test_cart.py"), [])]


@pytest.mark.parametrize(
    ("name", "line"),
    [("test_cart.py", ASSERT_LINE), ("test_cart.py", 4), ("cart.py", 1)],
    ids=["line", "test", "suspect"],
)
def test_a_hover_tells_the_facts_wherever_the_failure_touches(name: str, line: int) -> None:
    """On the failing line, on the test's name, and on a suspect."""
    text = hovered(snapshot(case()), line, name)

    assert "got 2, expected 3" in text
    assert "the test expects 3, and got 2" in text
    assert "`basket = [1, 2]`" in text


def test_a_hover_elsewhere_says_nothing() -> None:
    """An editor shows every answer."""
    assert hovered(snapshot(case()), 0) == ""


def test_prose_without_a_verified_repair_is_called_a_hypothesis() -> None:
    """Rule 1: an explanation that no execution confirmed must not sound like the truth."""
    known = case()
    assert known.explanation is not None
    told = replace(known, explanation=replace(known.explanation, prose="The slice drops the first price."))

    assert "hypothesis" in hovered(snapshot(told), ASSERT_LINE)


def test_values_with_mark_up_are_shown_as_they_are() -> None:
    """A repr full of stars and brackets is data."""
    failure = replace(FAILURE, left="<b>*x*</b>", right="[1](2)")

    assert r"got \<b>\*x\*\</b>, expected [1\](2)**" in hovered(snapshot(Case(failing(failure))), ASSERT_LINE)
    plain = hovered(snapshot(Case(failing(failure)), client=Client()), ASSERT_LINE)
    assert "got <b>*x*</b>, expected [1](2)" in plain


def test_every_test_can_be_run_and_only_a_failing_one_explained_and_repaired() -> None:
    """Lenses come from the text alone, before any run."""
    params = lsp.CodeLensParams(lsp.TextDocumentIdentifier(uri("test_cart.py")))

    before = [lens["command"] for lens in json.loads(code_lens(snapshot(), params).text)]
    after = [lens["command"] for lens in json.loads(code_lens(snapshot(case()), params).text)]

    assert [(c["title"], c["command"]) for c in before] == [("Run", "darner.runTests")]
    assert before[0]["arguments"] == [{"root": str(ROOT), "nodeid": "test_cart.py::TestCart::test_total"}]
    assert [c["title"] for c in after] == ["Run", "Explain", "Repair"]


def test_a_failing_line_offers_to_repair_and_to_explain() -> None:
    """Both are commands that return at once."""
    titles = [action.title for action in actions_at(snapshot(case()), ASSERT_LINE)]

    assert titles == ["Repair: make test_total[two] pass", "Explain this failure"]


def test_a_test_is_found_and_named_whatever_its_parameters_hold() -> None:
    """Their ids are free text: a path of pytest's own in brackets, for one."""
    name = "test_total[a.py::b[c]-d::e]"
    nodeid = f"test_cart.py::TestCart::{name}"
    state = snapshot(replace(case(), result=failing(nodeid=nodeid)))

    assert "got 2, expected 3" in hovered(state, ASSERT_LINE - 2)
    assert actions_at(state, ASSERT_LINE - 2)[0].title == f"Repair: make {name} pass"
    tree: Any = discover.tests_of(state, state.boards[ROOT], [nodeid])
    assert [(test["parents"], test["name"]) for test in tree["tests"]] == [(["test_cart.py", "TestCart"], name)]


def test_a_verified_repair_is_offered_with_its_evidence_and_a_versioned_edit() -> None:
    """What ran stands in the title; the edit names the version that it was made for."""
    action = actions_at(snapshot(case(repair())), ASSERT_LINE)[0]

    assert action.title == (
        "Apply repair: `prices[1:]` → `prices` at cart.py:2 "
        "(passes test_total[two]; 41 of 41 others still pass; assurance A)"
    )
    assert action.is_preferred
    assert action.tags is None
    assert action.edit is not None
    assert action.edit.document_changes is not None
    (change,) = action.edit.document_changes
    assert isinstance(change, lsp.TextDocumentEdit)
    assert (change.text_document.uri, change.text_document.version) == (uri("cart.py"), 7)
    assert [(e.range.start.character, e.range.end.character) for e in change.edits] == [(21, 25)]


def test_a_repair_names_the_tests_that_it_does_not_cure() -> None:
    """One click must not look like more than it does; many names are counted."""
    best = repair()
    uncured = tuple(f"test_cart.py::test_{letter}" for letter in "abcde")
    state = snapshot(case(replace(best, verdict=replace(best.verdict, uncured=uncured))))

    title = actions_at(state, ASSERT_LINE)[0].title
    assert "still pass; still failing: test_a, test_b, test_c and 2 more; assurance A" in title


def test_a_repair_that_a_model_wrote_is_tagged() -> None:
    """`LLMGenerated` is the protocol's own mark."""
    state = snapshot(case(repair(Origin.MODEL)))

    assert actions_at(state, ASSERT_LINE)[0].tags == [lsp.CodeActionTag.LlmGenerated]
    assert actions_at(replace(state, client=replace(FULL, llm_tag=False)), ASSERT_LINE)[0].tags is None


def test_a_repair_that_was_not_wholly_verified_is_never_offered() -> None:
    """Rule 1, at the last gate before the user."""
    titles = [action.title for action in actions_at(snapshot(case(repair(complete=False))), ASSERT_LINE)]

    assert not any(title.startswith("Apply") for title in titles)


def test_a_repair_of_text_that_has_changed_is_disabled_with_the_reason() -> None:
    """The edit was verified on other text; a client without `disabled` does not see it at all."""
    state = snapshot(case(repair()), cart=CART + "# new\n")

    action = actions_at(state, ASSERT_LINE)[0]

    assert action.edit is None
    assert action.disabled is not None
    assert "cart.py is no longer the text" in action.disabled.reason
    assert not any(
        a.title.startswith("Apply")
        for a in actions_at(replace(state, client=replace(FULL, disabled=False)), ASSERT_LINE)
    )


def test_neither_of_two_behaviours_is_preferred() -> None:
    """Only the user knows which is right."""
    question = Question("total([5])", (Answer("5", 0), Answer("0", 1)))
    state = snapshot(replace(case(repair(), repair(Origin.MODEL)), question=question))

    assert [a.is_preferred for a in actions_at(state, ASSERT_LINE)[:2]] == [None, None]
    assert "for `total([5])`, should the result be `5` or `0`, or neither?" in hovered(state, ASSERT_LINE)


def test_a_client_without_versioned_edits_gets_plain_changes() -> None:
    """Neovim 0.11 does not announce `documentChanges`."""
    state = snapshot(case(repair()), client=replace(FULL, document_changes=False))

    edit = actions_at(state, ASSERT_LINE)[0].edit

    assert edit is not None
    assert edit.document_changes is None
    assert list(edit.changes or ()) == [uri("cart.py")]


def test_a_client_without_action_literals_gets_commands() -> None:
    """The oldest clients know nothing else."""
    params = lsp.CodeActionParams(
        lsp.TextDocumentIdentifier(uri("test_cart.py")),
        lsp.Range(lsp.Position(ASSERT_LINE, 0), lsp.Position(ASSERT_LINE, 0)),
        lsp.CodeActionContext([]),
    )

    found = code_actions(snapshot(case(repair()), client=Client()), params)

    assert [c.command for c in found] == ["darner.applyRepair", "darner.repair", "darner.explain"]
