"""More than one project in a window: each has its own tests, searches and trust, also where one lies in another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from darner.engine import trust
from editor import SCRIPTED, Editor, heard, until
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("error::pytest_lsp.LspSpecificationWarning")]


def copied(project: Path, to: Path) -> Path:
    """The same project in another folder."""
    to.mkdir()
    for file in ("pyproject.toml", "cart.py", "test_cart.py"):
        (to / file).write_text((project / file).read_text())
    return to


def typed(editor: Editor, name: str) -> None:
    start = lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))
    editor.apply(lsp.WorkspaceEdit(changes={editor.uri(name): [lsp.TextEdit(start, "# mine\n")]}))


async def test_a_library_that_was_looked_into_is_no_project_of_the_trusted_workspace(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who follows a name into it has not agreed to run its tests; who says `darner trust` there has."""
    library = copied(project, project.parent / "library")
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True}, experimental={"darner": True})
    told = heard(editor, "darner/testTree")
    editor.open(str(library / "cart.py"))
    editor.open("cart.py")

    await editor.command("wait", **await editor.command("testTree"))
    assert [(tree.root, tree.complete) for _, tree in told] == [(str(project), True)]
    assert (await editor.command("wait", **await editor.command("runTests")))["outcome"] == "1 run, 1 failed"
    with pytest.raises(JsonRpcException, match="lies outside of the folders"):
        await editor.command("runTests", root=str(library))
    monkeypatch.setenv("XDG_STATE_HOME", str(project.parent / "state"))
    trust.remember(library)
    ran = await editor.command("wait", **await editor.command("runTests", root=str(library)))
    assert ran["outcome"] == "1 run, 1 failed"

    editor.close(str(library / "cart.py"))
    assert [each["root"] for each in (await editor.command("showStatus"))["projects"]] == [str(project)]
    assert await editor.leave() == 0


async def test_only_a_save_of_other_text_in_its_own_project_ends_a_search(project: Path) -> None:
    """Not one in the next folder, nor of the same text in a document that was opened anew; the file's own, always."""
    other = str(copied(project, project.parent / "other") / "test_cart.py")
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True, "runOnSave": False})
    for name in (other, "test_cart.py"):
        editor.open(name)
    typed(editor, "test_cart.py")
    editor.save("test_cart.py")
    job = await editor.command("repair", root=str(project), nodeid="waits", apply=False)

    typed(editor, other)
    editor.save(other)
    editor.close("test_cart.py")
    editor.open("test_cart.py")
    editor.save("test_cart.py")
    editor.open("cart.py")  # now, which is after the search began
    typed(editor, "cart.py")
    assert [each["job"] for each in (await editor.command("showStatus"))["jobs"]] == [job["job"]]

    editor.save("cart.py")

    ended = await editor.command("wait", **job)  # for the first reason that there was
    assert (ended["cancelled"], ended["outcome"]) == (True, "Stopped: cart.py was saved with other text.")
    assert await editor.leave() == 0


async def test_failures_that_the_outer_project_found_show_in_a_nested_one_until_they_are_mended(
    lay_out: Callable[[dict[str, str]], Path],
) -> None:
    """Who runs the whole repository and opens the failing file must not see the failure vanish, or stay for ever."""
    nested, name = "a/pyproject.toml", "a/test_deep.py"
    project = lay_out({nested: "[tool.pytest.ini_options]\n", name: "def test_deep():\n    assert 1 == 2\n"})
    editor = await Editor.start(project, options={"trust": True, "model": "none"})
    await editor.command("wait", **await editor.command("runTests", root=str(project)))

    editor.open(name)

    assert [found.code for found in await editor.diagnostics(name)] == [f"{name}::test_deep"]
    assert {each["root"] for each in (await editor.command("showStatus"))["projects"]} == {str(project), f"{project}/a"}
    two = lsp.Range(lsp.Position(1, 16), lsp.Position(1, 17))
    editor.apply(lsp.WorkspaceEdit(changes={editor.uri(name): [lsp.TextEdit(two, "1")]}))
    editor.save(name)
    await until(lambda: _clean(editor, name), "the failure to go")
    assert await editor.leave() == 0


async def _clean(editor: Editor, name: str) -> bool:
    return await editor.diagnostics(name) == []
