"""The main job from a bare client: a failing test becomes a verified repair, over stdio, with the real engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from editor import PROFILES, Editor, until
from pygls.exceptions import JsonRpcException

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("error::pytest_lsp.LspSpecificationWarning")]

CART = (
    "def total(prices):\r\n"
    "    result = 0\r\n"
    "    for i in range(len(prices)):\r\n"
    "        sign = '🛒𐐀'; result -= prices[i]  # Ω\r\n"
    "    return result"
)
TESTS = """\
from cart import total


def test_total():
    basket = [19, 23]
    assert total(basket) == 42


def test_nothing_costs_nothing():
    assert total([]) == 0
"""
LINE = 5
NODEID = "test_cart.py::test_total"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """CR LF, no final newline, and characters beyond the basic plane on the line that is wrong."""
    root = tmp_path / "laden mit Ümlaut"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (root / "cart.py").write_bytes(CART.encode())
    (root / "test_cart.py").write_text(TESTS, encoding="utf-8")
    return root


@pytest_asyncio.fixture(
    params=["vscode", *(pytest.param(name, marks=pytest.mark.slow) for name in sorted({*PROFILES} - {"vscode"}))]
)
async def editor(request: pytest.FixtureRequest, project: Path) -> AsyncGenerator[Editor]:
    editor = await Editor.start(project, request.param, options={"budget": 240, "model": "none"})
    editor.open("cart.py")
    editor.open("test_cart.py")
    yield editor
    assert await editor.leave() == 0


async def test_a_failing_test_becomes_a_verified_repair(editor: Editor) -> None:
    """Trust, run, diagnostic, hover, repair, edit, save, clean: nothing but standard messages and one notification."""
    with pytest.raises(JsonRpcException, match="darner trust"):
        await editor.command("runTests", uri=editor.uri("test_cart.py"))
    assert (await editor.command("showStatus"))["engine"] == "not started"

    editor.trust()
    assert (await editor.command("runTests", uri=editor.uri("test_cart.py")))["job"]
    (found,) = await until(lambda: editor.diagnostics("test_cart.py"), "the diagnostic")
    assert (found.range.start.line, found.code, found.source) == (LINE, NODEID, "darner")
    assert "got -42, expected 42" in found.message
    assert "got -42, expected 42" in await editor.hover("test_cart.py", LINE)
    assert "basket = [19, 23]" in await editor.hover("test_cart.py", LINE)

    await editor.command("repair", nodeid=NODEID, uri=editor.uri("test_cart.py"))
    await until(lambda: editor.edits or editor.client.messages, "workspace/applyEdit", seconds=280)
    assert [message.message for message in editor.client.messages] == []
    assert "passes test_total; 1 of 1 others still pass" in str(editor.edits[0].label)
    assert "Repair ready" in await editor.hover("test_cart.py", LINE)
    editor.apply(editor.edits[0].edit)
    assert editor.texts["cart.py"] == CART.replace("-=", "+=")

    editor.save("cart.py")
    await until(lambda: _clean(editor), "the diagnostics to go")
    assert (editor.root / "cart.py").read_bytes() == CART.replace("-=", "+=").encode()
    assert len(editor.edits) == 1


async def _clean(editor: Editor) -> bool:
    return await editor.diagnostics("test_cart.py") == []
