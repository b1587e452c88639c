"""The main story for every kind of client, by standard messages only, each shaped by what that client said it can do.

The recorded `initialize` of VS Code and Neovim, the least that can still apply an edit, all of LSP 3.18, and sets like
those of Helix and Emacs. A breach of the specification is an error, and so is a message that nobody asked for.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from editor import SCRIPTED, Editor, until
from lsprotocol import types as lsp

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("error::pytest_lsp.LspSpecificationWarning")]

CLIENTS = ("vscode", "neovim", "minimal", "lsp318", "helix", "emacs")
NODEID = "test_cart.py::test_total"
CART = "def total(a, b):\r\n\tmark = '🛒𐐀'; return a + b if a < b else 0"
TESTS = "from cart import total\n\n\ndef test_total():\n    assert total(2, 2) == 4\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """CR LF, a tab, no final newline, and characters beyond the basic plane before the place of the edit."""
    root = tmp_path / "laden mit Ümlaut"
    root.mkdir()
    (root / "pyproject.toml").write_text("")
    (root / "cart.py").write_bytes(CART.encode())
    (root / "test_cart.py").write_text(TESTS)
    return root


@pytest.mark.parametrize("name", CLIENTS)
async def test_the_story_from_a_failing_test_to_an_undone_repair(
    project: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Open, run, diagnostics, hover, repair by code action, save, clean, undo."""
    caplog.set_level(logging.WARNING, "pygls")
    editor = await Editor.start(project, name, server=SCRIPTED, options={"trust": True})
    for file in ("cart.py", "test_cart.py"):
        editor.open(file)

    await _done(editor, await editor.command("runTests", uri=editor.uri("cart.py")))
    (found,) = await until(lambda: editor.diagnostics("test_cart.py"), "the diagnostic")
    assert (found.range.start.line, found.code, found.source) == (4, NODEID, "darner")
    assert "got 2, expected 3" in await editor.hover("test_cart.py", 4)

    await _done(editor, await editor.command("repair", nodeid=NODEID, uri=editor.uri("cart.py"), apply=False))
    await _take(editor, found)
    assert editor.texts["cart.py"] == CART.replace("a < b", "a <= b")
    editor.save("cart.py")
    await until(lambda: _clean(editor), "the diagnostics to go")

    before = len(editor.edits)
    await editor.command("undo", uri=editor.uri("cart.py"))
    await until(lambda: len(editor.edits) > before, "the edit that undoes")
    editor.apply(editor.edits[-1].edit)
    assert editor.texts["cart.py"] == CART
    editor.save("cart.py")
    await until(lambda: editor.diagnostics("test_cart.py"), "the diagnostic again")
    assert [message.message for message in editor.client.messages] == []
    logged = await until(lambda: _logged(editor), "the log's line of each job")
    assert {re.sub(r"[\d.]+ s", "0 s", line) for line in logged} == {
        f"{title}: ended after 0 s, scripted on none" for title in ("Run tests", "Repair test_total")
    }
    assert await editor.leave() == 0
    assert all(_whole(reports) for reports in editor.client.progress_reports.values())
    assert [r.getMessage() for r in caplog.records if "unknown" in r.getMessage()] == []


async def _take(editor: Editor, diagnostic: lsp.Diagnostic) -> None:
    """Choose the first code action, by whatever way this client can take it: its edit, its command, or both in turn."""
    document = lsp.TextDocumentIdentifier(editor.uri("test_cart.py"))
    context = lsp.CodeActionContext([diagnostic], [lsp.CodeActionKind.QuickFix])
    params = lsp.CodeActionParams(document, diagnostic.range, context)
    action = (await editor.client.text_document_code_action_async(params) or [])[0]
    if isinstance(action, lsp.CodeAction) and action.edit is None and action.data is not None:
        action = await editor.client.code_action_resolve_async(action)
    edit = action.edit if isinstance(action, lsp.CodeAction) else None
    command = action if isinstance(action, lsp.Command) else action.command
    if edit is not None:
        editor.apply(edit)
    if command is not None:
        run = lsp.ExecuteCommandParams(command.command, command.arguments)
        await editor.client.workspace_execute_command_async(run)
    if edit is None:
        await until(lambda: editor.edits, "workspace/applyEdit")
        editor.apply(editor.edits[0].edit)


def _logged(editor: Editor) -> list[str]:
    """Once two runs, after a save, and the repair have ended: what they left in the log."""
    lines = [message.message for message in editor.client.log_messages]
    return lines if len(lines) >= 3 else []


async def _done(editor: Editor, started: dict[str, str]) -> None:
    assert not (await editor.command("wait", **started))["cancelled"]


async def _clean(editor: Editor) -> bool:
    return await editor.diagnostics("test_cart.py") == []


def _whole(reports: Sequence[object]) -> bool:
    """One begin, one end, and nothing outside of them."""
    kinds = [type(report) for report in reports]
    inside = kinds[1:-1]
    return not kinds or (
        (kinds[0], kinds[-1]) == (lsp.WorkDoneProgressBegin, lsp.WorkDoneProgressEnd)
        and all(kind is lsp.WorkDoneProgressReport for kind in inside)
    )
