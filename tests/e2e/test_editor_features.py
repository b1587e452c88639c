"""What an editor shows beyond diagnostics: settings that change, repairs that can be undone, documents, ghost text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from editor import SCRIPTED, Editor, until
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("error::pytest_lsp.LspSpecificationWarning")]

NODEID = "test_cart.py::test_total"
CART = "def total(a, b):\n    return a + b if a < b else 0\n"


@pytest.fixture
def project(lay_out: Callable[[dict[str, str]], Path]) -> Path:
    return lay_out(
        {
            "cart.py": CART,
            "test_cart.py": "from cart import total\n\n\ndef test_total():\n    assert total(2, 2) == 4\n",
        }
    )


async def started(project: Path, name: str = "vscode", **options: object) -> Editor:
    editor = await Editor.start(project, name, server=SCRIPTED, options={"trust": True, **options})
    editor.open("cart.py")
    editor.open("test_cart.py")
    return editor


async def repaired(editor: Editor) -> None:
    """A repair was found, and not applied."""
    root = str(editor.root)
    await editor.command("wait", **await editor.command("runTests", root=root))
    await editor.command("wait", **await editor.command("repair", root=root, nodeid=NODEID, apply=False))


async def test_a_setting_changes_without_a_restart_and_a_wrong_one_is_named(project: Path) -> None:
    """The editor says that something changed; the server asks what, and the lenses go at once."""
    editor = await started(project)
    assert await editor.titles("test_cart.py") == ["Run"]

    await editor.configure(codeLens=False, budget="hasty")

    await until(lambda: _no_lens(editor), "the lenses to go")
    await until(lambda: editor.client.messages, "the complaint")
    assert [m.message for m in editor.client.messages] == [
        "darner.budget must be quick, normal, deep or a number of seconds, not 'hasty'; 'normal' is used."
    ]
    assert await editor.leave() == 0


async def test_a_setting_of_the_start_is_gone_once_the_user_resets_it(project: Path) -> None:
    """What an editor said when it started is not what it says now; a key that it does not name stays."""
    editor = await started(project, codeLens=False)
    assert await _no_lens(editor)

    await editor.configure(codeLens=None)

    await until(lambda: editor.titles("test_cart.py"), "the lenses")
    assert [each["trusted"] for each in (await editor.command("showStatus"))["projects"]] == [True]
    assert await editor.leave() == 0


async def test_a_project_names_its_interpreter_unless_the_editor_says_one(project: Path) -> None:
    """Null is no word; an empty text is one, and means "find one"."""
    (project / "pyproject.toml").write_text("[tool.darner]\ninterpreter = '/nowhere/python'\n")
    editor = await Editor.start(project, "vscode", options={"trust": True, "runOnSave": False, "model": "none"})
    outcomes: list[str] = []

    for interpreter in (None, ""):
        await editor.configure(interpreter=interpreter)
        ended = await editor.command("wait", **await editor.command("runTests", root=str(project)))
        outcomes.append(ended["outcome"])

    assert "/nowhere/python" in outcomes[0]
    assert outcomes[1] == "1 run, 1 failed"
    assert await editor.leave() == 0


async def test_a_run_asked_for_right_after_a_setting_changed_uses_it(project: Path) -> None:
    """Who selects another interpreter and runs at once must not get the old one; the server asks for it in between."""
    editor = await Editor.start(project, "vscode", options={"trust": True, "runOnSave": False, "model": "none"})
    root = str(project)
    for interpreter in ("/nowhere/python", "/nowhere/else"):
        await editor.configure(interpreter=interpreter, trust=True)
        ended = await editor.command("wait", **await editor.command("runTests", root=root))
        assert interpreter in ended["outcome"]
    assert await editor.leave() == 0


async def test_a_folder_where_darner_is_switched_off_shows_nothing_and_runs_nothing(project: Path) -> None:
    """What showed goes, what ran ends, commands say why they do nothing; and it all comes back."""
    editor = await started(project, runOnSave=False)
    await editor.command("wait", **await editor.command("runTests", root=str(project)))
    assert await editor.diagnostics("test_cart.py")
    job = await editor.command("repair", root=str(project), nodeid="waits", apply=False)

    await editor.configure(enable=False, trust=True)

    ended = await editor.command("wait", **job)
    assert (ended["cancelled"], ended["outcome"]) == (True, "Stopped: Darner was switched off for this project.")
    await until(lambda: _no_lens(editor), "the lenses to go")
    assert await editor.diagnostics("test_cart.py") == []
    assert await editor.actions("cart.py", 1) == []
    with pytest.raises(JsonRpcException, match="switched off for this project"):
        await editor.command("runTests", root=str(project))

    await editor.configure(enable=True, trust=True)
    await until(lambda: editor.titles("test_cart.py"), "the lenses")
    assert await editor.leave() == 0


async def test_a_client_that_cannot_be_asked_sends_its_settings(project: Path) -> None:
    """Helix and eglot push them."""
    editor = await started(project, "minimal")

    params = lsp.DidChangeConfigurationParams(settings={"darner": {"codeLens": False}})
    editor.client.workspace_did_change_configuration(params)

    await until(lambda: _no_lens(editor), "the lenses to go")
    assert await editor.leave() == 0


async def test_a_chosen_repair_is_applied_once_and_taken_back_by_undo(project: Path) -> None:
    """The edit comes when it is chosen; afterwards the same place offers the way back."""
    editor = await started(project)
    await repaired(editor)
    (repair, *_) = await editor.actions("cart.py", 1)
    assert repair.edit is None
    assert repair.is_preferred

    await editor.choose(repair)
    assert editor.texts["cart.py"] == CART.replace("<", "<=")
    undo = next(a for a in await editor.actions("cart.py", 1) if a.title.startswith("Undo repair"))
    await editor.choose(undo)
    await until(lambda: editor.edits, "the undo's edit")
    editor.apply(editor.edits[0].edit)

    assert editor.texts["cart.py"] == CART
    assert await editor.leave() == 0


async def test_undo_passes_over_what_the_editors_own_undo_took_back(project: Path) -> None:
    """Else the repair under it could never be taken back."""
    (project / "shop.py").write_text("def stub(): ...\n")
    editor = await started(project)
    editor.open("shop.py")
    await repaired(editor)
    await editor.choose((await editor.actions("cart.py", 1))[0])
    await editor.command("wait", **await editor.command("implement", root=str(project), name="shop.py::stub"))
    editor.apply(editor.edits[0].edit)
    assert editor.texts["shop.py"] == "def stub(): return 1\n"

    body = lsp.Range(lsp.Position(0, 12), lsp.Position(0, 20))
    editor.apply(lsp.WorkspaceEdit(changes={editor.uri("shop.py"): [lsp.TextEdit(body, "...")]}))
    undos = [a.title for a in await editor.actions("cart.py", 1) if a.title.startswith("Undo repair")]
    assert undos == ["Undo repair: `<` → `<=` at cart.py:2"]
    await editor.command("wait", **await editor.command("undo", root=str(project)))
    editor.apply(editor.edits[1].edit)

    assert editor.texts["cart.py"] == CART
    await editor.command("wait", **await editor.command("undo", root=str(project)))
    assert [m.message for m in editor.client.messages] == [
        "No repair of this session stands here; there is nothing to undo."
    ]
    assert await editor.leave() == 0


async def test_an_explanation_opens_as_a_document_of_the_client(project: Path) -> None:
    """Too long for a hover, and too good for a message."""
    editor = await started(project)

    await editor.command("wait", **await editor.command("explain", root=str(project), nodeid=NODEID))
    shown = await until(lambda: editor.client.shown_documents, "window/showDocument")
    params = lsp.TextDocumentContentParams(shown[0].uri)
    content = await editor.client.workspace_text_document_content_async(params)

    assert "the loop ended one early" in content.text
    assert (await editor.command("showExplanation", root=str(project), nodeid=NODEID))["markdown"] == content.text
    assert editor.client.messages == []
    assert await editor.leave() == 0


async def test_a_search_ends_when_its_text_is_saved_away(project: Path) -> None:
    """Its result could not be applied any more; a save without a change disturbs nothing."""
    editor = await started(project, runOnSave=False)
    job = await editor.command("repair", root=str(project), nodeid="waits", apply=False)
    await until(lambda: editor.progress(job["job"]), "progress")
    editor.save("cart.py")
    start = lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))
    editor.apply(lsp.WorkspaceEdit(changes={editor.uri("cart.py"): [lsp.TextEdit(start, "# mine\n")]}))
    assert job["job"] in [each["job"] for each in (await editor.command("showStatus"))["jobs"]]

    editor.save("cart.py")

    ended = await editor.command("wait", job=job["job"])
    assert (ended["cancelled"], ended["outcome"]) == (True, "Stopped: cart.py was saved with other text.")
    assert await editor.leave() == 0


async def test_a_test_that_a_save_turned_red_is_repaired_before_anybody_asks(project: Path) -> None:
    """With `watch`, the repair waits in the code actions; nothing is applied."""
    editor = await started(project, watch=True)

    editor.save("cart.py")

    await until(lambda: _ready(editor), "the repair")
    assert editor.edits == []
    assert await editor.leave() == 0


async def test_ghost_text_is_offered_only_while_it_is_switched_on(project: Path) -> None:
    """Unasked, no model runs and no client sends a request for every key."""
    editor = await started(project)
    assert editor.capabilities.inline_completion_provider is None
    assert editor.capabilities.completion_provider is None
    assert lsp.TEXT_DOCUMENT_INLINE_COMPLETION not in editor.registered.values()

    await editor.configure(inlineCompletion=True, trust=True)
    await until(lambda: lsp.TEXT_DOCUMENT_INLINE_COMPLETION in editor.registered.values(), "the registration")
    await until(lambda: _ghost(editor), "the text, once the engine has started")
    await editor.configure(inlineCompletion=False, trust=True)
    await until(lambda: lsp.TEXT_DOCUMENT_INLINE_COMPLETION not in editor.registered.values(), "the end of it")

    assert await _ghost(editor) == []
    assert await editor.leave() == 0


async def test_ghost_text_that_is_late_is_nothing(project: Path) -> None:
    """It would jump into what the user wrote meanwhile."""
    (project / "cart.py").write_text("slow")
    editor = await started(project, inlineCompletion=True)
    assert editor.capabilities.inline_completion_provider is not None

    assert await _ghost(editor) == []
    assert await editor.leave() == 0


async def test_an_older_client_gets_ghost_text_as_one_completion(project: Path) -> None:
    """Neovim 0.11 knows no inline completion."""
    editor = await started(project, "neovim", inlineCompletion=True)
    params = lsp.CompletionParams(lsp.TextDocumentIdentifier(editor.uri("cart.py")), lsp.Position(0, 4))

    async def items() -> list[lsp.CompletionItem]:
        found = await editor.client.text_document_completion_async(params)
        assert isinstance(found, lsp.CompletionList)
        return list(found.items)

    (item,) = await until(items, "the text, once the engine has started")
    assert (item.label, item.preselect) == ("_filled", True)
    assert await editor.leave() == 0


async def test_documents_that_are_no_files_are_left_alone(project: Path) -> None:
    """Untitled buffers, notebook cells and remote files: every answer is empty, no command runs."""
    editor = await started(project)

    for uri in ("untitled:Untitled-1", "vscode-notebook-cell:/x.ipynb#W1", "vscode-remote://ssh/x.py"):
        item = lsp.TextDocumentItem(uri, lsp.LanguageKind.Python, 1, "def test_x(): assert 0\n")
        editor.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        document = lsp.TextDocumentIdentifier(uri)
        assert not await editor.client.text_document_code_lens_async(lsp.CodeLensParams(document))
        assert not await editor.client.text_document_hover_async(lsp.HoverParams(document, lsp.Position(0, 1)))
        editor.client.text_document_did_save(lsp.DidSaveTextDocumentParams(document))

    assert (await editor.command("showStatus"))["engine"] == "not started"
    assert await editor.leave() == 0


async def test_a_workspace_behind_a_symlink_is_spoken_of_as_the_client_names_it(project: Path) -> None:
    """The engine works on real paths; a client that got those would open every file a second time."""
    link = project.parent / "by another name"
    link.symlink_to(project)
    editor = await started(link)
    await repaired(editor)

    assert [found.code for found in await editor.diagnostics("test_cart.py")] == [NODEID]
    (repair, *_) = await editor.actions("cart.py", 1)
    await editor.choose(repair)  # it refuses an edit of a document that it does not know

    assert editor.texts["cart.py"] == CART.replace("<", "<=")
    assert await editor.leave() == 0


async def test_a_second_folder_is_a_project_of_its_own(project: Path) -> None:
    """Folders come and go while the window is open; each has its own settings and failing tests."""
    editor = await started(project)
    other = project.parent / "other"
    other.mkdir()
    (other / "pyproject.toml").write_text("[tool.darner]\ncode-lens = false\n")
    (other / "test_cart.py").write_text("def test_total():\n    assert 0\n")
    folder = lsp.WorkspaceFolder(other.as_uri(), "other")
    change = lsp.WorkspaceFoldersChangeEvent([folder], [])
    editor.client.workspace_did_change_workspace_folders(lsp.DidChangeWorkspaceFoldersParams(change))
    uri = (other / "test_cart.py").as_uri()
    item = lsp.TextDocumentItem(uri, lsp.LanguageKind.Python, 1, "def test_total():\n    assert 0\n")
    editor.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))

    lenses = await editor.client.text_document_code_lens_async(lsp.CodeLensParams(lsp.TextDocumentIdentifier(uri)))
    status = await editor.command("showStatus")

    assert not lenses
    assert await editor.titles("test_cart.py") == ["Run"]
    assert {each["root"] for each in status["projects"]} == {str(project), str(other)}
    assert await editor.leave() == 0


async def _no_lens(editor: Editor) -> bool:
    return await editor.titles("test_cart.py") == []


async def _ready(editor: Editor) -> bool:
    return any(action.title.startswith("Apply repair") for action in await editor.actions("cart.py", 1))


async def _ghost(editor: Editor) -> list[object]:
    """At the end of the first line."""
    document = lsp.TextDocumentIdentifier(editor.uri("cart.py"))
    context = lsp.InlineCompletionContext(lsp.InlineCompletionTriggerKind.Automatic)
    params = lsp.InlineCompletionParams(context, document, lsp.Position(0, 99))
    found = await editor.client.text_document_inline_completion_async(params)
    assert isinstance(found, lsp.InlineCompletionList)
    return [item.insert_text for item in found.items]
