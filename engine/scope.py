"""What an edit operator may look at: one function's nodes, parents, names, constants and texts."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from .kinds import Kinds
from .lacking import Lacking
from .nodes import Comprehension, argument_names, blocks, bound_in, called_name, is_number, literal_kind
from .precedence import ATOM, BINDING, level, node_level
from .source import FunctionNode, Source, Splice

Unit = FunctionNode | ast.Module
_FORMULA = re.compile(r"(?<![=<>!])=(?!=)([^=]+?)[.,;]?\s*$|`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Edit:
    """One possible change. `weight` compares it with the other edits of the same operator, 1 being the likeliest."""

    splices: tuple[Splice, ...]
    weight: float = 1.0
    block: ast.stmt | None = None
    """The compound statement whose block gains or loses statements; None when the edit stays within statements."""
    note: str = ""
    """What to tell the user, when before and after do not say it well."""


class Scope:
    """One outermost function (or the module) with the indexes that operators ask for. Built once, read only."""

    def __init__(
        self,
        source: Source,
        unit: Unit,
        known: Kinds | None = None,
        imports: Mapping[str, Sequence[str]] = MappingProxyType({}),
        lacking: Lacking | None = None,
    ) -> None:
        """`imports`: statements by the name that they would define, from the modules beside this one. `lacking`: what
        the failing test's exception says is missing.
        """
        self.source = source
        self.unit = unit
        self.known = known or {}
        self.imports = imports
        self.lacking = lacking
        self.parents: dict[ast.AST, ast.AST] = {}
        self.nodes: list[ast.AST] = []
        self._index(unit)
        self._names: dict[ast.AST, tuple[str, ...]] = {}
        self._texts: dict[ast.expr | ast.stmt, str] = {}

    def _index(self, node: ast.AST) -> None:
        """Source order. A module's own scope holds no function bodies: each function is a scope of its own."""
        for child in ast.iter_child_nodes(node):
            if isinstance(self.unit, ast.Module) and isinstance(child, FunctionNode):
                continue
            self.parents[child] = node
            self.nodes.append(child)
            self._index(child)

    def text(self, node: ast.expr | ast.stmt) -> str:
        """The node's own text, without parentheses around it."""
        found = self._texts.get(node)
        if found is None:
            found = self._texts[node] = self.source.text(node)
        return found

    def up(self, node: ast.AST) -> Iterator[ast.AST]:
        """The ancestors, nearest first, up to the unit."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """The statement that holds this node; itself for a statement."""
        if isinstance(node, ast.stmt):
            return node
        return next((a for a in self.up(node) if isinstance(a, ast.stmt)), None)

    def block_of(self, statement: ast.stmt) -> list[ast.stmt]:
        """The list of statements that this one stands in."""
        parent = self.parents.get(statement, self.unit)
        return next((b for b in blocks(parent) if statement in b), [statement])

    def in_loop(self, node: ast.AST) -> bool:
        for ancestor in self.up(node):
            if isinstance(ancestor, ast.For | ast.AsyncFor | ast.While):
                return True
            if isinstance(ancestor, FunctionNode):
                return False
        return False

    def put(self, node: ast.expr, text: str, weight: float = 1.0, note: str = "") -> Edit:
        """Replace an expression, with parentheses where the surrounding operator would bind tighter."""
        start, end = self.source.span(node)
        if self._borrows(node, end):
            start, end = start + 1, end - 1
        elif level(text) < self._needed(node) and not self._in_parentheses(start, end):
            text = f"({text})"
        return Edit(((start, end, text),), weight, note=note)

    def group(self, node: ast.expr, least: int) -> str:
        """The node's text, parenthesised if it binds weaker than `least`."""
        text = self.text(node)
        return text if node_level(node) >= least else f"({text})"

    def between(self, left: ast.expr, right: ast.expr) -> tuple[int, str]:
        """Where the text between two operands starts, and that text."""
        start, end = self.source.span(left)[1], self.source.span(right)[0]
        return start, self.source.slice(start, end)

    def _borrows(self, node: ast.expr, end: int) -> bool:
        """A lone generator as in `sum(x for x in y)`: its parentheses are the call's."""
        parent = self.parents.get(node)
        if not isinstance(node, ast.GeneratorExp) or not isinstance(parent, ast.Call):
            return False
        return self.source.span(parent)[1] == end

    def _in_parentheses(self, start: int, end: int) -> bool:
        data = self.source.data
        return data[start - 1 : start] == b"(" and data[end : end + 1] == b")"

    def _needed(self, node: ast.expr) -> int:
        parent = self.parents.get(node)
        if isinstance(parent, ast.BinOp):
            own = BINDING[type(parent.op)]
            if isinstance(parent.op, ast.Pow):
                return own + 1 if node is parent.left else own - 1
            return own if node is parent.left else own + 1
        if isinstance(parent, ast.BoolOp):
            return BINDING[type(parent.op)] + 1
        if isinstance(parent, ast.UnaryOp):
            return BINDING[type(parent.op)]
        if isinstance(parent, ast.Compare | ast.Starred | ast.FormattedValue):
            return 6
        if isinstance(parent, ast.IfExp | ast.comprehension):
            return 2
        if isinstance(parent, ast.Attribute | ast.Await) or _is_head(parent, node):
            return ATOM
        return 0

    @cached_property
    def told(self) -> frozenset[str]:
        """The first four letters of every word in the function's name and docstring, in lower case."""
        if not isinstance(self.unit, FunctionNode):
            return frozenset()
        spoken = f"{self.unit.name} {ast.get_docstring(self.unit, clean=False) or ''}".lower()
        return frozenset(word[:4] for word in re.findall(r"[a-z]{3,}", spoken))

    @cached_property
    def formulas(self) -> dict[str, frozenset[str]]:
        """Arithmetic that the docstring spells out, behind an equals sign or in backticks, and the names in it."""
        spoken = ast.get_docstring(self.unit) or "" if isinstance(self.unit, FunctionNode) else ""
        lines = (line for line in spoken.splitlines() if not line.lstrip().startswith((">>>", "...")))
        texts = [text for line in lines for ends in _FORMULA.findall(line) for text in ends if text]
        parsed = {text.strip(): expression(text.strip()) for text in texts}
        sums = {text: tree for text, tree in parsed.items() if isinstance(tree, ast.BinOp)}
        named = {t: frozenset(n.id for n in ast.walk(tree) if isinstance(n, ast.Name)) for t, tree in sums.items()}
        return {text: names for text, names in named.items() if names}

    @cached_property
    def uses(self) -> Counter[str]:
        """How often each name is read."""
        return Counter(n.id for n in self.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))

    @cached_property
    def stores(self) -> Counter[str]:
        """How often each name is bound."""
        return Counter(n.id for n in self.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))

    @cached_property
    def roles(self) -> dict[str, set[str]]:
        """How each name is used: called, indexed, index, iterated, operand, attribute, or argument."""
        found: dict[str, set[str]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Name):
                found.setdefault(node.id, set()).add(self.role(node))
        return found

    def role(self, node: ast.expr) -> str:
        parent = self.parents.get(node)
        if isinstance(parent, ast.Call):
            return "called" if parent.func is node else "argument"
        if isinstance(parent, ast.Subscript):
            return "indexed" if parent.value is node else "index"
        if isinstance(parent, ast.For | ast.comprehension) and parent.iter is node:
            return "iterated"
        if isinstance(parent, ast.BinOp | ast.Compare | ast.UnaryOp | ast.AugAssign):
            return "operand"
        return "attribute" if isinstance(parent, ast.Attribute) else "value"

    def is_read(self, node: ast.expr) -> bool:
        """A value is taken from here: not a target, and not the function or container of a call or index."""
        assignable = isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Starred | ast.List | ast.Tuple)
        if assignable and not isinstance(node.ctx, ast.Load):
            return False
        return self.role(node) not in ("called", "indexed")

    @cached_property
    def slices(self) -> frozenset[str]:
        """Texts of the slices taken in this function: `1:`."""
        return frozenset(self.text(n) for n in self.nodes if isinstance(n, ast.Slice))

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Local names bound to a literal or constructor: list, set, dict, int, str, bool, none."""
        found: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Assign) and (kind := literal_kind(node.value)):
                found.update({t.id: kind for t in node.targets if isinstance(t, ast.Name)})
        return found

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        return argument_names(self.unit.args) if isinstance(self.unit, FunctionNode) else ()

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Parameters whose value nothing takes, a method's own object aside."""
        return tuple(name for name in self.parameters if not self.uses[name] and name not in ("self", "cls"))

    @cached_property
    def indexed(self) -> tuple[str, ...]:
        return tuple(n for n, roles in self.roles.items() if "indexed" in roles)

    @cached_property
    def counters(self) -> tuple[str, ...]:
        """Names that count: `i` of `for i in range(n)`."""
        loops = (n for n in self.nodes if isinstance(n, ast.For | ast.comprehension))
        ranges = (n for n in loops if isinstance(n.iter, ast.Call) and called_name(n.iter) == "range")
        return tuple(n.target.id for n in ranges if isinstance(n.target, ast.Name))

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Texts of the numbers written in this function."""
        return tuple(dict.fromkeys(self.text(n) for n in self.nodes if isinstance(n, ast.Constant) and is_number(n)))

    @cached_property
    def strings(self) -> tuple[str, ...]:
        """Texts of the short one-line strings written in this function, docstrings and f-string parts aside."""
        plain = (n for n in self.nodes if isinstance(n, ast.Constant) and self.is_plain_string(n))
        return tuple(dict.fromkeys(self.text(n) for n in plain))

    def is_plain_string(self, node: ast.AST) -> bool:
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) <= 40):
            return False
        return not isinstance(self.parents.get(node), ast.Expr | ast.JoinedStr | ast.FormattedValue)

    @cached_property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Attribute names by the name they hang on (`self`), over the whole file; under `` those of any object."""
        found: dict[str, dict[str, None]] = {}
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Attribute):
                found.setdefault("", {})[node.attr] = None
                if isinstance(node.value, ast.Name):
                    found.setdefault(node.value.id, {})[node.attr] = None
        return {owner: tuple(names) for owner, names in found.items()}

    @cached_property
    def methods(self) -> frozenset[str]:
        """Names of the methods that the file's classes define."""
        classes = (n for n in ast.walk(self.source.tree) if isinstance(n, ast.ClassDef))
        return frozenset(s.name for c in classes for s in c.body if isinstance(s, FunctionNode))

    def names(self, node: ast.AST) -> tuple[str, ...]:
        """Names in scope at a node: its comprehension's, its functions' locals and parameters. Nearest first."""
        holder = next((a for a in self.up(node) if isinstance(a, Comprehension | FunctionNode | ast.Lambda)), None)
        key = holder or self.unit
        if key not in self._names:
            outer = self.names(key) if holder is not None else ()
            self._names[key] = tuple(dict.fromkeys((*bound_in(key), *outer)))
        return self._names[key]


def expression(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_head(parent: ast.AST | None, node: ast.expr) -> bool:
    if isinstance(parent, ast.Call):
        return parent.func is node
    return isinstance(parent, ast.Subscript) and parent.value is node
