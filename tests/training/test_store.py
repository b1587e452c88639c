"""A job's output is whole or absent, is not made twice, and goes on where it was interrupted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from darner.engine.errors import BadEnvironment, BadInput
from darner.engine.stop import Stop
from darner.training.job import Job, changes, finished
from darner.training.store import read_records, run_job
from darner.training.types import Dropped, Seed


def seed(number: int) -> Seed:
    return Seed(f"{number:016x}", "f", "def f(a):\n    'é'\n    return a\n", "é", 0, "m.py", number, "MIT")


def job(tmp_path: Path, **settings: int) -> Job:
    return Job("seeds", {"in": "0" * 64}, settings, tmp_path / "out.jsonl")


def work(number: int, index: int) -> Iterator[Seed | Dropped]:
    yield seed(number)
    if number % 2:
        yield Dropped("odd")


def test_a_finished_job_leaves_its_records_and_an_account_of_them(tmp_path: Path) -> None:
    """The manifest is what a later reader has to judge the data by."""
    manifest = run_job(job(tmp_path), range(3), work, Stop())

    assert read_records(tmp_path / "out.jsonl", Seed) == (seed(0), seed(1), seed(2))
    assert (manifest.units, manifest.kept, dict(manifest.dropped)) == (3, 3, {"odd": 1})
    assert finished(job(tmp_path)) == manifest
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl", "out.manifest.json"]


def test_a_job_is_not_finished_for_other_settings_or_a_changed_output(tmp_path: Path) -> None:
    """Stale data that passes for fresh is the worst of the three."""
    run_job(job(tmp_path), range(3), work, Stop())
    other = finished(job(tmp_path, longest=10))
    with (tmp_path / "out.jsonl").open("a", encoding="utf-8") as file:
        file.write("{}\n")

    assert other is None
    assert changes(job(tmp_path, longest=10)) == ("longest was not set, is 10",)
    assert finished(job(tmp_path)) is None


@pytest.mark.parametrize("killed_after", range(5))
@pytest.mark.parametrize("torn", [b"", b'{"records": [', '{"records": [{"docstring": "é'.encode()[:-1]])
def test_a_job_killed_at_any_record_ends_with_the_same_bytes(tmp_path: Path, killed_after: int, torn: bytes) -> None:
    """Hours of sandbox runs must survive a kill -9, and the half line that it leaves."""
    (tmp_path / "whole").mkdir()
    run_job(job(tmp_path / "whole"), range(5), work, Stop())
    worked = list[int]()

    def killed(number: int, index: int) -> Iterator[Seed | Dropped]:
        if number == killed_after:
            raise SystemExit
        worked.append(number)
        return work(number, index)

    with pytest.raises(SystemExit):
        run_job(job(tmp_path), range(5), killed, Stop())
    assert not (tmp_path / "out.jsonl").exists()
    with (tmp_path / "out.jsonl.partial").open("ab") as file:
        file.write(torn)
    run_job(job(tmp_path), range(5), lambda n, i: (worked.append(n), work(n, i))[1], Stop())

    assert worked == [0, 1, 2, 3, 4]
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole" / "out.jsonl").read_bytes()


def test_a_unit_that_was_cancelled_is_done_again(tmp_path: Path) -> None:
    """What a model or a sandbox gives when it is told to stop may be half of it."""
    stop = Stop()

    def cancelled(number: int, index: int) -> Iterator[Seed | Dropped]:
        if number == 2:
            stop.cancel()
            return iter(())
        return work(number, index)

    with pytest.raises(KeyboardInterrupt):
        run_job(job(tmp_path), range(4), cancelled, stop)

    assert run_job(job(tmp_path), range(4), work, Stop()).kept == 4


def test_several_workers_write_what_one_writes(tmp_path: Path) -> None:
    """Records in the order of the units, whoever ended first."""
    (tmp_path / "one").mkdir()
    run_job(job(tmp_path / "one"), range(40), work, Stop())

    run_job(job(tmp_path), range(40), work, Stop(), workers=4)

    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "one" / "out.jsonl").read_bytes()


def test_a_partial_file_of_other_inputs_is_begun_again(tmp_path: Path) -> None:
    """Joining halves of two different runs would give a file that nobody can explain."""
    (tmp_path / "out.jsonl.partial").write_text('{"job": {}}\n{"records": [{"id": "x"}], "dropped": {}}\n')

    assert run_job(job(tmp_path), range(2), work, Stop()).kept == 2


def test_a_record_that_came_before_is_dropped_as_a_duplicate(tmp_path: Path) -> None:
    """Two files may hold the same function."""
    manifest = run_job(job(tmp_path), (7, 8, 7), work, Stop())

    assert (manifest.kept, manifest.dropped["duplicate"]) == (2, 1)


def test_an_output_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """Exit code 3, not a traceback: the place is wrong, not the program."""
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(BadEnvironment, match=r"cannot be written .* pass another --folder"):
        run_job(Job("seeds", {}, {}, tmp_path / "file" / "out.jsonl"), range(1), work, Stop())


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("not json", "Expecting value"),
        ("[]", "not a table of keys"),
        ('{"id": "x"}', "name is missing"),
        ('{"id": "x", "nam": "y"}', "nam is not a key; did you mean name"),
        (json.dumps({**dict.fromkeys(Seed.__dataclass_fields__, "x"), "line": 1}), "examples must be a whole number"),
    ],
)
def test_a_line_that_is_not_a_seed_is_named_by_its_number(tmp_path: Path, line: str, why: str) -> None:
    """A file of a thousand lines is mended by its line number."""
    run_job(job(tmp_path), range(1), work, Stop())
    with (tmp_path / "out.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")

    with pytest.raises(BadInput, match=rf"out\.jsonl:2: this line is not a Seed \(.*{why}"):
        read_records(tmp_path / "out.jsonl", Seed)
