"""The protocol's types are the same whether attrs compiled them now or at an earlier start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from darner.lsp.protocol_types import Compiled

USES_THEM = """
from darner.lsp import protocol_types
known = protocol_types.Compiled.save
protocol_types.Compiled.save = lambda compiled: (print("saves"), known(compiled))
protocol_types.import_types()
from lsprotocol import types as lsp
here = lsp.Position(1, 2)
print(here, here == lsp.Position(1, 2), here < lsp.Position(3, 0), lsp.Range(here, here))
"""


def started(prefix: Path) -> list[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-P", "-c", USES_THEM]
    done = subprocess.run(
        command, env=environment | {"PYTHONPYCACHEPREFIX": str(prefix)}, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def evaluated(compiled: Compiled, text: str) -> object:
    found: dict[str, object] = {}
    exec(compiled.compile(text, "<made>", "exec"), found)
    return found["value"]


def test_a_second_start_compiles_nothing_and_has_the_same_types(tmp_path: Path) -> None:
    """An editor waits for the start every time it opens a window."""
    first, second = started(tmp_path), started(tmp_path)

    assert first == ["saves", *second]
    assert second == ["1:2 True True 1:2-1:2"]


def test_another_text_under_a_known_name_is_compiled_anew(tmp_path: Path) -> None:
    """An upgrade of a library must not run yesterday's methods."""
    before = Compiled(tmp_path / "kept")
    evaluated(before, "value = 1")
    before.save()
    after = Compiled(tmp_path / "kept")

    assert (evaluated(after, "value = 1"), after.new) == (1, 0)
    assert (evaluated(after, "value = 2"), after.new) == (2, 1)


@pytest.mark.parametrize("harm", [b"", b"x", b"x" * 60])
def test_what_is_not_whole_is_not_used(tmp_path: Path, harm: bytes) -> None:
    """A disk may be full; the server has to start all the same."""
    before = Compiled(tmp_path / "kept")
    evaluated(before, "value = 1")
    before.save()
    (tmp_path / "kept").write_bytes(harm + (tmp_path / "kept").read_bytes()[len(harm) : -1])
    after = Compiled(tmp_path / "kept")

    assert (evaluated(after, "value = 1"), after.new) == (1, 1)


def test_a_place_that_may_not_be_written_is_no_obstacle(tmp_path: Path) -> None:
    """As in an environment that belongs to the system."""
    compiled = Compiled(tmp_path / "none" / "kept")

    assert evaluated(compiled, "value = 1") == 1
    compiled.save()
