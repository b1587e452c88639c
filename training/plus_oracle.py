"""Stands before the tests of an EvalPlus task, as text, in the sandbox: is an output right, as EvalPlus 0.3.1 takes it?

Only the standard library. What differs from `==`, by the names of the tasks' functions, is from its
`eval/__init__.py` and `eval/_special_oracle.py` (Apache-2.0).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

SETS = frozenset(
    (
        "similar_elements",
        "find_char_long",
        "common_in_nested_lists",
        "extract_singly",
        "larg_nnum",
        "intersection_array",
        "find_dissimilar",
        "Diff",
    )
)
FOUND = ("check_str", "text_match_three", "text_starta_endb")
"""Return a match, or anything that is not None."""
ROOT = "find_zero"


def compare(name: str, given: Callable[..., Any], known: Callable[..., Any], rows: Iterable[Any], atol: float) -> None:
    """Raises AssertionError for the first row of arguments on which `given` is not right; `known` is."""
    for row in rows:
        expected = None if name == ROOT else known(*copy.deepcopy(row))
        output = given(*copy.deepcopy(row))
        assert agrees(name, output, expected, row, atol), (row, output, expected)


def agrees(name: str, output: Any, expected: Any, row: Sequence[Any], atol: float) -> bool:  # noqa: ANN401 - any output
    """`name`: of the task's function; `row`: its arguments."""
    if name == ROOT:
        return abs(sum(each * math.pow(output, i) for i, each in enumerate(row[0]))) <= atol
    if name in SETS:
        return set(output) == set(expected)
    if name in FOUND:
        found = expected is not None
        return output == found if isinstance(output, bool) else (output is not None) == found
    if output == expected or name == "are_equivalent" or (name == "sum_div" and output == 0):
        return True
    if name == "surface_Area":
        return abs(output - _pyramid(*row)) <= atol
    if name == "digit_distance_nums":
        return output == _distance(*row)
    return near(output, expected, atol or (1e-6 if _floats(expected) else 0.0))


def near(output: Any, expected: Any, atol: float) -> bool:  # noqa: ANN401 - any output
    """Numbers, in lists or alone, that differ by at most `atol` and a ten-millionth."""
    if not atol or type(output) is not type(expected):
        return False
    if isinstance(expected, list | tuple):
        ones, others = cast("Sequence[Any]", output), cast("Sequence[Any]", expected)
        pairs = zip(ones, others, strict=False)
        return len(ones) == len(others) and all(one == other or near(one, other, atol) for one, other in pairs)
    if not isinstance(expected, int | float):
        return False
    return abs(output - expected) <= atol + 1e-7 * abs(expected)


def _floats(value: Any) -> bool:  # noqa: ANN401 - any output
    if isinstance(value, list | tuple):
        values = cast("Sequence[Any]", value)
        return bool(values) and all(isinstance(each, float) for each in values)
    return isinstance(value, float)


def _pyramid(base: float, height: float) -> int:
    """`height` is that of the apex, where the task's own solution takes that of a side."""
    return round(base**2 + 2 * base * math.sqrt((base / 2) ** 2 + height**2))


def _distance(one: int, other: int) -> int:
    width = max(len(str(one)), len(str(other)))
    digits = zip(str(one).zfill(width), str(other).zfill(width), strict=True)
    return sum(abs(int(a) - int(b)) for a, b in digits)
