"""Which line of a running function gave a name the value that it held when another line raised."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from ..sandbox.types import Step, Trace
from .dataflow import Statement, own_parts
from .source import Source

Table = Mapping[int, Statement]


def passed(trace: Trace, number: int, line: int, name: str, value: str, table: Table) -> tuple[str, int] | None:
    """The place of the call that gave it to the activation `number`, which raised at `line` and never wrote it."""
    activation = trace.activations[number]
    steps = _steps(trace, number)
    if (
        trace.cut
        or activation.unbroken >= 0
        or activation.caller < 0
        or _changes(steps, name)
        or (name, value) not in activation.arguments
    ):
        return None
    before = steps[: _end(steps, line, table)]
    wrote = any(_stores(statement, name) for step in before if (statement := table.get(step.line)) is not None)
    if wrote or not any(step.line == line for step in steps):
        return None
    return trace.activations[activation.caller].path, activation.at


def writer(trace: Trace, number: int, line: int, name: str, value: str, table: Table) -> int | None:
    """The last line of the activation that wrote it, with this value, before `line` raised; None where it is not sure.

    A value may change through another name, and a `for` that ended or a `with` that is left writes nothing.
    """
    steps = _steps(trace, number)
    changes = _changes(steps, name)
    known = dict(steps[changes[-1]].values) if changes else dict(trace.activations[number].arguments)
    if trace.cut or known.get(name) != value:
        return None
    perhaps: set[int] = set()
    for n in reversed(range(max(trace.activations[number].unbroken, 0), _end(steps, line, table))):
        statement = table.get(steps[n].line)
        if statement is None or name not in statement.writes:
            continue
        if n in changes or _binds(statement, name):
            sure = n >= max(changes, default=n) and perhaps <= {steps[n].line}
            return steps[n].line if sure else None
        if _stores(statement, name):
            perhaps.add(steps[n].line)
    return None


def _steps(trace: Trace, number: int) -> list[Step]:
    return [step for step in trace.steps if step.activation == number]


def _changes(steps: Sequence[Step], name: str) -> list[int]:
    return [n for n, step in enumerate(steps) if name in dict(step.values)]


def _end(steps: Sequence[Step], line: int, table: Table) -> int:
    """How many steps came before the run of the statement that raised."""
    end = max((n for n, step in enumerate(steps) if step.line == line), default=0)
    while end and table.get(steps[end - 1].line) is table.get(line):
        end -= 1
    return end


def _stores(statement: Statement, name: str) -> bool:
    parts = (node for part in own_parts(statement.node) for node in ast.walk(part))
    return name in statement.writes and any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store) for node in parts
    )


def _binds(statement: Statement, name: str) -> bool:
    """It gives the name a value each time that it runs."""
    node = statement.node
    whole = isinstance(node, ast.Assign | ast.AugAssign) or (isinstance(node, ast.AnnAssign) and node.value is not None)
    return whole and _stores(statement, name)


def went_on(source: Source, line: int, ran: frozenset[int]) -> bool:
    """A handler or a `finally` around the line ran: what names hold in the end may not be what they held there."""
    return any(
        ran.intersection(range(later.lineno, (later.end_lineno or 0) + 1))
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Try | ast.TryStar)
        for later in _later(node, line)
    )


def _later(node: ast.Try | ast.TryStar, line: int) -> Sequence[ast.stmt]:
    if _spans(node.body, line):
        return [*node.finalbody, *(each for handler in node.handlers for each in handler.body)]
    return node.finalbody if _spans([*node.handlers, *node.orelse], line) else ()


def _spans(nodes: Sequence[ast.stmt | ast.ExceptHandler], line: int) -> bool:
    return any(node.lineno <= line <= (node.end_lineno or 0) for node in nodes)
