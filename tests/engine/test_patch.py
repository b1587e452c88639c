"""Patches on a real disk: whole or not at all, exact, and undone to the byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from darner.engine import undo
from darner.engine.errors import BadEnvironment, BadInput
from darner.engine.patch import apply, changed_lines, edit_distance, invert, unified_diff
from darner.engine.types import FileChange, Patch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def _patch(*changes: tuple[str, bytes, bytes]) -> Patch:
    return Patch(tuple(FileChange(*c) for c in changes))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_applying_and_undoing_gives_the_original_bytes(tmp_path: Path, before: bytes, after: bytes) -> None:
    """`darner undo` is exact for any bytes."""
    file = tmp_path / "a b é.py"
    file.write_bytes(before)
    patch = _patch(("a b é.py", before, after))
    apply(tmp_path, patch)
    assert file.read_bytes() == after
    apply(tmp_path, invert(patch))
    assert file.read_bytes() == before


def test_mode_bits_survive_and_nothing_else_appears(tmp_path: Path) -> None:
    """A script stays executable, and no temporary file is left."""
    file = tmp_path / "run.py"
    file.write_bytes(b"a")
    file.chmod(0o750)
    apply(tmp_path, _patch(("run.py", b"a", b"b")))
    assert file.stat().st_mode & 0o7777 == 0o750
    assert os.listdir(tmp_path) == ["run.py"]


def test_a_file_that_changed_since_stops_the_whole_patch(tmp_path: Path) -> None:
    """The user's newer text wins over an older repair, and over all of it."""
    (tmp_path / "a.py").write_bytes(b"1")
    (tmp_path / "b.py").write_bytes(b"edited")
    with pytest.raises(BadInput, match=r"b\.py changed since"):
        apply(tmp_path, _patch(("a.py", b"1", b"2"), ("b.py", b"1", b"2")))
    assert (tmp_path / "a.py").read_bytes() == b"1"


def test_a_failure_midway_restores_what_was_written(tmp_path: Path) -> None:
    """Half a repair is worse than none: the second file's folder vanished, the first is put back."""
    (tmp_path / "a.py").write_bytes(b"1")
    patch = _patch(("a.py", b"1", b"2"), ("gone/b.py", b"", b"2"))
    with pytest.raises(BadEnvironment, match="nothing was changed"):
        apply(tmp_path, patch)
    assert (tmp_path / "a.py").read_bytes() == b"1"
    assert os.listdir(tmp_path) == ["a.py"]


def test_a_failure_midway_removes_what_was_made(tmp_path: Path) -> None:
    """An empty `test_new.py` would be left, and collected."""
    with pytest.raises(BadEnvironment, match="nothing was changed"):
        apply(tmp_path, _patch(("test_new.py", b"", b"1"), ("gone/b.py", b"", b"2")))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("path", ["../out.py", "/etc/passwd", "a/../../out.py", "", "nul\0.py"])
def test_a_path_that_leaves_the_project_is_refused(tmp_path: Path, path: str) -> None:
    """Whatever a model writes, only the project is edited."""
    with pytest.raises(BadInput):
        apply(tmp_path, _patch((path, b"", b"x")))


def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    """The link may lead to another project, or home."""
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (outside / "a.py").write_bytes(b"1")
    (root / "a.py").symlink_to(outside / "a.py")
    (root / "folder").symlink_to(outside)
    for path in ("a.py", "folder/a.py"):
        with pytest.raises(BadInput, match="leads out of"):
            apply(root, _patch((path, b"1", b"2")))
    assert (outside / "a.py").read_bytes() == b"1"


def test_a_link_inside_the_project_stays_a_link(tmp_path: Path) -> None:
    """The file behind it changes; a replaced link would split the two."""
    (tmp_path / "real.py").write_bytes(b"1")
    (tmp_path / "link.py").symlink_to("real.py")
    apply(tmp_path, _patch(("link.py", b"1", b"2")))
    assert (tmp_path / "link.py").is_symlink()
    assert (tmp_path / "real.py").read_bytes() == b"2"


def test_one_file_named_twice_is_refused(tmp_path: Path) -> None:
    """The second change would overwrite the first."""
    (tmp_path / "a.py").write_bytes(b"1")
    with pytest.raises(BadInput, match="twice"):
        apply(tmp_path, _patch(("a.py", b"1", b"2"), ("./a.py", b"1", b"3")))


def test_a_diff_shows_only_the_changed_line_with_its_context() -> None:
    """What the user reviews."""
    before = b"".join(b"line %d\n" % i for i in range(1, 21))
    text = unified_diff(_patch(("pkg/a.py", before, before.replace(b"line 9\n", b"line nine\n"))))
    assert text.startswith("--- a/pkg/a.py\n+++ b/pkg/a.py\n@@ -6,7 +6,7 @@\n line 6\n")
    assert "\n-line 9\n+line nine\n" in text


def test_a_diff_is_coloured_only_on_request() -> None:
    """JSON output and pipes must stay plain."""
    patch = _patch(("a.py", b"a\n", b"b\n"))
    assert "\x1b" not in unified_diff(patch)
    assert "\x1b[31m-a\x1b[0m\n\x1b[32m+b\x1b[0m\n" in unified_diff(patch, color=True)


def test_a_diff_says_when_the_final_newline_is_missing() -> None:
    """As `diff` and `git` do, so that `patch` can read it."""
    assert unified_diff(_patch(("a.py", b"a", b"b\n"))).endswith("-a\n\\ No newline at end of file\n+b\n")


def test_a_latin_1_file_is_shown_by_its_own_encoding() -> None:
    """Not with replacement signs."""
    before = "# coding: latin-1\nx = 'é'\n".encode("latin-1")
    assert "-x = 'é'" in unified_diff(_patch(("a.py", before, before.replace(b"x", b"y"))))


def test_edit_sizes_order_small_before_large() -> None:
    """The smallest verified edit is offered first."""
    before = b"def f(a, b):\n    return a < b\n"
    small = _patch(("a.py", before, before.replace(b"<", b"<=")))
    large = _patch(("a.py", before, b"def f(a, b):\n    return not (b < a or a is None)\n"))
    assert (changed_lines(small), edit_distance(small)) == (2, 1)
    assert changed_lines(large) == 2
    assert edit_distance(large) > 10
    assert edit_distance(_patch(("a.py", before, before))) == 0


def test_the_size_of_a_small_edit_in_a_long_file_is_found_at_once() -> None:
    """A 10,000-line file has to cost no more than its changed line; quadratic work would hang here."""
    before = b"x = 1\n" * 10_000
    after = before[:30_000] + b"y = 2\n" + before[30_000:]
    assert changed_lines(_patch(("a.py", before, after))) == 1


def test_undoing_a_patch_removes_what_it_made_and_keeps_what_was_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was not there and one that was empty hold the same bytes, none."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    root = tmp_path / "project"
    root.mkdir()
    (root / "empty.py").touch()

    undo.apply(root, _patch(("empty.py", b"", b"1"), ("test_new.py", b"", b"2")), "test of f")
    undo.undo(root)

    assert [(file.name, file.read_bytes()) for file in root.iterdir()] == [("empty.py", b"")]
