"""A job reads units of work and leaves one JSONL file and its manifest, whole or not at all.

    units ─▶ work ─▶ OUT.partial (one line a unit, kept over an interruption) ─▶ settle ─▶ OUT + OUT.manifest.json

A job whose inputs and settings are those of the manifest, and whose output is unchanged, is not done again. One that
was interrupted goes on behind the last complete line of its partial file.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

from ..engine.errors import BadEnvironment, BadInput
from ..engine.stop import Stop
from .job import (
    BEGUN,
    Job,
    begun,
    manifest_for,
    partial_of,
    remove,
    remove_scratch,
    replacing,
    shares_of,
    write_manifest,
    writing,
)
from .shape import Misshapen, shaped
from .types import Dropped, Manifest

Row = dict[str, Any]
Record = TypeVar("Record")
Work = Callable[[Any, int], Iterable[object]]
"""Records (dataclasses) and `Dropped`s of one unit, given the unit and its index."""
Settle = Callable[[Iterator[Row]], Iterable[object]]
"""What of all records stays: rows and `Dropped`s, given the rows in order."""
OnUnit = Callable[["Progress"], None]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_AHEAD = 4
"""Units begun for each worker before the oldest has ended: results are written in order."""


@dataclass(slots=True)
class Progress:
    """How far a job is, for whoever shows it."""

    units: int
    done: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter[str])
    note: str = ""
    """What to show instead of kept and dropped: the loss, for a stage that counts steps."""


def run_folder_job(
    job: Job, make: Callable[[Path], Mapping[str, float]], stop: Stop, versions: Mapping[str, str]
) -> Manifest:
    """Have `make` fill a folder that outlives a kill, then put folder and manifest in place. Raises as `run_job`."""
    with writing(job.output):
        partial, began = partial_of(job.output), time.monotonic()
        if begun(job.output) != job.deciders:
            remove(job.output)
            partial.mkdir(parents=True)
            with replacing(partial / BEGUN) as write:
                write(json.dumps({"job": job.deciders}, ensure_ascii=False).encode())
    try:
        figures = dict(make(partial))
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise BadEnvironment(
            f"There is no room for {partial} ({error.strerror}); free some, and run it again."
        ) from error
    if stop:
        raise KeyboardInterrupt
    with writing(job.output):
        manifest = manifest_for(job, partial, versions, figures=figures, seconds=time.monotonic() - began)
        write_manifest(job.output, manifest)  # first: a kill behind it leaves the folder to be taken up again
        os.replace(partial, job.output)
    remove_scratch(job.output)
    return manifest


def run_job(
    job: Job,
    units: Sequence[Any],
    work: Work,
    stop: Stop,
    *,
    settle: Settle | None = None,
    workers: int = 1,
    versions: Mapping[str, str] | None = None,
    on_unit: OnUnit = lambda progress: None,
) -> Manifest:
    """Work through the units in order and put the output and its manifest in place.

    Raises BadEnvironment when the output cannot be written, and KeyboardInterrupt when `stop` was cancelled; the
    partial file then lets the next run go on.
    """
    with writing(job.output):
        job.output.parent.mkdir(parents=True, exist_ok=True)
        partial = partial_of(job.output)
        fill(partial, head_of(job), units, range(len(units)), work, stop, workers=workers, on_unit=on_unit)
        manifest = _assemble(job, partial, len(units), settle or once, dict(versions or {}))
        partial.unlink()
        shutil.rmtree(shares_of(job.output), ignore_errors=True)  # of a run that was to be spread over many
    return manifest


def fill(
    path: Path,
    head: Row,
    units: Sequence[Any],
    span: range,
    work: Work,
    stop: Stop,
    *,
    workers: int = 1,
    on_unit: OnUnit = lambda progress: None,
) -> None:
    """Have `path` hold `head` and a line for each unit of `span`, in order; what stands there of it is not done again.

    Raises KeyboardInterrupt when `stop` was cancelled; what was done by then stands.
    """
    progress = Progress(len(span))
    seconds = resume(path, head, progress)
    on_unit(progress)
    with path.open("a", encoding="utf-8") as file:
        for lines in _worked(units, span[progress.done :], work, stop, workers, seconds):
            file.write(json.dumps(lines, ensure_ascii=False) + "\n")
            file.flush()
            count(progress, lines)
            on_unit(progress)


def head_of(job: Job) -> Row:
    """The first line of a job's partial file."""
    return {"job": job.deciders}


