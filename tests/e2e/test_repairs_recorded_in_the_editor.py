"""What weights may learn from: a repair that the editor's user applied, or took back, is in the trace of its run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from darner.engine import replay
from darner.engine.replay import Recording
from editor import Editor, until

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("error::pytest_lsp.LspSpecificationWarning")]

CART = "def total(prices):\n    result = 0\n    for price in prices:\n        result -= price\n    return result\n"
TESTS = "from cart import total\n\n\ndef test_total():\n    assert total([19, 23]) == 42\n"
NODEID = "test_cart.py::test_total"


async def test_a_trace_of_the_editor_says_what_the_user_made_of_the_repair(tmp_path: Path) -> None:
    """Nothing is written while recording is off; then one run is one file, and decisions come behind its end."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "cart.py").write_text(CART)
    (root / "test_cart.py").write_text(TESTS)
    state = tmp_path / "state" / "darner"
    editor = await Editor.start(root, options={"trust": True, "model": "none"})
    editor.open("cart.py")

    await _repaired(editor, apply=False)
    assert list(state.glob("traces/*")) == []

    state.mkdir(parents=True, exist_ok=True)
    (state / "trace.json").write_text('{"on": true}')
    await _repaired(editor, apply=True)
    await until(lambda: len(_decisions(state)) == 1, "the decision")
    editor.apply(editor.edits[0].edit)
    editor.save("cart.py")
    await editor.command("wait", **await editor.command("undo", root=str(root)))
    await until(lambda: len(_decisions(state)) == 2, "the decision to undo")

    (recording,) = _recordings(state)
    assert (recording.ended, recording.start["nodeids"]) == ("finished", [NODEID])
    (report,) = recording.reports
    after = hashlib.sha256(report.repairs[0].candidate.patch.files[0].after).hexdigest()
    assert _decisions(state) == [(NODEID, True, {"cart.py": after}), (NODEID, False, {"cart.py": after})]
    assert await editor.leave() == 0


async def _repaired(editor: Editor, *, apply: bool) -> None:
    job = await editor.command("repair", nodeid=NODEID, root=str(editor.root), apply=apply)
    await editor.command("wait", **job)


def _recordings(state: Path) -> list[Recording]:
    return [replay.read(path) for path in state.glob("traces/*.jsonl")]


def _decisions(state: Path) -> list[tuple[str, bool, dict[str, str]]]:
    rows = (row for recording in _recordings(state) for row in recording.rows if row["kind"] == "decision")
    return [(row["nodeid"], row["applied"], row["after"]) for row in rows]
