"""Several repairs as one patch."""

from __future__ import annotations

from darner.engine.combine import combine
from darner.engine.types import FileChange, Patch

BEFORE = b"one\r\ntwo\r\nthree\r\nfour\r\nfive"


def patch(old: bytes, new: bytes, path: str = "a.py") -> Patch:
    return Patch((FileChange(path, BEFORE, BEFORE.replace(old, new)),))


def test_changes_of_different_lines_are_both_made() -> None:
    """Two repairs of one file are the usual case; line ends stay."""
    whole = combine([patch(b"two", b"2"), patch(b"five", b"5")])

    assert whole is not None
    assert [change.after for change in whole.files] == [b"one\r\n2\r\nthree\r\nfour\r\n5"]


def test_the_same_change_twice_is_one_change() -> None:
    """Two tests are often repaired by the same patch."""
    assert combine([patch(b"two", b"2"), patch(b"two", b"2")]) == patch(b"two", b"2")


def test_different_changes_of_one_line_are_a_conflict() -> None:
    """Neither may be lost silently."""
    assert combine([patch(b"two", b"2"), patch(b"two", b"zwei")]) is None


def test_neighbouring_lines_are_a_conflict() -> None:
    """Where two edits touch, their order matters and nobody knows it."""
    assert combine([patch(b"two", b"2"), patch(b"three", b"3")]) is None


def test_insertions_at_the_start_by_two_patches_are_a_conflict() -> None:
    """The first byte is a place like any other."""
    assert combine([patch(b"one", b"a\r\none"), patch(b"one", b"b\r\none")]) is None


def test_files_are_kept_apart() -> None:
    """Each path has its own bytes."""
    whole = combine([patch(b"two", b"2"), patch(b"two", b"2", "b.py")])

    assert whole is not None
    assert [change.path for change in whole.files] == ["a.py", "b.py"]
