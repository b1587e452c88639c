"""A stage's output is whole or absent, is not made twice, and goes on where it was interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from darner.engine.errors import BadEnvironment, BadInput
from darner.engine.stop import Stop
from darner.training.store import Batch, Stage, finished, read_seeds, run_stage
from darner.training.types import Seed


def seed(number: int) -> Seed:
    return Seed(f"{number:016x}", "f", "def f(a):\n    'é'\n    return a\n", "é", 0, "m.py", number, "MIT")


def stage(tmp_path: Path, **settings: int) -> Stage:
    return Stage("seeds", {"in": "0" * 64}, settings, tmp_path / "out.jsonl")


def work(number: int) -> Batch:
    return Batch((seed(number),), {"odd": 1} if number % 2 else {})


def test_a_finished_stage_leaves_its_records_and_an_account_of_them(tmp_path: Path) -> None:
    """The manifest is what a later reader has to judge the data by."""
    manifest = run_stage(stage(tmp_path), range(3), work, Stop())

    assert read_seeds(tmp_path / "out.jsonl") == (seed(0), seed(1), seed(2))
    assert (manifest.units, manifest.kept, dict(manifest.dropped)) == (3, 3, {"odd": 1})
    assert finished(stage(tmp_path)) == manifest
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl", "out.jsonl.manifest.json"]


def test_a_stage_is_not_finished_for_other_settings_or_a_changed_output(tmp_path: Path) -> None:
    """Stale data that passes for fresh is the worst of the three."""
    run_stage(stage(tmp_path), range(3), work, Stop())
    other = finished(stage(tmp_path, longest=10))
    with (tmp_path / "out.jsonl").open("a", encoding="utf-8") as file:
        file.write("{}\n")

    assert other is None
    assert finished(stage(tmp_path)) is None


def test_an_interrupted_stage_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """Hours of sandbox runs must survive a Ctrl-C, a torn last line too."""
    (tmp_path / "whole").mkdir()
    run_stage(stage(tmp_path / "whole"), range(4), work, Stop())
    stop, worked = Stop(), list[int]()

    def interrupting(number: int) -> Batch:
        worked.append(number)
        if number == 1:
            stop.cancel()
        return work(number)

    with pytest.raises(KeyboardInterrupt):
        run_stage(stage(tmp_path), range(4), interrupting, stop)
    assert not (tmp_path / "out.jsonl").exists()
    with (tmp_path / "out.jsonl.partial").open("a", encoding="utf-8") as file:
        file.write('{"records": [')
    run_stage(stage(tmp_path), range(4), lambda n: (worked.append(n), work(n))[1], Stop())

    assert worked == [0, 1, 2, 3]
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole" / "out.jsonl").read_bytes()


def test_a_partial_file_of_other_inputs_is_begun_again(tmp_path: Path) -> None:
    """Joining halves of two different runs would give a file that nobody can explain."""
    (tmp_path / "out.jsonl.partial").write_text('{"key": "other"}\n{"records": [{"id": "x"}], "dropped": {}}\n')

    assert run_stage(stage(tmp_path), range(2), work, Stop()).kept == 2


def test_a_record_that_came_before_is_dropped_as_a_duplicate(tmp_path: Path) -> None:
    """Two files may hold the same function."""
    manifest = run_stage(stage(tmp_path), (7, 8, 7), work, Stop())

    assert (manifest.kept, manifest.dropped["duplicate"]) == (2, 1)


def test_an_output_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """Exit code 3, not a traceback: the place is wrong, not the program."""
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(BadEnvironment, match=r"cannot be written .* pass another --out"):
        run_stage(Stage("seeds", {}, {}, tmp_path / "file" / "out.jsonl"), range(1), work, Stop())


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("not json", "Expecting value"),
        ("[]", "its fields are not"),
        ('{"id": "x"}', "its fields are not"),
        (json.dumps({**dict.fromkeys(Seed.__dataclass_fields__, "x"), "line": 1}), "examples is not int"),
    ],
)
def test_a_line_that_is_not_a_seed_is_named_by_its_number(tmp_path: Path, line: str, why: str) -> None:
    """A file of a thousand lines is mended by its line number."""
    run_stage(stage(tmp_path), range(1), work, Stop())
    with (tmp_path / "out.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")

    with pytest.raises(BadInput, match=rf"out\.jsonl:2: this line is not a seed \({why}"):
        read_seeds(tmp_path / "out.jsonl")
