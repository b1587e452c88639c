"""The recording of `make bench-model`: a line of JSON for each figure, written at once; runs go on behind it."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any, TypedDict


class Line(TypedDict):
    prompt: int
    load: int
    name: str
    value: float


class Recording:
    def __init__(self, path: Path, made: dict[str, Any]) -> None:
        """Go on with a file of the same making. Ends the program when it was made otherwise."""
        self._path, self._lines = path, list[Line]()
        if path.exists():
            told, *lines = path.read_text().splitlines()
            if json.loads(told) != made:
                sys.exit(f"{path} was made with {told}, not with {json.dumps(made)}; pass another --out, or delete it.")
            self._lines = [json.loads(line) for line in lines]
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write(made)

    def has(self, prompt: int, load: int, name: str) -> bool:
        return any((line["prompt"], line["load"], line["name"]) == (prompt, load, name) for line in self._lines)

    def add(self, line: Line) -> None:
        self._lines.append(line)
        self._write(line)
        print(f"prompt {line['prompt']}: {line['name']} {line['value']:.2f}", flush=True)

    def values(self, name: str, load: int) -> list[float]:
        return list(self._of(name, load).values())

    def pairs(self, name: str, other: str, load: int) -> list[float]:
        """The first by the second, on each prompt that has both."""
        these, those = self._of(name, load), self._of(other, load)
        return [these[prompt] / those[prompt] for prompt in these if prompt in those]

    def _of(self, name: str, load: int) -> dict[int, float]:
        """The figures of one name, by prompt."""
        return {line["prompt"]: line["value"] for line in self._lines if (line["name"], line["load"]) == (name, load)}

    def _write(self, line: object) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")


def told(name: str, values: list[float], bar: str = "") -> str:
    """One row of the table: the least, the median, the most."""
    if not values:
        return f"{name:56} not measured"
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{name:56} {low:8.2f} {middle:8.2f} {high:8.2f}  n={len(values):<3} {bar}".rstrip()
