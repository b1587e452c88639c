"""Of many uncommitted hunks, the ones that did it are found exactly, in few runs."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from darner.engine import search
from darner.engine.case import open_case
from darner.engine.config import Budget
from darner.engine.culprit import OutOfTries, culprits, ddmin, least
from darner.engine.events import Done
from darner.engine.evidence import gather
from darner.engine.history import Edits, Hunk, lines_of, uncommitted
from darner.engine.loop import repair
from darner.engine.stop import Stop
from darner.engine.suite import run_suite
from darner.sandbox.session import open_session
from hypothesis import given
from hypothesis import strategies as st


def hunks(count: int) -> tuple[Hunk, ...]:
    return tuple(Hunk("a.py", 2 * i, 2 * i + 1, (b"old\n",)) for i in range(count))


@given(st.integers(1, 40), st.data())
def test_ddmin_finds_exactly_the_guilty_hunks(count: int, data: st.DataObject) -> None:
    """Whatever set is needed together, the answer is that set: nothing more is taken back."""
    every = hunks(count)
    guilty = data.draw(st.sets(st.sampled_from(every), min_size=1, max_size=3))

    assert set(ddmin(every, lambda chosen: guilty <= set(chosen))) == guilty
    assert set(least(every, lambda chosen: guilty <= set(chosen))) == guilty


@given(st.integers(1, 12), st.data())
def test_what_is_found_is_minimal_even_where_more_edits_may_hurt(count: int, data: st.DataObject) -> None:
    """Edits may depend on each other in any way: the answer passes, and no single edit of it can be left out."""
    every = hunks(count)
    passing = data.draw(st.sets(st.frozensets(st.sampled_from(every)), max_size=20)) | {frozenset(every)}

    found = least(every, lambda chosen: frozenset(chosen) in passing)

    assert frozenset(found) in passing
    assert len(found) == 1 or all(frozenset(found) - {hunk} not in passing for hunk in found)


@pytest.mark.parametrize("seed", range(20))
def test_one_guilty_hunk_is_found_in_few_runs(seed: int) -> None:
    """Every run is a run of the user's tests: 3 log2 n + n of them are the bound of issue 4."""
    chance = random.Random(seed)
    every = hunks(chance.randint(2, 64))
    guilty = chance.choice(every)
    runs = 0

    def passes(chosen: Sequence[Hunk]) -> bool:
        nonlocal runs
        runs += 1
        return guilty in chosen

    assert least(every, passes) == (guilty,)
    assert runs <= 3 * math.log2(len(every)) + len(every)


@pytest.mark.parametrize(
    ("hunk", "needed"),
    [
        (Hunk("a.py", 1, 4, (b"x\n", b"y\n", b"z\n")), 1),
        (Hunk("a.py", 1, 4, ()), 2),
        (Hunk("a.py", 2, 2, (b"x\n", b"y\n", b"z\n")), 2),
    ],
)
def test_of_a_long_hunk_only_the_guilty_line_is_taken_back(hunk: Hunk, needed: int) -> None:
    """A hunk is where edits happen to touch; the lines beside the guilty one stay as the user wants them."""
    edits = Edits((hunk,), {"a.py": b"a\nb\nc\nd\ne\n"})
    goal = edits.revert([lines_of(hunk)[needed]]).files[0].after

    def passes(chosen: Sequence[Hunk]) -> bool:
        return hunk in chosen or lines_of(hunk)[needed] in chosen

    found = culprits(edits, passes)

    assert found is not None
    assert found.patch.files[0].after == goal
    assert edits.revert(lines_of(hunk)).files[0].after == edits.revert([hunk]).files[0].after


