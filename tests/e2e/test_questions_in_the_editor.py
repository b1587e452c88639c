"""A question in an editor, with the real server: buttons, code actions, the user's own value, and what is kept."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from editor import Editor, until
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.slow,
    pytest.mark.filterwarnings("error::pytest_lsp.LspSpecificationWarning"),
]

ROW = "{-1: 7, 0: 1, 1: 8, 2: 9}"
CALL = f"pick({ROW})"
NODEID = "test_rows.py::test_pick"
TESTS = f"""\
from rows import pick


def test_pick():
    assert pick({{-1: 5, 0: 1, 1: 5, 2: 5}}) == 5


def test_other():
    {CALL}
"""
OPTIONS = {"trust": True, "model": "none", "budget": "120"}
LINE = 4
"""Of the failing assertion, from 0."""


@pytest.fixture
def project(lay_out: Callable[[dict[str, str]], Path]) -> Path:
    """-1, 1 and 2 in place of 0 all pass, and differ on the other row."""
    return lay_out({"rows.py": "def pick(row):\n    return row[0]\n", "test_rows.py": TESTS})


async def opened(project: Path, name: str = "vscode") -> Editor:
    editor = await Editor.start(project, name, options=OPTIONS)
    for each in ("rows.py", "test_rows.py"):
        editor.open(each)
    return editor


async def done(editor: Editor, command: str, **argument: object) -> Any:  # noqa: ANN401 - whatever the command answers
    """The command, and its job to the end."""
    answer: Any = await editor.command(command, root=str(editor.root), **argument)
    if "job" in answer:
        assert not (await editor.command("wait", job=answer["job"]))["cancelled"]
    return answer


async def shown(editor: Editor) -> Any:  # noqa: ANN401 - JSON
    return await editor.command("showRepairs", root=str(editor.root), nodeid=NODEID)


def value(text: str) -> int:
    """What the call gives with this text of rows.py."""
    (key,) = re.findall(r"return row\[(-?\d+)\]", text)
    return ast.literal_eval(ROW)[int(key)]


async def test_neither_by_a_button_sets_both_aside_and_applies_the_third(project: Path) -> None:
    """A client without an input box of its own has every answer, and is told how to write one itself."""
    editor = await opened(project)
    asked: list[lsp.ShowMessageRequestParams] = []
    presses = ["Write it myself", "Neither"]

    @editor.client.feature(lsp.WINDOW_SHOW_MESSAGE_REQUEST)  # pyright: ignore[reportUntypedFunctionDecorator]
    def ask(params: lsp.ShowMessageRequestParams) -> lsp.MessageActionItem:  # pyright: ignore[reportUnusedFunction]
        asked.append(params)
        return lsp.MessageActionItem(presses.pop(0))

    await done(editor, "repair", nodeid=NODEID)
    assert editor.edits == []
    assert f"darner fix {NODEID} --answer '[5, 6]'" in editor.client.messages[-1].message
    await done(editor, "repair", nodeid=NODEID)

    titles = [action.title for action in asked[0].actions or ()]
    assert titles[2:] == ["Neither", "Write it myself"]
    assert f"Which is right for {CALL}?" in asked[0].message
    assert len(asked) == 2
    (edit,) = editor.edits
    editor.apply(edit.edit)
    assert str(value(editor.texts["rows.py"])) not in {title[-1] for title in titles[:2]}
    assert await editor.leave() == 0


@pytest.mark.parametrize("name", ["vscode", "neovim"])
async def test_a_value_of_the_users_own_is_obeyed_and_offered_as_a_test(project: Path, name: str) -> None:
    """The whole way: question, bad text, own value, repair, test in the project's style."""
    editor = await opened(project, name)
    await done(editor, "repair", nodeid=NODEID, apply=False)
    question = (await shown(editor))["question"]
    outputs = {answer["output"] for answer in question["answers"]}
    (wanted,) = {"7", "8", "9"} - outputs

    refused = await done(editor, "answer", nodeid=NODEID, answer="pick(2)", apply=False)
    assert "'pick(2)' is no answer" in refused["refused"]
    chosen = await done(editor, "answer", nodeid=NODEID, answer=question["answers"][1]["output"], apply=False)
    assert chosen == {"repair": question["answers"][1]["repair"]}
    await done(editor, "answer", nodeid=NODEID, answer=wanted, apply=False)

    found = await shown(editor)
    assert found["question"] is None
    assert f"As you said: {CALL} gives {wanted}." in found["note"]
    with pytest.raises(JsonRpcException, match="No question about"):
        await done(editor, "answer", nodeid=NODEID, answer="neither")
    await done(editor, "applyRepair", nodeid=NODEID)
    editor.apply(editor.edits[-1].edit)
    assert str(value(editor.texts["rows.py"])) == wanted
    (keep,) = [a for a in await editor.actions("rows.py", 0) if a.title.startswith("Add as a test")]
    assert keep.title == f"Add as a test: {CALL} gives {wanted}"
    await editor.choose(keep)
    await until(lambda: len(editor.edits) == 2, "the test", 120)
    editor.apply(editor.edits[-1].edit)
    assert f"assert {CALL} == {wanted}" in editor.texts["test_rows.py"]
    assert await editor.leave() == 0


async def test_an_answer_chosen_by_its_code_action_is_remembered_until_it_is_undone(project: Path) -> None:
    """The next search asks no more; who takes the repair back is asked again."""
    editor = await opened(project)
    await done(editor, "repair", nodeid=NODEID, apply=False)
    question = (await shown(editor))["question"]

    actions = [action for action in await editor.actions("test_rows.py", LINE) if action.title.startswith("Answer: ")]
    assert [action.title.split(CALL)[1][:7] for action in actions] == [" gives ", " gives ", "; look ", " should"]
    before = editor.texts["rows.py"]
    await editor.choose(actions[1])
    given = str(value(editor.texts["rows.py"]))
    assert given == question["answers"][1]["output"]

    await done(editor, "repair", nodeid=NODEID, apply=False)  # of what was saved
    assert (await shown(editor))["question"] is None
    assert f"As you said: {CALL} gives {given}." in (await shown(editor))["note"]

    await done(editor, "undo")
    editor.apply(editor.edits[-1].edit)
    assert editor.texts["rows.py"] == before
    await done(editor, "repair", nodeid=NODEID, apply=False)
    assert (await shown(editor))["question"] == question
    assert await editor.leave() == 0
