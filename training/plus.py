"""HumanEval+ and MBPP+ as EvalPlus publishes them (arXiv 2305.01210): inputs, and a solution that says their outputs.

base_input, plus_input ─▶ arguments as the task means them ─▶ tests: known solution beside the answer, on each
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

_ORACLE = Path(__file__).with_name("plus_oracle.py")
_TESTS = """
from math import inf, nan

import solution

KNOWN: dict = {{}}
exec({known!r}, KNOWN)


def test_base():
    compare({name!r}, solution.{name}, KNOWN[{name!r}], {base!r}, {atol!r})


def test_plus():
    compare({name!r}, solution.{name}, KNOWN[{name!r}], {plus!r}, {atol!r})
"""

Change = Callable[[Any], Any]


def tests(row: Mapping[str, Any], known: str) -> str:
    """A pytest module that compares with `known` on the original tests' inputs and on those that were added."""
    name, task = str(row["entry_point"]), str(row["task_id"])
    base, plus = ([_arguments(task, each) for each in row[key]] for key in ("base_input", "plus_input"))
    said = _TESTS.format(known=known, name=name, base=base, plus=plus, atol=row["atol"])
    return f"{_ORACLE.read_text(encoding='utf-8')}\n{said}"


def _arguments(task: str, row: Sequence[Any]) -> Sequence[Any]:
    """One call's arguments. JSON knows lists alone: MBPP's tuples, sets and complex numbers are made again."""
    benchmark, _, number = task.rpartition("/")
    changes = _CHANGES.get(int(number)) if benchmark in ("", "Mbpp") else None
    if changes is None:
        return row
    each = changes * len(row) if len(changes) == 1 else (*changes, *[_same] * (len(row) - len(changes)))
    return [change(value) for change, value in zip(each, row, strict=True)]


def _same(value: Any) -> Any:  # noqa: ANN401 - any argument
    return value


def _of(inner: Change, outer: Change) -> Change:
    return lambda values: outer(map(inner, values))


def _deep(value: Any) -> Any:  # noqa: ANN401 - any argument
    return tuple(map(_deep, cast("list[Any]", value))) if isinstance(value, list) else value


def _top(value: Any) -> Any:  # noqa: ANN401 - any argument
    return tuple(cast("list[Any]", value)) if isinstance(value, list) else value


def _known(values: list[Any]) -> object:
    """MBPP 115 asks for dictionaries; only an empty one is one."""
    return set(values) if values else {}


def _values(mapping: Mapping[str, list[Any]]) -> dict[str, tuple[Any, ...]]:
    return {key: tuple(value) for key, value in mapping.items()}


_LISTS: Change = _of(tuple, list)
_GROUPS: Sequence[tuple[tuple[Change, ...], Sequence[int]]] = (
    ((tuple,), (2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740)),
    ((tuple,), (744, 809)),
    ((_LISTS,), (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780)),
    ((_LISTS, _same), (75, 413, 444, 753)),
    ((_same, tuple), (106, 750)),
    ((_of(_known, list),), (115,)),
    ((float, complex), (124,)),
    ((tuple, _same), (250, 405, 446, 617, 720, 763, 808, 307)),
    ((_of(tuple, tuple),), (259, 401, 445)),
    ((_of(_top, tuple),), (278,)),
    ((_values, _same), (722,)),
    ((complex,), (252,)),
    ((_deep,), (580, 615, 791)),
)
_CHANGES = {task: changes for changes, tasks in _GROUPS for task in tasks}
"""By task of MBPP, for each argument; one change is for all of them (EvalPlus 0.3.1, `mbpp_deserialize_inputs`)."""
