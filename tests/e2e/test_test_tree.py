"""What a client with a test tree and a status item is told, and that nobody else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from editor import SCRIPTED, Editor, heard

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("error::pytest_lsp.LspSpecificationWarning")]

NODEID = "test_cart.py::test_total"
FEED = {"darner": True}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "unit").mkdir(parents=True)
    (root / ".venv").mkdir()
    (root / ".venv" / "test_hidden.py").write_text("def test_hidden(): ...\n")
    (root / "pyproject.toml").write_text("")
    (root / "cart.py").write_text("def total(a, b):\n    return a + b if a < b else 0\n")
    (root / "test_cart.py").write_text("from cart import total\n\n\ndef test_total():\n    assert total(2, 2) == 4\n")
    (root / "unit" / "price_test.py").write_text("class TestPrice:\n    async def test_tax(self): ...\n")
    return root


async def test_tests_are_listed_without_trust_and_without_running_anything(project: Path) -> None:
    """A tree must be there before the user trusts the project; reading files is harmless."""
    (project / "test_cart.py").write_text("raise SystemExit\n\n\ndef test_total(): ...\n")
    editor = await Editor.start(project, server=SCRIPTED, experimental=FEED)
    told = heard(editor, "darner/testTree")

    await editor.command("wait", **await editor.command("testTree"))

    ((_, found),) = told
    assert (found.root, found.complete) == (str(project), False)
    assert [(test.id, test.uri, test.line, test.name, list(test.parents)) for test in found.tests] == [
        (NODEID, editor.uri("test_cart.py"), 3, "test_total", ["test_cart.py"]),
        (
            "unit/price_test.py::TestPrice::test_tax",
            editor.uri("unit/price_test.py"),
            1,
            "test_tax",
            ["unit/price_test.py", "TestPrice"],
        ),
    ]
    assert await editor.leave() == 0


async def test_a_run_is_told_from_its_begin_to_its_end_with_the_compared_values(project: Path) -> None:
    """A test tree shows the difference of expected and actual, on the line that compares them."""
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True}, experimental=FEED)
    told = heard(editor, "darner/testRun", "darner/testResult")

    job = await editor.command("runTests", root=str(project), nodeids=[NODEID])
    await editor.command("wait", **job)

    assert [name for name, _ in told] == ["darner/testRun", "darner/testResult", "darner/testRun"]
    (_, began), (_, result), (_, ended) = told
    assert (began.state, list(began.tests), ended.state) == ("started", [NODEID], "ended")
    assert ended.outcome == "1 run, 1 failed"
    assert {began.job, result.job, ended.job} == {job["job"]}
    assert (result.id, result.outcome, result.uri, result.line) == (NODEID, "failed", editor.uri("test_cart.py"), 3)
    assert (result.at.line, result.expected, result.actual) == (4, "3", "2")
    assert await editor.leave() == 0


async def test_coverage_is_told_before_the_end_of_the_run_that_asked_for_it(project: Path) -> None:
    """An editor attaches it to the run, which must still be open; other runs are not burdened with it."""
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True}, experimental=FEED)
    told = heard(editor, "darner/testRun", "darner/testResult", "darner/testCoverage")

    await editor.command("wait", **await editor.command("runTests", root=str(project)))
    await editor.command("wait", **await editor.command("runTests", root=str(project), coverage=True))

    plain = ["darner/testRun", "darner/testResult", "darner/testRun"]
    assert [name for name, _ in told] == [*plain, *plain[:2], "darner/testCoverage", plain[2]]
    (file,) = told[-2][1].files
    (statement,) = file.statements
    assert (file.uri, statement.line, statement.endLine, statement.tests) == (editor.uri("cart.py"), 1, 1, 1)
    assert told[-2][1].job == told[-1][1].job
    assert await editor.leave() == 0


async def test_the_status_says_what_runs_and_that_it_ended(project: Path) -> None:
    """A status item needs no polling."""
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True}, experimental=FEED)
    told = heard(editor, "darner/status")

    await editor.command("wait", **await editor.command("runTests", root=str(project)))
    answered = await editor.command("showStatus")

    assert answered["engine"] == "running"
    assert answered["model"] == "scripted"
    assert answered["jobs"] == []
    assert [project["failing"] for project in answered["projects"]] == [[NODEID]]
    first, *_, last = (list(params.jobs) for _, params in told)
    assert ([job.title for job in first], last) == (["Run tests"], [])
    assert await editor.leave() == 0


async def test_a_client_that_did_not_ask_is_told_nothing_of_its_own(project: Path) -> None:
    """Custom messages are comfort: a client that does not know them must not get them."""
    editor = await Editor.start(project, server=SCRIPTED, options={"trust": True})
    told = heard(editor, "darner/testTree", "darner/testRun", "darner/testResult", "darner/status")

    await editor.command("wait", **await editor.command("runTests", root=str(project)))
    await editor.command("wait", **await editor.command("testTree"))
    await editor.command("showStatus")

    assert told == []
    assert await editor.leave() == 0