def git(root: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_bytes(b"".join(b"line_%d = %d\r\n" % (i, i) for i in range(30)))
    (tmp_path / "test_a.py").write_text("x = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


@pytest.mark.parametrize("seed", range(5))
def test_taking_every_hunk_back_gives_the_committed_bytes(repository: Path, seed: int) -> None:
    """A reversal is exact to the byte, CRLF included; the other hunks stay as they are."""
    chance = random.Random(seed)
    committed = (repository / "a.py").read_bytes()
    lines = committed.splitlines(keepends=True)
    for i in sorted(chance.sample(range(30), 6), reverse=True):
        lines[i : i + 1] = chance.choice([[], [b"changed = 1\r\n"], [lines[i], b"added = 2\r\n"]])
    (repository / "a.py").write_bytes(b"".join(lines))

    edits = uncommitted(repository)

    assert edits.hunks
    assert edits.revert(edits.hunks).files[0].after == committed
    one = edits.revert(edits.hunks[:1]).files[0].after
    assert one != committed or len(edits.hunks) == 1


@pytest.mark.parametrize(("kept", "checked_out"), [(b"\n", b"\r\n"), (b"\r\n", b"\n")])
def test_a_tree_with_other_line_ends_than_the_commit_keeps_its_own(
    repository: Path, kept: bytes, checked_out: bytes
) -> None:
    """With `eol=crlf` or `core.autocrlf` every line of the two differs; only the edited one is taken back."""
    lines = [b"line_%d = %d" % (i, i) for i in range(30)]
    (repository / "a.py").write_bytes(kept.join([*lines, b""]))
    git(repository, "commit", "--allow-empty", "-qam", "second")
    (repository / "a.py").write_bytes(checked_out.join([*lines[:7], b"line_7 = 0", *lines[8:], b""]))

    edits = uncommitted(repository)

    assert [hunk.place for hunk in edits.hunks] == ["a.py:8"]
    assert edits.revert(edits.hunks).files[0].after == checked_out.join([*lines, b""])


@given(st.integers(2, 12), st.integers(0, 12), st.data())
def test_what_is_said_to_have_done_it_is_minimal_or_nothing_however_few_the_tries(
    count: int, most: int, data: st.DataObject
) -> None:
    """An edit that was never left out by itself must not be told as guilty."""
    edits = Edits(hunks(count), {"a.py": b"new\n" * 2 * count})
    guilty = data.draw(st.sets(st.sampled_from(edits.hunks), min_size=1, max_size=3))
    runs = 0

    def passes(chosen: Sequence[Hunk]) -> bool:
        nonlocal runs
        runs += 1
        if runs > most:
            raise OutOfTries
        return guilty <= set(chosen)

    try:
        found = culprits(edits, passes)
    except OutOfTries:
        return
    assert found is not None
    assert found.patch == edits.revert(guilty)


def test_a_search_for_the_guilty_edit_that_ends_early_blames_none(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of tries is not the same as "does not pass without this edit"."""
    (repository / "test_a.py").write_text("import a\n\n\ndef test_it():\n    assert a.line_3 == 3\n")
    git(repository, "commit", "-qam", "second")
    text = (repository / "a.py").read_bytes()
    (repository / "a.py").write_bytes(
        text.replace(b"line_3 = 3", b"line_3 = 4").replace(b"line_20 = 20", b"line_20 = 0")
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(repository.parent / "cache"))
    with open_session(repository, Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        case = open_case(session, suite, gather(session, suite, suite.failing[0], Stop()))
        found = search.reversal(case, Stop())
        monkeypatch.setattr(search, "_MOST_REVERTS", 1)
        hurried = search.reversal(case, Stop())

    assert found is not None
    assert found.patch.files[0].after == text.replace(b"line_20 = 20", b"line_20 = 0")
    assert hurried is None


@pytest.mark.parametrize("edited", [b"def renamed():\n    return 3\n", b"def three():\n    return 3\n\n\nthree(4)\n"])
def test_an_edit_with_which_a_test_file_cannot_be_imported_is_taken_back(repository: Path, edited: bytes) -> None:
    """The file stands for its tests, and they pass again; there is nothing of its own name to pass."""
    good = b"def three():\n    return 3\n"
    (repository / "b.py").write_bytes(good)
    (repository / "test_b.py").write_text("from b import three\n\n\ndef test_it():\n    assert three() == 3\n")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "second")
    (repository / "b.py").write_bytes(edited)

    with open_session(repository, Path(sys.executable), trusted=True) as session:
        suite = run_suite(session, (), Stop())
        *_, done = repair(session, suite, "test_b.py", None, Budget("test", 60.0, samples=0, rounds=0), Stop())

    assert isinstance(done, Done)
    assert [each.candidate.patch.files[0].after.rstrip() for each in done.report.repairs[:1]] == [good.rstrip()]


def test_edits_of_tests_are_never_offered_for_reversal(repository: Path) -> None:
    """Fix the code, not the test: an edited test is the user's new demand."""
    (repository / "test_a.py").write_text("x = 2\n")

    assert uncommitted(repository).hunks == ()


def test_a_folder_without_git_has_no_edits(tmp_path: Path) -> None:
    """Not a repository is no error: there is just nothing to take back."""
    (tmp_path / "a.py").write_text("x = 1\n")

    assert uncommitted(tmp_path).hunks == ()
    assert culprits(Edits((), {}), lambda chosen: True) is None
