"""Candidates by search: every edit of every operator on the suspicious lines, best first.

Proposals are cheap and made all at once; each is parsed only when its turn comes, and only the smallest statement
around it. What does not parse, changes nothing, or equals an earlier candidate never comes out.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from .kinds import Kinds
from .lacking import Lacking
from .operators import OPERATORS, Operator
from .scope import Edit, Scope
from .sense import sense
from .source import FunctionNode, Source
from .types import Candidate, FileChange, Origin, Patch

_SHOWN = 60
_MOST_WEIGHED = 4_000
"""Proposals: more than are tried in a minute."""
_BY_TYPE: dict[type[ast.AST], list[Operator]] = {}
for _operator in OPERATORS:
    for _type in _operator.on:
        _BY_TYPE.setdefault(_type, []).append(_operator)


@dataclass(frozen=True, slots=True)
class Proposal:
    """An edit that some operator makes, not yet tried and perhaps not even a program."""

    score: float
    operator: Operator
    edit: Edit
    node: ast.AST
    scope: Scope

    @property
    def line(self) -> int:
        """Where the edit begins, for an expression or statement the line of its node."""
        if isinstance(self.node, ast.expr | ast.stmt):
            return self.node.lineno
        return self.scope.source.line_of(min(self.edit.splices)[0])


@dataclass(frozen=True, slots=True)
class _Region:
    """A stretch of bytes that parses by itself once laid out by `text`."""

    start: int
    end: int
    head: str
    """What must stand before the text: the `if` that an indented block needs."""
    tail: str
    """`pass`, where a body was cut off."""

    def text(self, source: Source, edit: Edit | None) -> str:
        parts: list[str] = []
        at = self.start
        for start, end, new in sorted(edit.splices if edit else (), key=lambda s: s[:2]):
            parts += [source.slice(at, start), new]
            at = end
        middle = "".join([*parts, source.slice(at, self.end)])
        stripped = middle.lstrip(" \t\f")
        if stripped.startswith("elif"):
            middle = middle[: len(middle) - len(stripped)] + stripped[2:]
        return f"{self.head}{middle}{self.tail}"


class Mutants:
    """The single-edit candidates of one file, made one at a time: most are never needed."""

    def __init__(
        self,
        source: Source,
        lines: Mapping[int, float],
        kinds: Mapping[str, Kinds] = MappingProxyType({}),
        part: Collection[int] | None = None,
        imports: Mapping[str, Sequence[str]] = MappingProxyType({}),
        lacking: Lacking | None = None,
    ) -> None:
        """lines: suspicion in (0, 1] by line number; nothing outside these lines is edited, except that a guard at a
        function's top needs only one suspicious line in that function. kinds: what names were seen to hold, by the
        outermost function's qualified name. part: only edits whose suspicion is that of one of these lines. imports,
        lacking: as in `Scope`.
        """
        wanted = lines.keys() if part is None else part
        scopes = (Scope(source, unit, kinds.get(name), imports, lacking) for name, unit in _units(source, wanted))
        found = [proposal for scope in scopes for proposal in _proposals(scope, lines, wanted)]
        self.proposals = _in_order(found)
        self._source = source
        self._seen: set[tuple[int, int, str]] = set()
        self._originals: dict[_Region, str | None] = {}

    def all(self) -> Iterator[Candidate]:
        """Best first."""
        yield from (candidate for proposal in self.proposals if (candidate := self.make(proposal)) is not None)

    def make(self, proposal: Proposal) -> Candidate | None:
        """The candidate; None for what is no program, changes nothing, or equals one that was made before."""
        region = _region(proposal)
        if region not in self._originals:
            self._originals[region] = _shape(region.text(self._source, None))
        shape = _shape(region.text(self._source, proposal.edit))
        key = (region.start, region.end, shape or "")
        if shape is None or shape == self._originals[region] or key in self._seen:
            return None
        self._seen.add(key)
        return _candidate(proposal)


def mutants(
    source: Source, lines: Mapping[int, float], kinds: Mapping[str, Kinds] = MappingProxyType({})
) -> Iterator[Candidate]:
    """Single-edit candidates for the given lines, best first; `lines` and `kinds` as in `Mutants`."""
    yield from Mutants(source, lines, kinds).all()


def _units(source: Source, lines: Collection[int]) -> Iterator[tuple[str, FunctionNode | ast.Module]]:
    """The outermost functions that hold a suspicious line, and the module if a line lies outside all of them."""
    outside = set(lines)
    for function in source.functions():
        if ".<locals>." in function.qualname:
            continue
        held = [line for line in outside if function.first_line <= line <= function.end_line]
        if held:
            outside.difference_update(held)
            yield function.qualname, function.node
    if outside:
        yield "", source.tree


def _proposals(scope: Scope, lines: Mapping[int, float], wanted: Collection[int]) -> Iterator[Proposal]:
    nodes = [scope.unit, *scope.nodes] if isinstance(scope.unit, FunctionNode) else scope.nodes
    for node in nodes:
        operators = _BY_TYPE.get(type(node))
        if operators and (line := _suspected(node, scope, lines)) in wanted:
            suspicion = lines[line]
            for operator in operators:
                for edit in operator.edits(node, scope):
                    yield Proposal(suspicion * operator.prior * edit.weight, operator, edit, node, scope)


def _in_order(found: list[Proposal]) -> list[Proposal]:
    """Best first. Sense is made of the likeliest only: each costs a parse, and a long function has 100,000 edits."""
    likely = sorted(found, key=lambda p: -p.score)
    first = [replace(p, score=p.score * sense(p.edit, p.node, p.scope)) for p in likely[:_MOST_WEIGHED]]
    return sorted([*first, *likely[_MOST_WEIGHED:]], key=lambda p: -p.score)


def _suspected(node: ast.AST, scope: Scope, lines: Mapping[int, float]) -> int:
    """The line that says how suspicious a node is, 0 for none: its own, else the worst of the head of its statement;
    of a function, its worst.
    """
    if isinstance(node, ast.expr) and node.lineno in lines:
        return node.lineno
    statement = scope.statement(node)
    if statement is None or (isinstance(node, ast.expr) and node.lineno < statement.lineno):  # a decorator
        return 0
    last = statement.end_lineno or statement.lineno
    if not isinstance(node, FunctionNode) and (body := _body(statement)):
        last = max(statement.lineno, body[0].lineno - 1)
    return max((n for n in range(statement.lineno, last + 1) if n in lines), key=lambda n: lines[n], default=0)


def _body(statement: ast.stmt) -> list[ast.stmt]:
    held = isinstance(
        statement,
        FunctionNode | ast.ClassDef | ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try,
    )
    return statement.body if held else []


def _region(proposal: Proposal) -> _Region:
    """The smallest statement around the edit; for a block's edit, all lines of the statement that owns the block."""
    scope, edit = proposal.scope, proposal.edit
    source = scope.source
    low, high = min(s[0] for s in edit.splices), max(s[1] for s in edit.splices)
    holder = edit.block or scope.statement(proposal.node)
    while holder is not None:
        found = _lines_of(holder, source) if edit.block else _statement_region(holder, source, high)
        if found.start <= low and high <= found.end:
            return found
        holder = next((a for a in scope.up(holder) if isinstance(a, ast.stmt)), _unit_statement(holder, scope))
    return _Region(0 if source.line_start(1) == 0 else source.line_start(1), len(source.data), "", "")


