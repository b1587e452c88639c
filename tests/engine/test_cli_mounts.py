"""Read-only folders and full disks, made with bubblewrap so that even root meets them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_runner import CART, Bench
from darner.sandbox.bubblewrap import Bubblewrap

_TROUBLE = Bubblewrap().examine().trouble
pytestmark = pytest.mark.skipif(bool(_TROUBLE), reason=_TROUBLE)
EVERYTHING = ("bwrap", "--dev-bind", "/", "/")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path).write(CART)


@pytest.mark.slow
def test_apply_in_a_read_only_folder_says_so(bench: Bench) -> None:
    """The repair is shown; that it could not be written is an environment error, and nothing is half written."""
    before = bench.snapshot()
    bench.around = (*EVERYTHING, "--ro-bind", str(bench.root), str(bench.root), "--")

    ended = bench.fix("--apply")

    assert ended.code == 3, ended
    assert "nothing was changed" in ended.err
    assert "repaired" in ended.out
    assert bench.snapshot() == before


def test_a_full_disk_is_named_with_its_free_space(bench: Bench) -> None:
    """The copy does not fit: one sentence with numbers and the next step, and no half copy stays."""
    bench.write({"data.bin": b"x" * 1_000_000})
    bench.around = (*EVERYTHING, "--size", "300000", "--tmpfs", str(bench.tmp), "--")

    ended = bench.fix()

    assert ended.code == 3, ended
    assert "No room for a copy" in ended.err
    assert "TMPDIR" in ended.err
