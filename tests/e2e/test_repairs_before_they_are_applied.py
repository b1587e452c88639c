"""What a client needs to show repairs before one is applied: the end of a job, and the edits with their evidence."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from editor import SCRIPTED, Editor
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("error::pytest_lsp.LspSpecificationWarning")]

NODEID = "test_cart.py::test_total"


async def test_a_found_repair_is_shown_with_its_edit_and_nothing_is_changed(project: Path) -> None:
    """A preview needs the edit itself, not only the right to apply it."""
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True})
    editor.open("cart.py")
    root = str(project)
    await editor.command("wait", **await editor.command("runTests", root=root))
    job = await editor.command("repair", nodeid=NODEID, root=root, apply=False)

    ended = await editor.command("wait", job=job["job"])
    shown = await editor.command("showRepairs", nodeid=NODEID, root=root)

    assert "passes test_total; 0 of 0 others still pass" in ended["outcome"]
    assert (ended["cancelled"], shown["question"], editor.edits) == (False, None, [])
    (repair,) = shown["repairs"]
    assert (repair["index"], repair["refused"]) == (0, "")
    (change,) = repair["edit"]["documentChanges"]
    (edit,) = change["edits"]
    assert (change["textDocument"]["uri"], edit["newText"]) == (editor.uri("cart.py"), "=")
    assert await editor.leave() == 0


async def test_a_repair_of_a_text_that_moved_on_is_shown_with_the_reason_and_no_edit(project: Path) -> None:
    """Hunks of another text would be a guess."""
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True})
    editor.open("cart.py")
    root = str(project)
    job = await editor.command("repair", nodeid=NODEID, root=root, apply=False)
    await editor.command("wait", job=job["job"])

    start = lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))
    editor.apply(lsp.WorkspaceEdit(changes={editor.uri("cart.py"): [lsp.TextEdit(start, "# mine\n")]}))
    shown = await editor.command("showRepairs", nodeid=NODEID, root=root)

    (repair,) = shown["repairs"]
    assert repair["edit"] is None
    assert "no longer the text that this repair was tried on" in repair["refused"]
    assert await editor.leave() == 0


async def test_a_test_that_is_named_without_its_parameters_is_the_first_that_fails(project: Path) -> None:
    """As test runners of editors name it: what was found is shown, and can be applied, by that name."""
    (project / "many").write_text("2")
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True})
    editor.open("cart.py")
    about = {"nodeid": NODEID, "root": str(project)}

    await editor.command("wait", **await editor.command("repair", **about, apply=False))
    shown = await editor.command("showRepairs", **about)

    assert (shown["nodeid"], len(shown["repairs"])) == (f"{NODEID}[0]", 1)
    await editor.command("wait", **await editor.command("applyRepair", **about))
    assert (len(editor.edits), editor.client.messages) == (1, [])
    assert await editor.leave() == 0


async def test_waiting_ends_with_the_cancel_and_says_so(project: Path) -> None:
    """A client must not preview an older repair after the user cancelled a new search."""
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True})
    job = await editor.command("runTests", root=str(project), nodeid="waits")

    await editor.command("cancel", job=job["job"])
    ended = await editor.command("wait", job=job["job"])

    assert ended["cancelled"]
    assert await editor.leave() == 0


async def test_waiting_for_no_job_answers_at_once_and_for_nothing_is_refused(project: Path) -> None:
    """The job may have ended between its answer and the question."""
    editor = await Editor.start(project, server=SCRIPTED)

    ended = await editor.command("wait", job="darner-99")

    assert (ended["outcome"], ended["cancelled"]) == ("", False)
    with pytest.raises(JsonRpcException, match="job is missing"):
        await editor.command("wait")
    shown = await editor.command("showRepairs", nodeid="test_cart.py::test_other", root=str(project))
    assert (shown["repairs"], shown["question"]) == ([], None)
    assert await editor.leave() == 0


@pytest.mark.parametrize(("answer", "pressed_late"), [("neither", "A: 3"), ("B", "Neither")])
async def test_a_question_that_is_answered_elsewhere_needs_no_button_any_more(
    project: Path, answer: str, pressed_late: str
) -> None:
    """Its message may stay open, in an editor whose messages block nothing, while the light bulb gives the answer."""
    (project / "asks").touch()
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True})
    asked, late = asyncio.Event(), asyncio.Event()

    @editor.client.feature(lsp.WINDOW_SHOW_MESSAGE_REQUEST)  # pyright: ignore[reportUntypedFunctionDecorator]
    async def ask(_: lsp.ShowMessageRequestParams) -> lsp.MessageActionItem:  # pyright: ignore[reportUnusedFunction]
        asked.set()
        await late.wait()
        return lsp.MessageActionItem(pressed_late)

    editor.open("cart.py")
    about = {"nodeid": NODEID, "root": str(project)}
    first = await editor.command("repair", **about)
    await asyncio.wait_for(asked.wait(), 60)
    (project / "asks").unlink()  # what is found next leaves nothing to ask

    second = await editor.command("answer", **about, answer=answer)

    assert second != first
    assert not (await editor.command("wait", **second))["cancelled"]
    assert (await editor.command("wait", **first))["cancelled"]
    assert len(editor.edits) == 1
    late.set()
    assert (await editor.command("showStatus"))["jobs"] == []
    assert editor.client.messages == []
    assert await editor.leave() == 0
