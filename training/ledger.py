"""Lines of JSON that outlive a kill: each is on disk before the next piece of work begins, and a torn last one goes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class Ledger:
    """One file, written by one process. The whole lines stay as they are: only what is torn is cut off."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.heard: Callable[[], None] = lambda: None
        """Called when there is another row."""
        path.touch()
        self.rows: list[dict[str, Any]] = []
        whole = 0
        with path.open("r+b") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                self.rows.append(json.loads(line))
            file.truncate(whole)

    def add(self, row: Mapping[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self.rows.append(dict(row))
        self.heard()
