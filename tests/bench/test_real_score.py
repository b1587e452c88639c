"""An offered repair of a real task is right only when everything that passes in the release passes with it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import real_fix
import real_sdists
from darner.engine.patch import unified_diff
from darner.engine.types import FileChange, Patch
from real_fix import Laid
from real_score import best_of, judged
from real_table import NOT_SCORED, Row
from real_tasks import Hunk, Release, Task, Whole, digest

GOOD, BAD = b"def total(a, b):\n    return a + b\n", b"def total(a, b):\n    return a - b\n"
OTHER = b"LIMIT = 1\n"
ROW = Row("shop/1/shop.py:2", "c", "repaired", 1)


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """A release in the cache."""
    cache = tmp_path / "cache"
    cache.mkdir()
    with tarfile.open(cache / "shop-1.tar.gz", "w:gz") as packed:
        for name, text in (("shop-1/shop.py", GOOD), ("shop-1/other.py", OTHER)):
            told = tarfile.TarInfo(name)
            told.size = len(text)
            packed.addfile(told, io.BytesIO(text))
    monkeypatch.setattr(real_sdists, "CACHE", cache)
    monkeypatch.setattr(real_fix, "shared_environment", lambda: Path("python"))
    one = Release("shop", "1", "shop-1.tar.gz", digest((cache / "shop-1.tar.gz").read_bytes()))
    return Task(ROW.task, one, one, Hunk("shop.py", (2, 1), (2, 1)), digest(BAD), ("t::a",), Whole(3, (), 1.0))


@pytest.fixture
def laid(task: Task, tmp_path: Path) -> Laid:
    root = real_fix.as_published(task, tmp_path / "task")
    (root / "shop.py").write_bytes(BAD)
    return Laid(root, Path("python"), GOOD, BAD)


def offered(*changes: FileChange) -> Row:
    return Row(ROW.task, "c", "repaired", 1, patch=unified_diff(Patch(changes)))


def runs(laid: Laid, *passing: str) -> Iterator[tuple[bytes, bytes, frozenset[str]]]:
    """What the suite finds in turn, with what stood there."""
    for names in passing:
        yield (laid.root / "shop.py").read_bytes(), (laid.root / "other.py").read_bytes(), frozenset(names.split())


FIXED = FileChange("shop.py", BAD, GOOD)


def test_a_repair_is_held_against_the_release_and_not_against_what_it_left_there(task: Task, laid: Laid) -> None:
    """A patch of two files would otherwise be compared with a release that holds half of it."""
    suite = runs(laid, "t::a t::b", "t::a t::b t::c", "t::a t::b t::c", "t::a t::b")
    seen: list[tuple[bytes, bytes]] = []

    def passing() -> frozenset[str]:
        shop, other, names = next(suite)
        seen.append((shop, other))
        return names

    row = judged(task, laid, offered(FIXED, FileChange("other.py", OTHER, b"LIMIT = 2\n")), passing)

    assert seen == [(GOOD, b"LIMIT = 2\n"), (GOOD, OTHER), (GOOD, OTHER), (GOOD, b"LIMIT = 2\n")]
    assert (row.plausible, row.correct, row.same, row.note) == (True, False, "text", "1 tests of the suite fail: t::c")


@pytest.mark.parametrize("release", ["t::a", "t::b t::c t::d", ""])
def test_two_broken_runs_are_no_proof(task: Task, laid: Laid, release: str) -> None:
    """A suite that does not run loses nothing, whatever the patch is."""
    suite = runs(laid, release, release)

    row = judged(task, laid, offered(FIXED), lambda: next(suite)[2])

    assert (row.plausible, row.correct, row.status) == (False, False, NOT_SCORED)


def test_a_repair_with_which_all_passes_is_correct(task: Task, laid: Laid) -> None:
    """The one way to be counted."""
    suite = runs(laid, "t::a t::b t::c", "t::a t::b t::c")
    assert judged(task, laid, offered(FIXED), lambda: next(suite)[2]).correct


def test_the_repair_that_cures_most_is_the_one_that_is_judged() -> None:
    """A person who is offered one for each failing test takes that; without any, the first report tells why."""
    none, part, whole = ({"patch": text, "verified": {"still_failing": left}} for text, left in (
        (None, []), ("one", ["t::b"]), ("two", []),
    ))  # fmt: skip
    assert best_of([none, part, whole]) == 2
    assert best_of([none, none]) == 0


def test_a_patch_that_does_not_apply_is_an_error_of_the_tool(task: Task, laid: Laid) -> None:
    """It must neither end the run nor be taken for a repair."""
    row = judged(task, laid, offered(FileChange("shop.py", b"x\n", b"y\n")), frozenset)
    assert (row.status, row.plausible) == ("error", False)


@pytest.mark.parametrize(("release", "repaired"), [("t::a t::b", "t::a t::b"), ("t::a t::b t::c", "t::a t::b t::c")])
def test_a_test_that_passes_by_chance_decides_nothing(task: Task, laid: Laid, release: str, repaired: str) -> None:
    """It failed once with the repair: it has to do so again, and to pass in the release again."""
    suite = runs(laid, "t::a t::b", "t::a t::b t::c", release, repaired)
    assert judged(task, laid, offered(FIXED), lambda: next(suite)[2]).correct