def once(rows: Iterator[Row]) -> Iterator[Row | Dropped]:
    """Rows whose `id` did not come before."""
    seen: set[str] = set()
    for row in rows:
        if row["id"] in seen:
            yield Dropped("duplicate")
        else:
            seen.add(row["id"])
            yield row


def read_records(path: Path, kind: type[Record]) -> tuple[Record, ...]:
    """Raises BadInput with the line when the file cannot be read or a line is no `kind`."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}); run the stage that writes it again.") from error
    return tuple(_record(path, number, line, kind) for number, line in enumerate(lines, 1) if line)


def _record(path: Path, number: int, line: str, kind: type[Record]) -> Record:
    try:
        return shaped(kind, json.loads(line))
    except Misshapen as wrong:
        why = str(wrong)
    except ValueError as error:
        why = str(error)
    raise BadInput(f"{path}:{number}: this line is not a {kind.__name__} ({why}); run the stage that writes it again.")


def resume(path: Path, head: Row, progress: Progress) -> float:
    """Count what the file holds behind its `head` and cut a torn last line; begin it anew where another head stands.

    Returns the seconds that were worked on it before.
    """
    if _head(path) != head:
        path.write_bytes(json.dumps(head, ensure_ascii=False).encode() + b"\n")
        return 0.0
    seconds, whole = 0.0, 0
    with path.open("r+b") as file:
        for number, line in enumerate(file):
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            if number:
                row: Row = json.loads(line)
                count(progress, row)
                seconds = row["seconds"]
        file.truncate(whole)
    return seconds


def _head(path: Path) -> object:
    try:
        with path.open("rb") as file:
            first = file.readline()
        return json.loads(first) if first.endswith(b"\n") else None
    except (OSError, ValueError):
        return None


def count(progress: Progress, row: Row) -> None:
    """Add what came of one unit."""
    progress.done += 1
    progress.kept += len(row["records"])
    progress.dropped.update(row["dropped"])


def _worked(units: Sequence[Any], span: range, work: Work, stop: Stop, workers: int, before: float) -> Iterator[Row]:
    """What came of each unit of `span`, in order, with the seconds worked so far."""
    began = time.monotonic() - before
    for records, dropped in _results(units, span, work, stop, workers):
        if stop:
            raise KeyboardInterrupt  # what a cancelled unit gave may be half of it
        yield {"records": records, "dropped": dropped, "seconds": round(time.monotonic() - began, 3)}


def _results(
    units: Sequence[Any], span: range, work: Work, stop: Stop, workers: int
) -> Iterator[tuple[list[Row], dict[str, int]]]:
    if workers <= 1:
        for index in span:
            if stop:
                raise KeyboardInterrupt
            yield _one(work, units[index], index)
        return
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[tuple[list[Row], dict[str, int]]]] = deque()
    following = iter(span)
    try:
        while not stop:
            for index in islice(following, workers * _AHEAD - len(waiting)):
                waiting.append(pool.submit(_one, work, units[index], index))
            if not waiting:
                return
            yield waiting.popleft().result()
        raise KeyboardInterrupt
    finally:
        pool.shutdown(cancel_futures=True)


def _one(work: Work, unit: object, index: int) -> tuple[list[Row], dict[str, int]]:
    records: list[Row] = []
    dropped: Counter[str] = Counter()
    for found in work(unit, index):
        if isinstance(found, Dropped):
            dropped[found.reason] += found.count
        else:
            records.append(asdict(cast(Any, found)))
    return records, dict(dropped)


def _assemble(job: Job, partial: Path, units: int, settle: Settle, versions: Mapping[str, str]) -> Manifest:
    """Join the units, let `settle` choose among their records, and write output and manifest."""
    dropped: Counter[str] = Counter()
    seconds = [0.0]

    def rows() -> Iterator[Row]:
        for line in lines(partial):
            dropped.update(line["dropped"])
            seconds[0] = line["seconds"]
            yield from line["records"]

    kept = 0
    with replacing(job.output) as write:
        for found in settle(rows()):
            if isinstance(found, Dropped):
                dropped[found.reason] += found.count
            else:
                write(json.dumps(found, ensure_ascii=False).encode() + b"\n")
                kept += 1
    counts = dict(sorted(dropped.items()))
    manifest = manifest_for(job, job.output, versions, units=units, kept=kept, dropped=counts, seconds=seconds[0])
    write_manifest(job.output, manifest)
    return manifest


def lines(partial: Path) -> Iterator[Row]:
    """What came of each unit, behind the head."""
    with partial.open(encoding="utf-8") as file:
        next(file)
        for line in file:
            yield json.loads(line)
