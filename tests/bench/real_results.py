"""The result file of `make bench-real`: how its rows were made, one row a task, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import cattrs
from real_table import Row

_MADE = ("machine", "model", "budget", "seed")


class Results:
    def __init__(self, path: Path, made: Mapping[str, object]) -> None:
        """Rows that stand in the file already. Ends the program when they were made otherwise."""
        self._path, self._made = path, {name: made[name] for name in _MADE}
        self.rows: list[Row] = []
        if path.exists():
            told = json.loads(path.read_text())
            then = {name: told.get(name) for name in _MADE}
            if then != self._made:
                sys.exit(f"{path} was made with {then}, not with {self._made}; pass another --out, or delete it.")
            self.rows = cattrs.structure(told["rows"], list[Row])

    def has(self, task: str) -> bool:
        return any(row.task == task for row in self.rows)

    def add(self, row: Row) -> None:
        """A kill leaves the file as it was before, or as it is after."""
        self.rows.append(row)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        new.write_text(json.dumps({**self._made, "rows": [asdict(row) for row in self.rows]}, indent=1) + "\n")
        new.replace(self._path)


def place(model: str, budget: str, seed: int) -> Path:
    """One file for each way to run; models in files are told apart by their whole path."""
    name = model
    if "/" in model or os.sep in model:
        name = f"{Path(model).name}-{hashlib.sha256(str(Path(model).resolve()).encode()).hexdigest()[:8]}"
    return Path("bench-results") / f"real-{name}-{budget}-{seed}.json"
