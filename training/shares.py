"""A stage's units in shares, which several workers fill over one folder, and which become the stage's partial file.

    OUT.partial              as ever, a line a unit: what is done already, and in the end all of it
    OUT.shares/begun.json    what decides the job, and how the rest is cut
    OUT.shares/00007.jsonl   the lines of one share, in order; locked by the worker that fills it

A share is a run of units, so the shares one behind the other are what one worker would have written. A worker that is
killed leaves whole lines and at most a torn one; whoever takes the share next goes on there.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine.errors import BadEnvironment
from ..engine.stop import Stop
from .job import BEGUN, Job, partial_of, replacing, shares_of
from .store import Progress, Row, Work, fill, head_of, lines, resume


@dataclass(frozen=True, slots=True)
class Cut:
    """How the units that are not done yet are cut."""

    first: int
    units: int
    shares: int

    def span(self, number: int) -> range:
        """The units of one share."""
        left = self.units - self.first
        return range(self.first + left * number // self.shares, self.first + left * (number + 1) // self.shares)


def cut(job: Job, units: int, shares: int) -> Cut | None:
    """Begin to work in shares, or go on with those that stand; None when every unit is done.

    Shares of another job, or cut otherwise, are removed: what of them was put together stands in the partial file.
    """
    folder, done = shares_of(job.output), Progress(units)
    resume(partial_of(job.output), head_of(job), done)
    if done.done == units:
        shutil.rmtree(folder, ignore_errors=True)
        return None
    found = Cut(done.done, units, min(shares, units - done.done))
    if _begun(folder) != _head(job, found):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with replacing(folder / BEGUN) as write:
            write(json.dumps(_head(job, found), ensure_ascii=False).encode())
    return found


def work_through(folder: Path, number: int, units: Sequence[Any], work: Work, stop: Stop, workers: int) -> None:
    """Fill one share. Waits for whoever else fills it: who was thought dead may still be at its last unit."""
    head = _begun(folder)
    whole = Cut(**head["cut"])
    with file_of(folder, number).open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        share: Row = {**head, "share": number}
        fill(file_of(folder, number), share, units, whole.span(number), work, stop, workers=workers)


def file_of(folder: Path, number: int) -> Path:
    """Where the lines of one share stand."""
    return folder / f"{number:05d}.jsonl"


def put_together(job: Job, whole: Cut) -> None:
    """The shares behind what stands in the partial file. Raises BadEnvironment when one is not complete."""
    folder, partial = shares_of(job.output), partial_of(job.output)
    for number in range(whole.shares):
        missing = len(whole.span(number)) - _count(file_of(folder, number))
        if missing:
            raise BadEnvironment(
                f"{missing} units of share {number} of {job.stage} were not done: its worker ended, and so did those "
                f"that took it over; {folder} says why. The same command goes on with them."
            )
    with replacing(partial) as write:
        for line in _all(partial, folder, whole):
            write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    shutil.rmtree(folder)


def _all(partial: Path, folder: Path, whole: Cut) -> Iterator[Row]:
    """The head and every line, with the seconds that were worked by all workers so far."""
    with partial.open(encoding="utf-8") as file:
        yield json.loads(file.readline())
    worked = 0.0
    for path in (partial, *(file_of(folder, number) for number in range(whole.shares))):
        before = worked
        for line in lines(path):
            worked = round(before + line["seconds"], 3)
            yield {**line, "seconds": worked}


def _count(path: Path) -> int:
    """Whole lines behind the head."""
    try:
        return max(0, path.read_bytes().count(b"\n") - 1)
    except OSError:
        return 0


def _head(job: Job, whole: Cut) -> Row:
    return {**head_of(job), "cut": {"first": whole.first, "units": whole.units, "shares": whole.shares}}


def _begun(folder: Path) -> Row:
    try:
        return json.loads((folder / BEGUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
