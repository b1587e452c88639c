"""Implement and Write a test from the clients' real profiles, by standard messages: action, job, progress, edit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from editor import SCRIPTED, Editor, until
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("error::pytest_lsp.LspSpecificationWarning")]

CART = "def stub(a: int) -> int: ...\n\n\ndef unsure(a: int) -> int: ...\n\n\ndef total(a, b):\n    return a + b\n"


@pytest.fixture
def project(lay_out: Callable[[dict[str, str]], Path]) -> Path:
    return lay_out({"cart.py": CART, "test_cart.py": "def test_total():\n    assert True\n"})


@pytest.mark.parametrize("name", ["vscode", "neovim", pytest.param("lsp318", marks=pytest.mark.slow)])
async def test_a_stub_is_implemented_by_a_code_action(project: Path, name: str) -> None:
    """The command answers with a job at once; the verified body comes as one versioned edit."""
    editor = await Editor.start(project, name, server=SCRIPTED, options={"trust": True})
    editor.open("cart.py")

    (action,) = await editor.actions("cart.py", 0)
    assert action.title == "Implement stub"
    await editor.choose(action)
    await until(lambda: editor.edits, "workspace/applyEdit")
    editor.apply(editor.edits[0].edit)

    assert editor.texts["cart.py"].startswith("def stub(a: int) -> int: return 1\n")
    assert "judged by your tests" in str(editor.edits[0].label)
    assert [message.message for message in editor.client.messages] == []
    assert await editor.leave() == 0


@pytest.mark.parametrize(("pressed", "edits"), [(("Apply it", "Add them"), 2), (("Apply it", None), 1), ((None,), 0)])
async def test_what_only_the_model_judged_is_applied_after_a_question_and_its_tests_are_offered(
    project: Path, pressed: tuple[str | None, ...], edits: int
) -> None:
    """Assurance C is never applied unasked, and who judged is said; the tests are an edit of their own, or none."""
    editor = await Editor.start(project, "vscode", server=SCRIPTED, options={"trust": True})
    asked: list[str] = []

    @editor.client.feature(lsp.WINDOW_SHOW_MESSAGE_REQUEST)  # pyright: ignore[reportUntypedFunctionDecorator]
    async def ask(params: lsp.ShowMessageRequestParams) -> lsp.MessageActionItem | None:  # pyright: ignore[reportUnusedFunction]
        asked.append(params.message)
        press = pressed[len(asked) - 1]
        if editor.edits:  # who is asked about the tests may first save the body that is there now
            editor.apply(editor.edits[0].edit)
            editor.save("cart.py")
            await editor.command("showStatus")
        return lsp.MessageActionItem(press) if press else None

    editor.open("cart.py")
    started = await editor.command("implement", name="cart.py::unsure", uri=editor.uri("cart.py"))
    assert not (await editor.command("wait", **started))["cancelled"]

    assert "tests that the model wrote, not by yours" in asked[0]
    assert ["tests/test_unsure.py?" in text for text in asked] == [False, True][: len(pressed)]
    assert len(editor.edits) == edits
    assert await editor.leave() == 0


async def test_a_test_in_a_new_file_is_one_edit(project: Path) -> None:
    """VS Code can make files by an edit; what was tried, and who told its values, is the edit's label."""
    editor = await Editor.start(project, "vscode", server=SCRIPTED, options={"trust": True})
    editor.open("cart.py")

    (action,) = await editor.actions("cart.py", 6)
    assert action.title == "Write a test for total"
    await editor.choose(action)
    await until(lambda: editor.edits, "workspace/applyEdit")

    made, filled = list(editor.edits[0].edit.document_changes or ())
    assert isinstance(made, lsp.CreateFile)
    assert isinstance(filled, lsp.TextDocumentEdit)
    assert "kills 3 of 4 wrong versions" in str(editor.edits[0].label)
    assert await editor.leave() == 0


async def test_writing_is_cancelled_and_refused_as_every_job(project: Path) -> None:
    """A cancel from the client ends the job; a name that is none, and an untrusted project, are refused at once."""
    editor = await Editor.start(project, "vscode", server=SCRIPTED)
    editor.open("cart.py")
    with pytest.raises(JsonRpcException, match="darner trust"):
        await editor.command("implement", name="cart.py::stub", uri=editor.uri("cart.py"))
    editor.trust()
    with pytest.raises(JsonRpcException, match="FILE::NAME"):
        await editor.command("implement", name="stub", uri=editor.uri("cart.py"))

    started = await editor.command("implement", name="cart.py::waits", uri=editor.uri("cart.py"))
    await until(lambda: editor.progress(started["job"]), "progress")
    assert (await editor.command("cancel", **started))["cancelled"]

    assert (await editor.command("wait", **started))["cancelled"]
    assert editor.edits == []
    assert await editor.leave() == 0
