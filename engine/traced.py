"""What the trace of a failing test says: where its value was born, where it left a passing way, and its blocks."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import cast

from ..sandbox.types import Activation, Trace
from .dataflow import Statement
from .departure import Departure
from .disorder import takes_order
from .protected import is_test_path
from .slicing import Slice, Statements
from .source import FunctionNode, Source
from .types import Evidence

_MOST_BORN = 3
_MOST_VALUES, _MOST_VALUE, _MOST_SOURCE = 4, 60, 90
_BLOCKS = 5

Sources = Mapping[str, Source]


def born(evidence: Evidence, found: Slice, statements: Statements, sources: Sources) -> Iterator[str]:
    """The statements nearest to the failure, outside the tests, that returned or wrote something."""
    trace = evidence.failing.trace
    near = [p for p in found.distances if p[0] in sources and not is_test_path(p[0])] if trace is not None else []
    rows = (_born(place, trace, found, statements) for place in near)  # nearest first
    for (path, line), said in islice(((p, row) for p, row in zip(near, rows, strict=True) if row), _MOST_BORN):
        yield f"{path}:{line} `{_text(sources, path, line)}` {said}"


def _born(place: tuple[str, int], trace: Trace | None, found: Slice, statements: Statements) -> str:
    statement = statements.get(place[0], {}).get(place[1])
    if trace is None or statement is None or isinstance(statement.node, FunctionNode | ast.ClassDef):
        return ""
    step = trace.steps[found.steps[place]]
    result = trace.activations[step.activation].result
    if isinstance(statement.node, ast.Return):
        return f"returned {_short(result)}" if result is not None else ""
    wrote = tuple((name, value) for name, value in step.values if name.split(".")[-1] in _bare(statement))
    last = " last" if any(found.writers.get(_written(name)) == place for name, _ in wrote) else ""
    return f"wrote {_values(wrote)}{last}" if wrote else ""


def _written(name: str) -> str:
    """As dataflow.py writes it: `.total` for `self.total`."""
    return f".{name.split('.')[-1]}" if "." in name else name


def _bare(statement: Statement) -> frozenset[str]:
    return frozenset(name.lstrip(".") for name in statement.writes)


def left(found: Departure | None, statements: Statements, sources: Sources) -> Iterator[str]:
    """Where the failing call first goes another way than a passing call of the same function."""
    if found is None:
        return
    at = f"after {found.path}:{found.line} `{_text(sources, found.path, found.line)}`" if found.line else "at its start"
    statement = statements.get(found.path, {}).get(found.line)
    seen = tuple(pair for pair in found.values if statement is not None and pair[0] in statement.reads)
    values = f" with {_values(seen)}" if seen else ""
    yield (
        f"{_call(found.failing)} goes another way than the passing {_call(found.passing)} {at}{values}:"
        f" {_next(found.failing_next)}, there {_next(found.passing_next)}"
    )


def unordered(evidence: Evidence, found: Slice, statements: Statements) -> Iterator[str]:
    """Both sides hold the same texts, and one was made in a set's order: that of its texts changes from run to run."""
    failure, trace = evidence.failing.failure, evidence.failing.trace
    if failure is None or trace is None or failure.left == failure.right:
        return
    if not _same_items(failure.left, failure.right):
        return
    for path, line in found.distances:
        statement = statements.get(path, {}).get(line)
        running = trace.steps[found.steps[path, line]].activation
        if statement is not None and takes_order(statement, _own_statements(trace, running, statements)):
            yield (
                f"both sides hold the same items in another order, and {path}:{line} goes through a set: its order"
                " depends on PYTHONHASHSEED, which is 0 here, so the test may pass in your shell"
            )
            return


def _own_statements(trace: Trace, running: int, statements: Statements) -> list[Statement]:
    """All that the activation ran."""
    table = statements.get(trace.activations[running].path, {})
    lines = dict.fromkeys(step.line for step in trace.steps if step.activation == running)
    return [statement for line in lines if (statement := table.get(line)) is not None]


def _same_items(left: str | None, right: str | None) -> bool:
    one, other = _items(left), _items(right)
    return one is not None and one == other


def _items(text: str | None) -> list[str] | None:
    """What a list or tuple with texts in it holds, whatever its order: a number's hash is itself."""
    try:
        value: object = ast.literal_eval(text or "")
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    found = sorted(map(repr, cast("list[object]", value))) if isinstance(value, list | tuple) else []
    return found if any("'" in item or '"' in item for item in found) else None


def blocks(trace: Trace | None, statements: Statements) -> tuple[str, ...]:
    """The first and the last five basic blocks of project code that the test ran, with the values they left.

    After Zhong et al. 2024 (LDB), who show a model no more than that of a long run.
    """
    if trace is None:
        return ()
    rows = [_block(trace, steps) for steps in _grouped(trace, statements)]
    if len(rows) <= 2 * _BLOCKS:
        return tuple(rows)
    return (*rows[:_BLOCKS], f"… {len(rows) - 2 * _BLOCKS} more blocks", *rows[-_BLOCKS:])


def _grouped(trace: Trace, statements: Statements) -> Iterator[list[int]]:
    """Steps of one activation that follow each other without a branch between them."""
    group: list[int] = []
    previous: Statement | None = None
    for number, step in enumerate(trace.steps):
        activation = trace.activations[step.activation]
        if is_test_path(activation.path):
            continue
        statement = statements.get(activation.path, {}).get(step.line)
        same = bool(group) and trace.steps[group[-1]].activation == step.activation
        if group and (not same or previous is None or statement is None or _branches(previous, statement)):
            yield group
            group = []
        group.append(number)
        previous = statement
    if group:
        yield group


def _branches(one: Statement, then: Statement) -> bool:
    return one.control != then.control or one.end_line < (one.node.end_lineno or 0) or then.line <= one.line


def _block(trace: Trace, steps: list[int]) -> str:
    first, last = trace.steps[steps[0]], trace.steps[steps[-1]]
    values: dict[str, str] = {}
    for number in steps:
        values.update(trace.steps[number].values)
    activation = trace.activations[first.activation]
    lines = f"{first.line}" if first.line == last.line else f"{first.line}-{last.line}"
    return f"{activation.path}:{lines} in {activation.function}: {_values(tuple(values.items())) or 'no value changed'}"


def _text(sources: Sources, path: str, line: int) -> str:
    source = sources.get(path)
    return " ".join(source.line_text(line).split())[:_MOST_SOURCE] if source is not None else ""


def _call(activation: Activation) -> str:
    return f"`{activation.function}({_values(activation.arguments, '=')})`"


def _next(line: int) -> str:
    return f"to line {line}" if line > 0 else "to its end"


def _values(pairs: tuple[tuple[str, str], ...], equals: str = " = ") -> str:
    return ", ".join(f"{name}{equals}{_short(value)}" for name, value in pairs[:_MOST_VALUES])


def _short(text: str) -> str:
    return text if len(text) <= _MOST_VALUE else f"{text[: _MOST_VALUE - 1]}…"
