"""A stage reads units of work and leaves one JSONL file and its manifest, whole or not at all.

    units ─▶ work ─▶ OUT.partial (one line a unit, kept over an interruption) ─▶ OUT + OUT.manifest.json

A stage whose inputs and settings are those of the manifest, and whose output is unchanged, is not run again. One that
was interrupted goes on behind the last complete line of its partial file, if that was begun with the same inputs and
settings.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from ..engine.errors import BadEnvironment, BadInput
from ..engine.stop import Stop
from .types import Manifest, Mistake, Seed

Record = Seed | Mistake
Row = dict[str, Any]
Unit = TypeVar("Unit")


@dataclass(frozen=True, slots=True)
class Stage:
    """What decides the output of a stage."""

    name: str
    inputs: Mapping[str, str]
    settings: Mapping[str, str | int]
    output: Path

    @property
    def key(self) -> str:
        return sha256(json.dumps([self.name, dict(self.inputs), dict(self.settings)], sort_keys=True).encode())


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of one unit."""

    records: tuple[Record, ...]
    dropped: Mapping[str, int]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def finished(stage: Stage) -> Manifest | None:
    """The manifest of this very stage, when its output still is what it says."""
    try:
        manifest = Manifest(**json.loads(_manifest_path(stage.output).read_text(encoding="utf-8")))
        found = sha256(stage.output.read_bytes())
    except (OSError, ValueError, TypeError):
        return None
    made_by = Stage(manifest.stage, manifest.inputs, manifest.settings, stage.output)
    return manifest if made_by.key == stage.key and found == manifest.output_sha256 else None


def run_stage(stage: Stage, units: Sequence[Unit], work: Callable[[Unit], Batch], stop: Stop) -> Manifest:
    """Work through the units in order and put the output and its manifest in place.

    Raises BadEnvironment when the output cannot be written, and KeyboardInterrupt when `stop` was cancelled;
    the partial file then lets the next run go on.
    """
    try:
        stage.output.parent.mkdir(parents=True, exist_ok=True)
        partial = stage.output.with_name(stage.output.name + ".partial")
        done = _resume(partial, stage.key)
        with partial.open("a", encoding="utf-8") as file:
            for unit in units[done:]:
                if stop:
                    raise KeyboardInterrupt
                batch = work(unit)
                rows = [asdict(record) for record in batch.records]
                file.write(json.dumps({"records": rows, "dropped": dict(batch.dropped)}) + "\n")
                file.flush()
        manifest = _assemble(stage, partial, len(units))
        partial.unlink()
    except OSError as error:
        raise BadEnvironment(f"{stage.output} cannot be written ({error.strerror}); pass another --out.") from error
    return manifest


def read_seeds(path: Path) -> tuple[Seed, ...]:
    """Raises BadInput with the line when the file cannot be read or a line is not a seed."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}); make it with `darner-train seeds --out {path}`.") from error
    return tuple(_seed(path, number, line) for number, line in enumerate(lines, 1))


def _seed(path: Path, number: int, line: str) -> Seed:
    names = {field.name: field.type for field in fields(Seed)}
    try:
        row = json.loads(line)
        if not isinstance(row, dict) or set(cast(Row, row)) != set(names):
            raise ValueError(f"its fields are not {', '.join(names)}")
        wrong = [name for name, value in cast(Row, row).items() if type(value).__name__ != names[name]]
        if wrong:
            raise ValueError(f"{wrong[0]} is not {names[wrong[0]]}")
    except ValueError as error:
        raise BadInput(f"{path}:{number}: this line is not a seed ({error}); mine the file again.") from None
    return Seed(**cast(Row, row))


def _resume(partial: Path, key: str) -> int:
    """How many units the partial file holds; one of other inputs, or with a torn last line, is cut back first."""
    lines = partial.read_bytes().splitlines(keepends=True) if partial.exists() else []
    whole = [line for line in lines if line.endswith(b"\n")]
    if not whole or json.loads(whole[0]) != {"key": key}:
        whole = [json.dumps({"key": key}).encode() + b"\n"]
    partial.write_bytes(b"".join(whole))
    return len(whole) - 1


def _assemble(stage: Stage, partial: Path, units: int) -> Manifest:
    """Join the units; a record whose id came before is dropped as a duplicate."""
    dropped: Counter[str] = Counter()
    kept: dict[str, Row] = {}
    for record, reasons in _batches(partial):
        dropped.update(reasons)
        for row in record:
            if row["id"] in kept:
                dropped["duplicate"] += 1
            else:
                kept[row["id"]] = row
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept.values()).encode()
    counts = dict(sorted(dropped.items()))
    manifest = Manifest(
        stage.name, stage.inputs, stage.settings, units, len(kept), counts, stage.output.name, sha256(data)
    )
    _replace(stage.output, data)
    _replace(_manifest_path(stage.output), (json.dumps(asdict(manifest), indent=2) + "\n").encode())
    return manifest


def _batches(partial: Path) -> Iterator[tuple[list[Row], dict[str, int]]]:
    with partial.open(encoding="utf-8") as file:
        next(file)
        for line in file:
            row: Row = json.loads(line)
            yield row["records"], row["dropped"]


def _manifest_path(output: Path) -> Path:
    return output.with_name(output.name + ".manifest.json")


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
