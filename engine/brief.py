"""The brief form of a repair's prompt: the module, the test, a word of what happened, and `def NAME(` in the mouth.

    the whole module, its docstrings cut                              as long as it fits
    its imports, the function in its class, the nearest of the rest   in a larger one

It was made for models of half a billion weights and what they learn (docs/training.md has the figures). A failed
attempt stands in the function's place, and what came of it in the place of the facts.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .errors import BadInput
from .model import Message
from .outlines import distance, holds, near, outline
from .prompt import MOST_FUNCTION, Attempt, Target, not_shown, rendered
from .shorten import USUAL, Space
from .source import Function, FunctionNode, Source
from .stub import plain

_HELPER = "You are a helpful Python programmer."
_MOST_DOCSTRING = 300
MOST = Space(context=4_000, facts=400, test=900)
"""Characters. `context` is of the module, the function included: that is shown whole even where it has more."""
_QUOTES = re.compile(r"""\s*[rRuU]*("{3}|'{3})""")
_LINE_END = re.compile(r"\r\n|\r|\n")

Lines = dict[int, str]
"""Of a file, by number; those that are not shown are missing."""


def repair(target: Target, last: Attempt | None = None, space: Space = USUAL) -> tuple[Message, ...]:
    """Ask for the whole function again."""
    most = _in(space)
    code, facts = _state(target, last, most)
    content = rendered(
        "brief.j2",
        source=code,
        test=target.test[: most.test].strip(),
        facts=facts[: most.facts].strip(),
        rounds=[(one.code[:MOST_FUNCTION], one.feedback[: most.facts]) for one in _earlier(last, space)],
        function=plain(target.function.qualname),
    )
    return (Message("system", _HELPER), Message("user", content))


def _earlier(last: Attempt | None, space: Space) -> tuple[Attempt, ...]:
    """The rounds before the last, which stands in the function's place; none where space is short."""
    return last.rounds[:-1] if last is not None and space == USUAL else ()


def opening(function: Function) -> str:
    """How the answer's code begins: after a brief prompt it would else begin with what was read last."""
    node = function.node
    told = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return f"{told} {node.name}{'[' if getattr(node, 'type_params', ()) else '('}"


def left_out(target: Target, space: Space) -> tuple[str, ...]:
    """What `repair` does not show of its target in so much space, in words."""
    most = _in(space)
    _, parts, shown = _shown(target, most)
    return not_shown(target, most, _told(target, target.facts), parts, shown)


def briefly(source: Source) -> Lines:
    """The module with only the beginning of each function's docstring."""
    lines = dict(enumerate(_LINE_END.split(source.slice(source.line_start(1), len(source.data))), 1))
    for node in ast.walk(source.tree):
        if isinstance(node, FunctionNode) and ast.get_docstring(node) is not None:
            said = node.body[0]
            if quotes := _QUOTES.match(lines[said.lineno]):
                _cut(lines, said.lineno, said.end_lineno or said.lineno, quotes.group(1))
    return lines


def _cut(lines: Lines, first: int, end: int, quotes: str) -> None:
    """Leave of the docstring in these lines what fits."""
    room = _MOST_DOCSTRING
    for at in range(first, end + 1):
        room -= len(lines[at].strip())
        if room < 0 and at > first:
            indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
            lines[at] = f"{indent}...{quotes}"
            for dropped in range(at + 1, end + 1):
                del lines[dropped]
            return


def _in(space: Space) -> Space:
    """This form's own measures, as much smaller as the space is than usual."""
    context = MOST.context * space.context // USUAL.context
    return Space(context, min(MOST.facts, space.facts), min(MOST.test, space.test))


def _told(target: Target, facts: tuple[str, ...]) -> str:
    return "\n".join((*target.required, *facts))


def _state(target: Target, last: Attempt | None, most: Space) -> tuple[str, str]:
    """The code to repair, and what is known of its failure."""
    if last is None:
        return _shown(target, most)[0], _told(target, target.facts)
    facts = _told(target, (last.feedback,))
    try:
        return _shown(_tried(target, last.code), most)[0], facts
    except BadInput:  # no answer that ran: its text is all that there is to show
        return last.code[:MOST_FUNCTION].strip(), facts


def _tried(target: Target, code: str) -> Target:
    """The attempt in the function's place. Raises BadInput where the file would not parse."""
    source, function = target.source, target.function
    place = source.functions().index(function)  # its name may be that of several, as a property's
    after = Source.parse(source.path, source.replace_function(function, code))
    return replace(target, source=after, function=after.functions()[place])


def _shown(target: Target, most: Space) -> tuple[str, int, int]:
    """The module as far as there is room, of how many other parts that is a choice, and how many of them it shows."""
    lines = briefly(target.source)
    whole = "\n".join(lines.values()).strip()
    if len(whole) <= most.context:
        return whole, 0, 0
    pieces = list(_pieces(target.source, target.source.tree.body, target.function, lines))
    others = [(piece.far, f"{piece.text}\n") for piece in pieces if piece.far is not None]
    room = most.context - sum(len(piece.text) + 1 for piece in pieces if piece.far is None)
    kept = near(others, room)
    chosen = iter(range(len(others)))
    texts = [piece.text for piece in pieces if piece.far is None or next(chosen) in kept]
    return "\n".join(texts), len(others), len(kept)


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    far: int | None
    """Lines from the function; None for it and for the heads of what it stands in, which are always shown."""


def _pieces(source: Source, body: list[ast.stmt], function: Function, lines: Lines) -> Iterator[_Piece]:
    """The function where it stands, and an outline of all else, in the file's order and indentation."""
    for node in body:
        if node.lineno == function.def_line and isinstance(node, FunctionNode):
            yield _Piece(_between(lines, function.first_line, function.end_line)[:MOST_FUNCTION], None)
        elif holds(node, function):
            below = list(_below(node))
            yield _Piece(_between(lines, _start(node), _start(below[0]) - 1), None)
            yield from _pieces(source, below, function, lines)
        elif text := outline(source, node):
            is_definition = isinstance(node, FunctionNode | ast.ClassDef)
            laid = textwrap.indent(text, source.indent(node.lineno)) if is_definition else ""
            yield _Piece(laid or _between(lines, node.lineno, node.end_lineno or node.lineno), distance(node, function))


def _between(lines: Lines, first: int, last: int) -> str:
    return "\n".join(lines[at] for at in range(first, last + 1) if at in lines)


def _start(node: ast.stmt) -> int:
    """The first line, decorators included."""
    decorators = node.decorator_list if isinstance(node, FunctionNode | ast.ClassDef) else []
    return min([node.lineno, *(each.lineno for each in decorators)])


def _below(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements in a compound one, those of its handlers and cases too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.excepthandler | ast.match_case):
            yield from _below(child)
