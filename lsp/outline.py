"""The functions and classes of a text, found once for each text: lookups by name then cost nothing."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

from .line_starts import LineStarts

_DEFINITION = re.compile(r"^[ \t\f]*(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outline:
    lines: Mapping[str, list[int]]
    """Where each name is defined, in order, from 0."""

    @classmethod
    def of(cls, text: str, starts: LineStarts) -> Outline:
        lines: dict[str, list[int]] = {}
        for found in _DEFINITION.finditer(text.replace("\r", "\n") if "\r" in text else text):
            lines.setdefault(found[1], []).append(starts.line_at(found.start(1)))
        return cls(lines)

    def first(self, name: str, after: int) -> int | None:
        """The first definition of this name behind the line `after`."""
        known = self.lines.get(name, [])
        index = bisect_left(known, after + 1)
        return known[index] if index < len(known) else None