def _unit_statement(holder: ast.stmt, scope: Scope) -> ast.stmt | None:
    return scope.unit if isinstance(scope.unit, ast.stmt) and holder is not scope.unit else None


def _lines_of(statement: ast.stmt, source: Source) -> _Region:
    start, end = source.line_start(statement.lineno), source.line_start((statement.end_lineno or 0) + 1)
    head = "if 1:\n" if source.indent(statement.lineno) else ""
    return _Region(start, end, head, "")


def _statement_region(statement: ast.stmt, source: Source, high: int) -> _Region:
    start, end = source.span(statement)
    first = source.line_start(statement.lineno)
    before = source.slice(first, start)
    alone = bool(before) and not before.strip()
    head = "if 1:\n" if alone else ""
    body = _body(statement)
    cut = end
    tail = ""
    if body:
        below = body[0].lineno > statement.lineno
        decorated = min([body[0].lineno, *(d.lineno for d in getattr(body[0], "decorator_list", ()))])
        cut = source.line_start(decorated) if below else source.span(body[0])[0]
        tail = (source.indent(body[0].lineno) if below else "") + "pass"
    if high > cut:
        cut, tail = end, ""
    return _Region(first if alone else start, cut, head, tail)


def _shape(text: str) -> str | None:
    """What makes two texts the same program; None if the text is not a program."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _candidate(proposal: Proposal) -> Candidate:
    source, edit = proposal.scope.source, proposal.edit
    line = proposal.line
    change = FileChange(source.path, source.data, source.splice(edit.splices))
    name = source.path.rsplit("/", 1)[-1]
    return Candidate(
        patch=Patch((change,)),
        origin=Origin.MUTATION,
        description=f"{edit.note or _difference(source, edit)} at {name}:{line}",
        operator=proposal.operator.name,
        prior=proposal.score,
        path=source.path,
        line=line,
    )


def _difference(source: Source, edit: Edit) -> str:
    shown: list[str] = []
    for start, end, new in edit.splices[:2]:
        old = source.slice(start, end)
        shown.append(f"`{_short(old)}` → `{_short(new)}`" if old else f"insert `{_short(new)}`")
    return ", ".join(dict.fromkeys(shown))


def _short(text: str) -> str:
    one = " ".join(text.split())
    return one if len(one) <= _SHOWN else one[: _SHOWN - 1] + "…"
